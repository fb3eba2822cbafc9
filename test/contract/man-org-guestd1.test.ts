// org.guestd1(5) has the XML's interface, guestd's fields, and working examples.
import { describe, expect, it } from "vitest";
import { makeMethods } from "../../src/bus/methods.ts";
import type { MethodParts } from "../../src/bus/methods.ts";
import { MOST_ARGUMENT_BYTES, MOST_CALLS } from "../../src/bus/service.ts";
import type { VariantDict } from "../../src/bus/values.ts";
import * as wire from "../../src/bus/wire.ts";
import { makeReceipt } from "../../src/policy/make-receipt.ts";
import { cut, MAN, readItems, readNumber, readPage, termsOf } from "../helpers/man.ts";
import { ENDING_SESSION, ISOLATION, SESSION } from "../helpers/samples.ts";
import { readProjectFile } from "../helpers/tree.ts";

const PAGE = "org.guestd1.5";
const xml = readProjectFile("systemd/org.guestd1.xml");
const namesOf = (pattern: RegExp) => [...xml.matchAll(pattern)].map(([, name]) => name);

/** As on the page: "Name(in  s id, out a{sv} receipt);". */
function readMembers(kind: "method" | "signal"): string[] {
  const pattern = new RegExp(`<${kind} name="(\\w+)"(?:/>|>(.*?)</${kind}>)`, "gs");
  return [...xml.matchAll(pattern)].map(([, member = "", body = ""]) => {
    const args = [...body.matchAll(/<arg name="(\w+)" type="([^"]+)"(?: direction="(in|out)")?/g)].map(
      ([, name = "", type = "", direction]) => `${direction === undefined ? "" : `${direction} `}${type} ${name}`,
    );
    return `${member}(${args.join(", ")});`;
  });
}

/** As on the page: "name (type)". */
const fieldsOf = (part: string) =>
  termsOf(PAGE, "DICTIONARIES", part)
    .filter((term) => term.includes("("))
    .sort();

const formatFields = (dictionary: VariantDict) =>
  Object.entries(dictionary).map(([name, { signature }]) => `${name} (${signature})`);

function readRequested(from: string): string[] {
  const code = cut("src/bus/wire.ts", from, "\n}\n");
  const strings = [...code.matchAll(/\b(?:text|added)\("(\w+)"\)/g)].map(([, name = ""]) => `${name} (s)`);
  const numbers = [...code.matchAll(/\bid\("(\w+)"\)/g)].map(([, name = ""]) => `${name} (u)`);
  return [...strings, ...numbers];
}

describe("org.guestd1(5)", () => {
  it("lists the methods and signals of the XML, with their arguments", () => {
    const [methods = "", signals = ""] = cut(`${MAN}/${PAGE}`, "    methods:\n", "  };\n").split("    signals:\n");
    const membersOf = (list: string) =>
      list
        .replace(/\s+/g, " ")
        .trim()
        .split(/(?<=;) /);
    expect(membersOf(methods)).toEqual(readMembers("method"));
    expect(membersOf(signals)).toEqual(readMembers("signal"));
  });

  it("explains each method and signal once", () => {
    const parts = ["Methods for PAM", "Methods for administrators"];
    const explained = parts.flatMap((part) => termsOf(PAGE, "THE MANAGER OBJECT", part));
    expect(explained.sort()).toEqual([...namesOf(/<method name="(\w+)"/g)].sort());
    expect(termsOf(PAGE, "THE MANAGER OBJECT", "Signals")).toEqual(namesOf(/<signal name="(\w+)"/g));
  });

  it("has the errors of the XML", () => {
    expect(termsOf(PAGE, "ERRORS")).toEqual(namesOf(/org\.guestd1\.Error\.(\w+) /g));
  });

  it("has the fields of both requests", () => {
    const terms = readRequested("function readTermsReply");
    expect(fieldsOf("Request of AllocateAccount")).toEqual(
      [...readRequested("export function readAllocateRequest"), ...terms].sort(),
    );
    expect(fieldsOf("Request of OpenSession")).toEqual(
      [...readRequested("export function readOpenRequest"), ...terms].sort(),
    );
  });

  it("has the fields of all that guestd sends", async () => {
    const terms = wire.wireTerms({ text: "", digest: "", answer: "" });
    const reply = { id: "", namespace: "", inode: 1, environment: {}, isolation: ISOLATION, notice: "Hello" };
    const rows = makeMethods({
      state: () => ({ sessions: new Map(), loginSwitch: { enabled: true, reason: "" } }),
      configuration: { errors: [] },
    } as unknown as MethodParts);
    const [status] = (await rows
      .find(({ name }) => name === "GetStatus")
      ?.handle([], { pid: 1, uid: 0, name: "" }, 0)) as readonly VariantDict[];
    const sent: Readonly<Record<string, VariantDict>> = {
      "Reply of AllocateAccount": { ...wire.wireAllocation({ verdict: "leased", user: "guest-aaaa" }), ...terms },
      "Reply of OpenSession and JoinSession": { ...wire.wireOpenReply(reply), ...terms },
      Session: wire.wireSessionDetails(SESSION),
      Receipt: wire.wireReceipt(makeReceipt(ENDING_SESSION, [], { now: 1, uptime: 1 })),
      Lease: wire.wireLease({ uid: 1, last: 1, state: "unused", user: "", session: "", reason: "" }),
      Explanation: wire.wireExplanation({ verdict: "ignored", reason: "", leased: false, plan: [], warnings: [] }),
      Check: wire.wireLoginCheck({ fault: "", warnings: [], checkedAt: 0 }),
      Status: status ?? {},
    };
    for (const [part, dictionary] of Object.entries(sent))
      expect(fieldsOf(part), part).toEqual(formatFields(dictionary).sort());
    const parts = readItems(PAGE).filter(({ section }) => section === "DICTIONARIES");
    expect(new Set(parts.map(({ part }) => part)).size).toBe(Object.keys(sent).length + 2);
  });

  it("has the limits of the code", () => {
    const page = readPage(PAGE);
    expect(page).toContain(`within ${readNumber("src/bus/methods.ts", "ANSWER_LIMIT_MS") / 1000} seconds`);
    expect(page).toContain(`${MOST_CALLS} calls are under way`);
    expect(page).toContain(`more than ${MOST_ARGUMENT_BYTES / 1024} KiB`);
    for (const name of ["NOTICE_MAX", "TERMS_MAX"])
      expect(page).toContain(`at most ${readNumber("pam/answer.h", name)} bytes`);
    const [characters, bytes] = ["REASON_CHARACTERS", "REASON_BYTES"].map((name) =>
      readNumber("src/policy/switch.ts", name),
    );
    expect(page).toContain(`at most ${String(characters)} printable characters and ${String(bytes)} bytes`);
  });

  it("calls methods in its examples as they are", () => {
    const examples = cut(`${MAN}/${PAGE}`, ".SH EXAMPLES", ".SH ").replace(/ \\\(rs\n +/g, " ");
    const calls = [
      ...examples.matchAll(/^busctl call org\.guestd1 \/org\/guestd1 org\.guestd1\.Manager (\w+)(?: ([a-z]+) .*)?$/gm),
    ].map(([, name, input = ""]) => ({ name, input }));
    expect(calls.length).toBeGreaterThan(1);
    const methods = makeMethods({} as MethodParts).map(({ name, input }) => ({ name, input }));
    expect(methods).toEqual(expect.arrayContaining(calls));
  });
});
