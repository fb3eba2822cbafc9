// guestctl(1) has exactly the program's verbs, options, exit codes, states and sentences.
import { describe, expect, it } from "vitest";
import { ClientError } from "../../src/bus/client.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { describeError, EXIT } from "../../src/cli/main.ts";
import type { Option } from "../../src/cli/options.ts";
import { COMMON, formatOption, OPTIONS } from "../../src/cli/options.ts";
import { readProjectFile } from "../helpers/tree.ts";
import { cut, readNumber, readPage, readUnion, termsOf, textOf, words } from "../helpers/man.ts";

const PAGE = "guestctl.1";

/** There is a session type for each. */
const PHASES = new Set(
  [...readProjectFile("src/policy/session.ts").matchAll(/readonly phase: "(\w+)"/g)].map(([, phase = ""]) => phase),
);

describe("guestctl(1)", () => {
  it("has every verb with its arguments, and no other", () => {
    const verbs = COMMANDS.flatMap(({ name, args }) =>
      name === "config" ? ["config", "config check [FILE...]"] : [words(`${name} ${args}`)],
    );
    expect(termsOf(PAGE, "VERBS").sort()).toEqual(verbs.sort());
    expect(COMMANDS.find(({ name }) => name === "config")?.args).toBe("[check [FILE...]]");
  });

  it("has every option, and no other", () => {
    const wanted = (Object.keys(OPTIONS) as Option[]).map(formatOption);
    expect(termsOf(PAGE, "OPTIONS").sort()).toEqual(wanted.sort());
  });

  it("says for each option which verb it belongs to, and the default", () => {
    const ofVerbs = COMMANDS.flatMap(({ name, options = [] }) => options.map((option) => ({ name, option })));
    expect([...new Set([...ofVerbs.map(({ option }) => option), ...COMMON])].sort()).toEqual(
      Object.keys(OPTIONS).sort(),
    );
    for (const { name, option } of ofVerbs) {
      const text = textOf(PAGE, "OPTIONS", formatOption(option).split(" ")[0] ?? "");
      expect(text, option).toMatch(new RegExp(`^With ${name}: `));
      const { type, default: initial } = OPTIONS[option];
      if (type === "string" && initial !== "") expect(text).toContain(`${initial} by default`);
    }
  });

  it("says which options every verb accepts", () => {
    const names = COMMON.map((option) => `--${option}`);
    expect(readPage(PAGE)).toContain(`Every verb takes ${names.slice(0, -1).join(", ")} and ${String(names.at(-1))}.`);
  });

  it("has the exit codes of the program", () => {
    expect(termsOf(PAGE, "EXIT STATUS")).toEqual(Object.values(EXIT).map(String));
  });

  it("says which verbs exit with 1 although they succeeded", () => {
    const [text = ""] = textOf(PAGE, "EXIT STATUS", String(EXIT.failed)).split("The message says what to do next.");
    const named = COMMANDS.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(text)).map(({ name }) => name);
    expect(named).toEqual(COMMANDS.filter(({ run }) => /\bbad:/.test(run.toString())).map(({ name }) => name));
  });

  it("has every sentence that ends with advice, and no other", () => {
    const codes = [
      ...cut("src/cli/main.ts", "export function describeError", "\n}\n").matchAll(/case "([\w.]+)":/g),
    ].map(([, code = ""]) => code);
    expect(codes.length).toBeGreaterThan(3);
    const said = [...codes, "org.freedesktop.DBus.Error.Spawn.Failed"].map((code) =>
      describeError(new ClientError(code, "REASON")),
    );
    expect([...termsOf(PAGE, "WHEN IT FAILS")].sort()).toEqual([...new Set(said)].sort());
  });

  it("has the states of sessions and UIDs", () => {
    for (const phase of PHASES) expect(textOf(PAGE, "VERBS", "list")).toMatch(new RegExp(`\\b${phase}\\b`));
    for (const state of readUnion("src/policy/lease-list.ts", "readonly state:"))
      expect(textOf(PAGE, "VERBS", "leases")).toMatch(new RegExp(`\\b${state}\\b`));
  });

  it("has the limits of the program", () => {
    expect(readPage(PAGE)).toContain(`waits at most ${readNumber("src/bus/client.ts", "LIMIT_MS") / 1000} seconds`);
    const [characters, bytes] = ["REASON_CHARACTERS", "REASON_BYTES"].map((name) =>
      readNumber("src/policy/switch.ts", name),
    );
    expect(readPage(PAGE)).toContain(`at most ${String(characters)} characters, or ${String(bytes)} bytes`);
  });
});
