// systemd/org.guestd1.xml is the contract for the code's methods, signatures, signals and errors.
import { describe, expect, it } from "vitest";
import { makeMethods } from "../../src/bus/methods.ts";
import type { MethodParts } from "../../src/bus/methods.ts";
import { ERROR_PREFIX, INTERFACE, NAME, OBJECT } from "../../src/bus/names.ts";
import { DEFAULTS } from "../../src/config/parse.ts";
import { MOST_TERMS_BYTES } from "../../src/config/terms.ts";
import { sentence } from "../../src/config/values.ts";
import { makeNotice } from "../../src/policy/notice.ts";
import { judgeAuthentication } from "../../src/policy/admission.ts";
import { findReasonFault } from "../../src/policy/switch.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const xml = readProjectFile("systemd/org.guestd1.xml");

function readMembers(kind: "method" | "signal") {
  const pattern = new RegExp(`<${kind} name="(\\w+)"(?:/>|>(.*?)</${kind}>)`, "gs");
  return [...xml.matchAll(pattern)].map(([, name = "", body = ""]) => {
    const args = [...body.matchAll(/<arg [^>]*?type="([^"]+)"(?: direction="(in|out)")?/g)];
    const signature = (direction?: string) =>
      args
        .filter(([, , of]) => of === direction)
        .map(([, type]) => type)
        .join("");
    return { name, input: signature("in"), output: signature("out"), signature: signature() };
  });
}

/** From the comment before the method. */
function readCaller(method: string): string {
  const [before = ""] = xml.split(`<method name="${method}"`);
  const comment = before.slice(before.lastIndexOf("<!--"));
  return /Caller: (uid 0)[.,]/.exec(comment)?.[1] ?? `${method}: the XML does not say who may call it`;
}

describe("the bus interface", () => {
  it("has the methods of the XML, with their signatures, for root only", () => {
    const rows = makeMethods({} as MethodParts).map(({ name, input, output }) => ({ name, input, output }));
    const contract = readMembers("method").map(({ name, input, output }) => ({ name, input, output }));
    for (const { name } of contract) expect(readCaller(name)).toBe("uid 0");
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(rows.sort(byName)).toEqual(contract.sort(byName));
  });

  it("is closed by the bus to all users except root", () => {
    const [everybody = ""] =
      /<policy context="default">.*?<\/policy>/s.exec(readProjectFile("systemd/org.guestd1.conf")) ?? [];
    expect(everybody).not.toContain("<allow");
    expect(everybody).toContain(`<deny send_destination="${NAME}"/>`);
  });

  it("denies guests by policy only BlueZ and single methods of other services, each under all its names", () => {
    const [guests = ""] =
      /<policy group="guests">.*?<\/policy>/s.exec(readProjectFile("systemd/org.guestd1.conf")) ?? [];
    const rules = [...guests.matchAll(/<(allow|deny)\s([^>]*?)\/>/gs)].map(([, verb = "", what = ""]) => ({
      verb,
      what: what.replace(/\s+/g, " "),
    }));
    expect(rules.length).toBeGreaterThan(0);
    for (const { verb, what } of rules) {
      expect(verb).toBe("deny");
      // A rule without a destination would apply to all services (dbus-daemon(1), send_interface).
      expect(what).toMatch(
        /^send_destination="(?:org\.bluez"|(org\.freedesktop\.(?:login1|systemd1))" send_interface="\1\.\w+" send_member="\w+")$/,
      );
    }
    expect(new Set(rules.map(({ what }) => what)).size).toBe(rules.length);
  });

  it("answers sooner than the PAM module gives up by default, so no session is lost to its guest", () => {
    const limitMs = Number(/ANSWER_LIMIT_MS = (\d+);/.exec(readProjectFile("src/bus/methods.ts"))?.[1]);
    const waitMs = 1000 * Number(/^#define SECONDS (\d+)$/m.exec(readProjectFile("pam/options.c"))?.[1]);
    expect(limitMs).toBeGreaterThan(0);
    expect(waitMs - limitMs).toBeGreaterThanOrEqual(250);
  });

  it("gives a refused guest no reason that the PAM module or PAM would cut", () => {
    const most = Number(/^#define SENTENCE_MAX (\d+)\b/m.exec(readProjectFile("pam/refusal.h"))?.[1]);
    const reasons = ["a".repeat(200), "ä".repeat(200), `${"€".repeat(133)}a`, "😀".repeat(100)];
    expect(reasons.map(findReasonFault)).toEqual(reasons.map(() => undefined));
    const login = { user: "guest", service: "login", tty: "tty1", rhost: "", leaderCgroup: "", leaderPid: 500 };
    for (const reason of reasons) {
      const verdict = judgeAuthentication(DEFAULTS, login, [], { enabled: false, reason });
      const sentence = verdict.kind === "refused" ? verdict.reason : "";
      expect(sentence).toContain(`${reason}. Please ask`);
      expect(Buffer.byteLength(sentence)).toBeLessThanOrEqual(most);
    }
    // Includes the terminating byte (PAM_MAX_MSG_SIZE).
    expect(most).toBeLessThan(512);
  });

  it("gives no text to show that the PAM module would refuse", () => {
    const most = (name: string) =>
      Number(new RegExp(`^#define ${name} (\\d+)$`, "m").exec(readProjectFile("pam/answer.h"))?.[1]);
    // Four bytes each.
    const longest = "😀".repeat(300);
    expect(sentence.parse(longest)).toBe(longest);
    expect(sentence.parse(`${longest}a`)).toBeUndefined();
    const config = {
      ...DEFAULTS,
      Notice: { ...DEFAULTS.Notice, LoginText: { "": longest }, TermsQuestion: { "": longest } },
    };
    const file = { text: `a${"\t".repeat(MOST_TERMS_BYTES - 2)}b`, digest: "d" };
    const { login, terms } = makeNotice(config, "", file);
    expect(Buffer.byteLength(login)).toBeLessThanOrEqual(most("NOTICE_MAX"));
    expect(Buffer.byteLength(terms?.text ?? "")).toBeLessThanOrEqual(most("TERMS_MAX"));
    expect(xml).toContain(`at most ${most("NOTICE_MAX")} bytes`);
    expect(xml).toContain(`at most ${most("TERMS_MAX")} bytes`);
  });

  it("sends the signals of the XML, with their signatures", () => {
    const effects = readProjectFile("src/effects.ts");
    const sent = [...effects.matchAll(/service\.emit\("(\w+)", "([^"]+)"/g)].map(([, name, signature]) => ({
      name,
      signature,
    }));
    expect(sent).toEqual(readMembers("signal").map(({ name, signature }) => ({ name, signature })));
  });

  it("answers with the errors of the XML, and no others", () => {
    const type = /export type ErrorCode =([^;]+);/.exec(readProjectFile("src/policy/errors.ts"))?.[1] ?? "";
    const codes = [...type.matchAll(/"(\w+)"/g)].map(([, code]) => code);
    const contract = [...xml.matchAll(/org\.guestd1\.Error\.(\w+) /g)].map(([, code]) => code);
    expect([...codes].sort()).toEqual([...contract].sort());
    expect(ERROR_PREFIX).toBe("org.guestd1.Error.");
  });

  it("has the same names in the XML, the bus policy, the activation file and the unit", () => {
    expect(xml).toContain(`<node name="${OBJECT}"`);
    expect(xml).toContain(`<interface name="${INTERFACE}">`);
    expect(readProjectFile("systemd/org.guestd1.conf")).toContain(`own="${NAME}"`);
    expect(readProjectFile("systemd/org.guestd1.service")).toContain(`Name=${NAME}\n`);
    expect(readProjectFile("systemd/guestd.service")).toContain(`BusName=${NAME}\n`);
  });

  it("is called by the same names from the PAM module", () => {
    const module = listProjectFiles()
      .filter((name) => /^pam\/.*\.[ch]$/.test(name))
      .map(readProjectFile)
      .join("\n");
    for (const name of [`"${NAME}"`, `"${OBJECT}"`, `"${INTERFACE}"`, `"${ERROR_PREFIX}"`])
      expect(module).toContain(name);
    for (const method of ["AllocateAccount", "OpenSession", "JoinSession", "CloseSession"])
      expect(module).toContain(`"${method}"`);
  });
});
