import { describe, expect, it } from "vitest";
import type { EffectKind } from "../../../src/policy/events.ts";
import {
  ALLOCATING,
  allocatingEffect,
  ENDING,
  ENDING_LEASED,
  ENDING_LOST,
  ENDING_UNMADE,
  endingEffect,
  endingStages,
  OPENING,
  openingEffect,
  stageAfter,
  writeRecord,
} from "../../../src/policy/stages.ts";
import { CGROUP, LEASED, LEASED_SESSION, SESSION, SLICE } from "../../helpers/samples.ts";

const LISTS = { ALLOCATING, OPENING, ENDING, ENDING_LEASED, ENDING_LOST, ENDING_UNMADE };
const MOMENT = { now: 2_000, uptime: 9_000 };
const before = (list: readonly string[], first: string, second: string) =>
  list.includes(first) && list.includes(second) && list.indexOf(first) < list.indexOf(second);

describe("the order of the stages", () => {
  it.each(Object.entries(LISTS))(
    "of %s leads through all of them, once each, to its end",
    (_, list: readonly EffectKind[]) => {
      const walked = list.map((stage) => stageAfter(list, stage));
      expect(walked).toEqual([...list.slice(1), "done"]);
      expect(new Set(list).size).toBe(list.length);
    },
  );

  it("knows no stage after what is none", () => {
    expect(stageAfter(OPENING, "note-close")).toBeUndefined();
    expect(stageAfter(ENDING, "release-account")).toBeUndefined();
    expect(stageAfter(OPENING, "publish-account")).toBeUndefined();
  });

  it("writes an account down before it stands, and answers when it does", () => {
    expect(before(ALLOCATING, "write-record", "publish-account")).toBe(true);
    expect(before(ALLOCATING, "publish-account", "answer")).toBe(true);
  });

  it("encloses a leader before anything is its guest's, and writes down before it answers", () => {
    expect(before(OPENING, "watch-leader", "enclose-leader")).toBe(true);
    expect(before(OPENING, "enclose-leader", "build-view")).toBe(true);
    expect(before(OPENING, "write-record", "answer")).toBe(true);
  });

  it("kills before it drops the view, and keeps the record until both are done", () => {
    for (const list of [ENDING, ENDING_LEASED]) {
      expect(before(list, "kill-processes", "drop-view")).toBe(true);
      expect(before(list, "drop-view", "remove-record")).toBe(true);
    }
  });

  it("notes an end first, writes its receipt before it is announced, and removes the record last of all", () => {
    for (const list of [ENDING, ENDING_LEASED, ENDING_UNMADE]) expect(list[0]).toBe("note-ending");
    for (const list of [ENDING, ENDING_LEASED, ENDING_UNMADE, ENDING_LOST]) {
      expect(before(list, "write-receipt", "announce-closed")).toBe(true);
      expect(list.at(-1)).toBe("remove-record");
    }
  });

  it("sweeps an account when its view is gone and its name still stands, and writes the receipt after", () => {
    expect(before(ENDING_LEASED, "drop-view", "sweep-account")).toBe(true);
    expect(before(ENDING_LEASED, "sweep-account", "write-receipt")).toBe(true);
    expect(before(ENDING_LEASED, "sweep-account", "release-account")).toBe(true);
    expect(ENDING_UNMADE).not.toContain("sweep-account");
  });

  it("kills and takes back nothing of another boot of the machine: its numbers are somebody else's", () => {
    for (const stage of ["stop-manager", "kill-processes", "close-login", "release-account"])
      expect(ENDING_LOST).not.toContain(stage);
  });

  it("enters the ledger before anybody is told of an account or let in", () => {
    expect(before(ALLOCATING, "enter-ledger", "publish-account")).toBe(true);
    expect(before(OPENING, "enter-ledger", "answer")).toBe(true);
  });

  it("takes a leased account back last of all, after all of its user has ended", () => {
    expect(before(ENDING_LEASED, "stop-manager", "kill-processes")).toBe(true);
    expect(before(ENDING_LEASED, "kill-processes", "close-login")).toBe(true);
    for (const list of [ENDING_LEASED, ENDING_UNMADE])
      expect(list.slice(-2)).toEqual(["release-account", "remove-record"]);
  });
});

describe("endingStages", () => {
  it("are those of the sort of account, and of whether it was made", () => {
    const { published: _never, ...unmade } = LEASED_SESSION;
    expect(endingStages({ ...SESSION, recorded: true })).toEqual(ENDING);
    expect(endingStages({ ...LEASED_SESSION, recorded: true })).toEqual(ENDING_LEASED);
    expect(endingStages({ ...unmade, recorded: true })).toEqual(ENDING_UNMADE);
  });

  it("note nothing of a session that nobody has written down", () => {
    for (const session of [SESSION, LEASED_SESSION]) expect(endingStages(session)).not.toContain("note-ending");
  });

  it("of a session of another boot are those of what is on disk, whether its account was made or not", () => {
    const cause = "lost-power";
    const { published: _never, ...unmade } = LEASED_SESSION;
    for (const session of [LEASED_SESSION, unmade])
      expect(endingStages({ ...session, cause, recorded: true })).toEqual(ENDING_LOST);
    expect(endingStages({ ...SESSION, cause, recorded: true })).toEqual(
      ENDING_LOST.filter((stage) => stage !== "sweep-account"),
    );
  });
});

describe("the effects", () => {
  it.each(ALLOCATING)("of leasing: %s", (stage) => {
    expect(allocatingEffect(stage, LEASED_SESSION, ":1.9")).toMatchObject({
      kind: stage,
      subject: { id: "abc", uid: LEASED.uid },
    });
  });

  it.each(OPENING)("of opening: %s", (stage) => {
    expect(openingEffect(stage, SESSION)).toMatchObject({ kind: stage, subject: { id: "abc" } });
  });

  it.each(ENDING_LEASED)("of ending: %s", (stage) => {
    expect(endingEffect(stage, LEASED_SESSION, MOMENT)).toMatchObject({
      kind: stage,
      subject: { id: "abc", uid: LEASED.uid },
    });
  });

  it("isolate the view of a shared account alone, and put its first process into guestd's own cgroup", () => {
    expect(openingEffect("build-view", SESSION)).toMatchObject({ isolated: true, cgroup: CGROUP });
    expect(openingEffect("build-view", LEASED_SESSION)).toMatchObject({ isolated: false });
  });

  it("limit all of a leased account's user, and of a shared one the session", () => {
    expect(openingEffect("enclose-leader", SESSION)).toMatchObject({ leased: false, limits: SESSION.limits });
    expect(openingEffect("enclose-leader", LEASED_SESSION)).toMatchObject({ leased: true, limits: SESSION.limits });
  });

  it("write a session down as it will stand", () => {
    expect(allocatingEffect("write-record", { ...LEASED_SESSION, phase: "allocating" })).toMatchObject({
      session: { phase: "allocated" },
    });
    expect(writeRecord({ ...SESSION, phase: "opening" })).toMatchObject({ session: { phase: "open" } });
    expect(openingEffect("announce-opened", { ...SESSION, phase: "opening" })).toMatchObject({
      session: { phase: "open" },
    });
  });

  it("kill nobody of a shared account whose login was refused, and all of a leased one's", () => {
    const cause = "open-failed";
    expect(endingEffect("kill-processes", { ...SESSION, cause }, MOMENT)).toMatchObject({ cgroups: [], leased: false });
    expect(endingEffect("kill-processes", { ...LEASED_SESSION, cause }, MOMENT)).toMatchObject({
      cgroups: [SLICE],
      leased: true,
    });
    expect(endingEffect("kill-processes", { ...SESSION, cause: "logout" }, MOMENT)).toMatchObject({
      cgroups: [CGROUP],
      openedUptime: 7_000,
    });
  });

  it("keep a uid back for all that is left, and only then", () => {
    const found = { ...LEASED_SESSION.found, left: ["a", "b"] };
    expect(endingEffect("remove-record", { ...LEASED_SESSION, found }, MOMENT)).toMatchObject({
      lease: { quarantine: "a; b" },
    });
    expect(endingEffect("remove-record", LEASED_SESSION, MOMENT)).toMatchObject({ lease: { quarantine: undefined } });
    expect(endingEffect("remove-record", { ...SESSION, found }, MOMENT)).toMatchObject({ lease: undefined });
  });
});
