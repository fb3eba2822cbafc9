// guestd(8) has the code's journal words, exit statuses and process signals.
import { describe, expect, it } from "vitest";
import { EXIT_AGAIN, EXIT_IDLE } from "../../src/idle.ts";
import type { OnFailure } from "../../src/policy/effects/row.ts";
import { EFFECT_KINDS, rowOf } from "../../src/policy/effects.ts";
import { DAEMON_ACTIONS, MESSAGE_IDS } from "../../src/policy/messages.ts";
import { MAN, plain, readNumber, readPage, termsOf } from "../helpers/man.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const PAGE = "guestd.8";

/** The words in the last column of the table of actions. */
const BECOMES: Readonly<Record<OnFailure, string>> = {
  refuse: "refused",
  "go-on": "continues",
  note: "noted",
  quarantine: "quarantined",
  retry: "retried",
  end: "ends",
  keep: "as before",
};

/** The columns: name, MESSAGE_ID, consequence of a failure. */
const actions = [...readProjectFile(`${MAN}/${PAGE}`).matchAll(/^([a-z\\-]+)\t([0-9a-f]{32})\t(.+)$/gm)].map(
  ([, name = "", id = "", failed = ""]) => ({
    name: plain(name),
    id,
    failed: plain(failed),
  }),
);

describe("the journal in guestd(8)", () => {
  it("has every action with its MESSAGE_ID, and every field", () => {
    expect(Object.fromEntries(actions.map(({ name, id }) => [name, id]))).toEqual(MESSAGE_IDS);
    const rows = listProjectFiles().filter((name) => name.startsWith("src/policy/effects/"));
    const sources = ["src/system/journal.ts", ...rows].map(readProjectFile).join("\n");
    const fields = sources.match(/\b(?:GUEST_[A-Z]+|ERRNO)\b/g) ?? [];
    const documented = termsOf(PAGE, "JOURNAL", "Fields").flatMap((term) => term.replaceAll("=", "").split(", "));
    expect(documented.sort()).toEqual([...new Set(fields)].sort());
  });

  it("says for every action what happens when it fails", () => {
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

  it("has the exit statuses of the daemon, with the unit's meaning", () => {
    const faults = [...readProjectFile("src/start.ts").matchAll(/process\.exit\((\d+)\)/g)].map(([, status]) =>
      Number(status),
    );
    expect(termsOf(PAGE, "EXIT STATUS").map(Number)).toEqual([EXIT_IDLE, EXIT_AGAIN, ...faults]);
    const unit = readProjectFile("systemd/guestd.service");
    for (const line of ["Restart=always", `RestartPreventExitStatus=${EXIT_IDLE}`, `SuccessExitStatus=${EXIT_AGAIN}`])
      expect(unit).toContain(`\n${line}\n`);
  });

  // The code has the limit as a number, the page in a sentence.
  it("says how long guestd takes to stop, and when one that hangs is killed", () => {
    const page = readPage(PAGE);
    expect(page).toContain(`for at most ${readNumber("src/start.ts", "STOP_LIMIT_MS") / 1000} seconds, and stop.`);
    const [, seconds = ""] = /^WatchdogSec=(\d+)s$/m.exec(readProjectFile("systemd/guestd.service")) ?? [];
    expect(page).toContain(`If it does not for ${seconds} seconds (WatchdogSec=), systemd kills and restarts it`);
  });
});
