// guestd(8) has the stages, classes and causes of an end, the journal's words, exit statuses and limits of the code.
import { describe, expect, it } from "vitest";
import { EXIT_AGAIN, EXIT_IDLE } from "../../src/idle.ts";
import type { OnFailure } from "../../src/policy/effects/row.ts";
import { EFFECT_KINDS, rowOf } from "../../src/policy/effects.ts";
import { DAEMON_ACTIONS, MESSAGE_IDS } from "../../src/policy/messages.ts";
import { ACCOUNT_KINDS, SHARED_KINDS } from "../../src/policy/receipt.ts";
import { MAN, plain, readNumber, readPage, readUnion, termsOf } from "../helpers/man.ts";
import { ENDING, ENDING_LEASED } from "../helpers/stages.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const PAGE = "guestd.8";

/** The words of the last column of the table of actions. */
const BECOMES: Readonly<Record<OnFailure, string>> = {
  refuse: "refused",
  "go-on": "goes on",
  note: "noted",
  quarantine: "quarantined",
  retry: "retried",
  end: "ends",
  keep: "as before",
};
const xml = readProjectFile("systemd/org.guestd1.xml");

/** The rows of the table of actions: name, MESSAGE_ID, what becomes of a failure. */
const actions = [...readProjectFile(`${MAN}/${PAGE}`).matchAll(/^([a-z\\-]+)\t([0-9a-f]{32})\t(.+)$/gm)].map(
  ([, name = "", id = "", failed = ""]) => ({
    name: plain(name),
    id,
    failed: plain(failed),
  }),
);

describe("the end of a session in guestd(8)", () => {
  it("has the stages in their order, and says which are for leased accounts alone", () => {
    const shared: readonly string[] = ENDING;
    const stages = ENDING_LEASED.map((stage) => (shared.includes(stage) ? stage : `${stage} (leased)`));
    expect(termsOf(PAGE, "DESCRIPTION", "Ending a session")).toEqual(stages);
  });

  it("has the classes of things that are looked for, in their order", () => {
    expect(termsOf(PAGE, "DESCRIPTION", "What is looked for")).toEqual([...SHARED_KINDS, ...ACCOUNT_KINDS]);
  });

  it("has the causes of an end, as the contract of the bus has", () => {
    const causes = readUnion("src/policy/receipt.ts", "export type EndCause =");
    expect(termsOf(PAGE, "DESCRIPTION", "Receipts")).toEqual(causes);
    const [, documented = ""] = /\n {4}cause s +([^]*?)\n {4}\w/.exec(xml) ?? [];
    expect(causes.filter((cause) => !documented.includes(cause))).toEqual([]);
  });
});

describe("the journal in guestd(8)", () => {
  it("has every action with its MESSAGE_ID, and every field", () => {
    expect(Object.fromEntries(actions.map(({ name, id }) => [name, id]))).toEqual(MESSAGE_IDS);
    const rows = listProjectFiles().filter((name) => name.startsWith("src/policy/effects/"));
    const sources = ["src/system/journal.ts", ...rows].map(readProjectFile).join("\n");
    const fields = sources.match(/\b(?:GUEST_[A-Z]+|ERRNO)\b/g) ?? [];
    const documented = termsOf(PAGE, "JOURNAL", "Fields").flatMap((term) => term.replaceAll("=", "").split(", "));
    expect(documented.sort()).toEqual([...new Set(fields)].sort());
  });

  it("says of every action what becomes of it when it fails", () => {
    const documented = actions.map(({ name, failed }) => [name, failed]);
    const rows = EFFECT_KINDS.map((kind) => [kind, BECOMES[rowOf(kind).fails]]);
    expect(documented.sort()).toEqual([...rows, ...DAEMON_ACTIONS.map((action) => [action, "-"])].sort());
  });
});

describe("guestd(8)", () => {
  it("has the process signals that the daemon handles", () => {
    const handled = [...readProjectFile("src/start.ts").matchAll(/process\.on\("(SIG\w+)"/g)].map(
      ([, name = ""]) => name,
    );
    expect(termsOf(PAGE, "SIGNALS").sort()).toEqual(handled.sort());
  });

  it("has the exit statuses of the daemon, of which the unit knows what they mean", () => {
    const faults = [...readProjectFile("src/start.ts").matchAll(/process\.exit\((\d+)\)/g)].map(([, status]) =>
      Number(status),
    );
    expect(termsOf(PAGE, "EXIT STATUS").map(Number)).toEqual([EXIT_IDLE, EXIT_AGAIN, ...faults]);
    const unit = readProjectFile("systemd/guestd.service");
    for (const line of ["Restart=always", `RestartPreventExitStatus=${EXIT_IDLE}`, `SuccessExitStatus=${EXIT_AGAIN}`])
      expect(unit).toContain(`\n${line}\n`);
  });

  // A limit is a number in one file and a sentence in the page.
  it.each([
    ["# seconds to be ready", "src/bus/methods.ts", "ANSWER_LIMIT_MS"],
    ["is not ready after # seconds", "src/bus/methods.ts", "ANSWER_LIMIT_MS"],
    ["the view is not ready after # seconds", "src/system/sessions/views.ts", "BUILD_LIMIT_MS"],
    ["for at most # seconds, until the kernel says", "src/system/processes/kill.ts", "KILL_LIMIT_MS"],
    ["a process does not end within # seconds", "src/system/processes/kill.ts", "KILL_LIMIT_MS"],
    ["each for at most # seconds", "src/bus/user-units.ts", "FORGET_LIMIT_MS"],
    ["guestd waits for at most # seconds for what is under way", "src/start.ts", "STOP_LIMIT_MS"],
  ])("says %s", (sentence, file, name) => {
    expect(readPage(PAGE)).toContain(sentence.replace("#", String(readNumber(file, name) / 1000)));
  });

  it("says how many things of a class are named, and when a guestd that hangs is killed", () => {
    expect(readPage(PAGE)).toContain(
      `At most ${readNumber("src/system/sentences.ts", "MOST_NAMED")} things of a class are named`,
    );
    const [, seconds = ""] = /^WatchdogSec=(\d+)s$/m.exec(readProjectFile("systemd/guestd.service")) ?? [];
    expect(readPage(PAGE)).toContain(`One that does not for ${seconds} seconds (WatchdogSec=) is killed`);
  });
});
