import { describe, expect, it } from "vitest";
import type { Effect, EffectOf } from "../../../src/policy/effects.ts";
import { MESSAGE_IDS } from "../../../src/policy/messages.ts";
import type { SessionSubject, UidSubject } from "../../../src/policy/subject.ts";
import { SWITCH } from "../../../src/policy/subject.ts";
import type { JournalSend } from "../../../src/system/journal.ts";
import { Journal } from "../../../src/system/journal.ts";
import { VIEW } from "../../helpers/samples.ts";

interface Entry {
  level: string;
  message: string;
  fields: Record<string, string | number>;
}

function journalOf() {
  const entries: Entry[] = [];
  const to = (level: string) => (message: string, fields: Record<string, string | number>) =>
    entries.push({ level, message, fields });
  const send: JournalSend = { err: to("err"), warning: to("warning"), notice: to("notice"), info: to("info") };
  return { journal: new Journal(send), entries };
}

const subject: SessionSubject = { of: "session", id: "s1", user: "guest1", uid: 1101, leader: 500, service: "login" };
const BUILD = {
  kind: "build-view",
  subject,
  plan: [{ kind: "hide", target: "/home", optional: false }],
  isolated: true,
  cgroup: undefined,
} satisfies Effect;

describe("Journal", () => {
  it("gives every effect the fields that identify a session", () => {
    const { journal, entries } = journalOf();
    journal.logDone(BUILD, { view: VIEW, dropped: [] });
    expect(entries[0]?.fields).toMatchObject({
      MESSAGE_ID: MESSAGE_IDS["build-view"],
      SYSLOG_IDENTIFIER: "guestd",
      GUEST_SESSION: "s1",
      GUEST_USER: "guest1",
      GUEST_UID: 1101,
      GUEST_LEADER: 500,
      GUEST_SERVICE: "login",
      GUEST_ACTION: "build-view",
      GUEST_RESULT: "done",
    });
  });

  it("names no session for an effect on a UID or the switch", () => {
    const { journal, entries } = journalOf();
    const uid: UidSubject = { of: "uid", uid: 60600, user: "guest-aaaa" };
    journal.logDone({ kind: "release-uid", subject: uid, call: undefined, clears: undefined }, undefined);
    journal.logFailed({ kind: "write-switch", subject: SWITCH }, { reason: "no space" });
    expect(entries.map(({ fields }) => Object.keys(fields).filter((name) => name.startsWith("GUEST_")))).toEqual([
      ["GUEST_USER", "GUEST_UID", "GUEST_ACTION", "GUEST_RESULT"],
      ["GUEST_ACTION", "GUEST_RESULT"],
    ]);
  });

  it("adds the whole plan to the view's entry", () => {
    const { journal, entries } = journalOf();
    journal.logDone(BUILD, { view: VIEW, dropped: [] });
    expect(JSON.parse(String(entries[0]?.fields["GUEST_PLAN"]))).toEqual(BUILD.plan);
  });

  it("reports step, path and error number of a failure", () => {
    const { journal, entries } = journalOf();
    journal.logFailed(BUILD, { reason: "no space", step: "fsmount", path: "/home", errno: 28 });
    expect(entries[0]).toMatchObject({
      level: "err",
      message: "Failed at build-view of session s1: no space",
      fields: { GUEST_RESULT: "failed", GUEST_STEP: "fsmount", GUEST_PATH: "/home", ERRNO: 28 },
    });
  });

  it("does not log an aborted login as an error", () => {
    const { journal, entries } = journalOf();
    for (const code of ["LeaderGone", "Failed"] as const) {
      journal.logFailed(BUILD, { reason: "The process 500 has ended.", code });
      journal.logDone({ kind: "refuse", subject, call: 1, code, reason: "The login ended." }, undefined);
    }
    expect(entries.map(({ level }) => level)).toEqual(["notice", "notice", "err", "warning"]);
  });

  it("logs an unclean receipt as an error, and one of an unused account at debug level", () => {
    const { journal, entries } = journalOf();
    const receipt = {
      id: "s1",
      user: "guest1",
      uid: 1101,
      leased: false,
      service: "login",
      leader: 500,
      cause: "logout" as const,
      terms: "",
      acceptedAt: 0,
      openedAt: 1,
      closedAt: 2,
      endMilliseconds: 3,
      swept: [],
      ...{ unseen: [], foundLater: [], clearedAt: 0 },
    };
    const found = { seconds: 0, processesKilled: 0, tmpfsBytes: 0 };
    journal.logDone(
      { kind: "announce-closed", subject, repeated: false, receipt: { ...receipt, ...found, left: [] } },
      { wasAnnounced: false },
    );
    journal.logDone(
      {
        kind: "announce-closed",
        subject,
        repeated: true,
        receipt: { ...receipt, ...found, left: ["process 7 does not end"] },
      },
      { wasAnnounced: false },
    );
    expect(entries.map(({ level }) => level)).toEqual(["notice", "err"]);
    expect(entries[0]?.message).toContain("nothing is left");
    expect(entries[1]?.message).toContain("process 7 does not end");
    // A killed guestd has already written this entry.
    journal.logDone(
      { kind: "announce-closed", subject, repeated: true, receipt: { ...receipt, ...found, left: [] } },
      { wasAnnounced: true },
    );
    expect(entries).toHaveLength(2);
    // A greeter creates a session at each selection.
    const unused = { ...receipt, ...found, cause: "never-opened" as const, left: [] };
    journal.logDone({ kind: "announce-closed", subject, repeated: false, receipt: unused }, { wasAnnounced: false });
    expect(entries[2]).toMatchObject({ level: "info" });
  });

  it("logs a change of the switch at a visible level, regardless of who was logged in", () => {
    const { journal, entries } = journalOf();
    const write = (enabled: boolean, reason: string): EffectOf<"write-switch"> => ({
      kind: "write-switch",
      subject: SWITCH,
      loginSwitch: { enabled, reason },
      call: 1,
    });
    journal.logDone(write(true, ""), undefined);
    journal.logDone(write(false, ""), undefined);
    journal.logDone(write(false, "an examination"), undefined);
    journal.logFailed(write(false, "an examination"), { reason: "no space" });
    expect(entries.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "notice Switched guest logins on.",
      "notice Switched guest logins off.",
      "notice Switched guest logins off: an examination.",
      "err Failed at write-switch of the switch of guest logins: no space",
    ]);
  });

  it("keeps the daemon running when the journal fails", () => {
    const broken = () => {
      throw new Error("no journal");
    };
    const journal = new Journal({ err: broken, warning: broken, notice: broken, info: broken });
    expect(() => {
      journal.logDone(BUILD, { view: VIEW, dropped: [] });
    }).not.toThrow();
  });
});
