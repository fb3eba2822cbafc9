import { describe, expect, it } from "vitest";
import type { Context } from "../../../src/policy/effects/row.ts";
import type { Effect, EffectKind } from "../../../src/policy/effects.ts";
import { EFFECT_KINDS, rowOf } from "../../../src/policy/effects.ts";
import { NOTHING_FOUND } from "../../../src/policy/receipt.ts";
import type { Allocating, Ending, Preparing } from "../../../src/policy/session.ts";
import * as stages from "../../../src/policy/stages.ts";
import { subjectOf } from "../../../src/policy/subject.ts";
import { effectAfter } from "../../../src/policy/way.ts";
import type { Way } from "../../../src/policy/way.ts";
import {
  CGROUP,
  ENDING_SESSION,
  endingOf,
  LEASED,
  LEASED_SESSION,
  SESSION,
  SLICE,
  VIEW,
} from "../../helpers/samples.ts";
import {
  ALLOCATING,
  ENDING,
  ENDING_LEASED,
  ENDING_LOST,
  ENDING_UNMADE,
  endingKinds,
  OPENING,
  OPENING_LEASED,
} from "../../helpers/stages.ts";

const CONTEXT: Context = { now: 2_000, uptime: 9_000, kinds: [] };
const before = (list: readonly string[], first: string, second: string) =>
  list.includes(first) && list.includes(second) && list.indexOf(first) < list.indexOf(second);

const LEASED_ENDING = endingOf(LEASED_SESSION);

describe("the order of the stages", () => {
  it.each<[string, readonly EffectKind[], readonly EffectKind[]]>([
    ["leasing an account", ALLOCATING, ["watch-leader", "write-record", "enter-ledger", "publish-account", "answer"]],
    [
      "opening a session of a shared account",
      OPENING,
      [
        ...["watch-leader", "enclose-leader", "build-view"],
        ...["write-record", "enter-ledger", "answer", "announce-opened"],
      ] as EffectKind[],
    ],
    [
      "opening a session of a leased account",
      OPENING_LEASED,
      ["enclose-leader", "build-view", "write-record", "permit-unlock", "answer", "announce-opened"],
    ],
    [
      "ending a session of a shared account",
      ENDING,
      [
        ...["count-processes", "note-ending", "kill-processes", "drop-view"],
        ...["write-receipt", "announce-closed", "remove-record"],
      ] as EffectKind[],
    ],
    [
      "ending a session of a leased account",
      ENDING_LEASED,
      [
        ...["count-processes", "note-ending", "forbid-unlock", "unlist-account", "stop-manager", "kill-processes"],
        ...[
          "terminate-user",
          "drop-view",
          "withdraw-account",
          "sweep-account",
          "write-receipt",
          "announce-closed",
          "remove-record",
        ],
      ] as EffectKind[],
    ],
    [
      "ending a session whose account was never created",
      ENDING_UNMADE,
      ["note-ending", "drop-view", "withdraw-account", "write-receipt", "announce-closed", "remove-record"],
    ],
    [
      "ending a session after a power cut",
      ENDING_LOST,
      ["drop-view", "sweep-account", "write-receipt", "announce-closed", "remove-record"],
    ],
  ])("of %s", (_, list, expected) => {
    expect(list).toEqual(expected);
  });

  it("contains each kind of effect once per way, and each kind in one way or beside them", () => {
    for (const list of [ALLOCATING, OPENING, ENDING_LEASED]) expect(new Set(list).size).toBe(list.length);
    expect(new Set(EFFECT_KINDS)).toEqual(new Set(stages.ROWS.map(({ kind }) => kind)));
  });

  it("has greeters forget an account while the name service still knows it", () => {
    expect(before(ENDING_LEASED, "unlist-account", "withdraw-account")).toBe(true);
  });

  it("counts the processes before any is asked to end", () => {
    for (const list of [ENDING, ENDING_LEASED]) expect(list[0]).toBe("count-processes");
  });

  it("kills before it drops the view, and keeps the record until both are done", () => {
    for (const list of [ENDING, ENDING_LEASED]) {
      expect(before(list, "kill-processes", "drop-view")).toBe(true);
      expect(before(list, "drop-view", "remove-record")).toBe(true);
    }
  });

  it("sweeps an account after its view and its services are gone, and writes the receipt after that", () => {
    expect(before(ENDING_LEASED, "drop-view", "sweep-account")).toBe(true);
    expect(before(ENDING_LEASED, "sweep-account", "write-receipt")).toBe(true);
    expect(before(ENDING_LEASED, "withdraw-account", "sweep-account")).toBe(true);
  });
});

describe("the stages of an end", () => {
  it("save nothing for a session without a record", () => {
    for (const session of [ENDING_SESSION, LEASED_ENDING])
      expect(endingKinds({ ...session, hasRecord: false })).not.toContain("note-ending");
  });

  it("of another boot cover what is on disk, whether the account was created or not", () => {
    const cause = "lost-power";
    for (const session of [LEASED_ENDING, { ...LEASED_ENDING, published: false }])
      expect(endingKinds({ ...session, cause })).toEqual(ENDING_LOST);
    expect(endingKinds({ ...ENDING_SESSION, cause })).toEqual(ENDING_LOST.filter((kind) => kind !== "sweep-account"));
  });
});

function walk<S extends Parameters<typeof effectAfter>[1]>(way: Way<S>, session: S): Effect[] {
  const effects: Effect[] = [];
  for (let effect = effectAfter(way, session, undefined, CONTEXT); effect !== undefined;) {
    effects.push(effect);
    effect = effectAfter(way, session, effect.kind, CONTEXT);
  }
  return effects;
}

const opening = { phase: "opening", busName: ":1.9", call: 1, view: undefined, cause: undefined, notice: "" } as const;
const PREPARING: Preparing = { ...SESSION, ...opening };
const ADMITTING = { ...SESSION, ...opening, view: VIEW };
const made = (effects: readonly Effect[], kind: EffectKind) => effects.find((effect) => effect.kind === kind);

describe("the effects", () => {
  const leasing: Allocating = { ...LEASED_SESSION, ...opening, phase: "allocating", leased: true, refusedNames: [] };

  it("of a way are those that the session needs, in order", () => {
    const ways = [
      walk<Allocating>(stages.ALLOCATING, leasing),
      [...walk<Preparing>(stages.PREPARING as Way<Preparing>, PREPARING), ...walk(stages.ADMITTING, ADMITTING)],
      walk(stages.ENDING, LEASED_ENDING),
    ];
    expect(ways.map((effects) => effects.map(({ kind }) => kind))).toEqual([ALLOCATING, OPENING, ENDING_LEASED]);
    for (const { subject } of ways.flat()) expect(subject).toMatchObject({ of: "session", id: "abc" });
  });

  it("isolate only the view of a shared account, and put its first process into guestd's own cgroup", () => {
    const build = (session: Preparing) =>
      made(walk<Preparing>(stages.PREPARING as Way<Preparing>, session), "build-view");
    expect(build(PREPARING)).toMatchObject({ isolated: true, cgroup: CGROUP });
    expect(build({ ...PREPARING, ...LEASED_SESSION, ...opening })).toMatchObject({ isolated: false });
  });

  it("limit the whole user of a leased account, and only the session of a shared one", () => {
    const enclose = (session: Preparing) =>
      made(walk<Preparing>(stages.PREPARING as Way<Preparing>, session), "enclose-leader");
    expect(enclose(PREPARING)).toMatchObject({ leased: false, limits: SESSION.limits });
    expect(enclose({ ...LEASED_SESSION, ...opening })).toMatchObject({ leased: true, limits: SESSION.limits });
  });

  it("save a session in its next state", () => {
    expect(made(walk<Allocating>(stages.ALLOCATING, leasing), "write-record")).toMatchObject({
      saved: { phase: "allocated" },
    });
    const admitted = walk(stages.ADMITTING, ADMITTING);
    expect(made(admitted, "write-record")).toMatchObject({ saved: { phase: "open", view: VIEW } });
    expect(made(admitted, "announce-opened")).toMatchObject({ session: { phase: "open", view: VIEW } });
  });

  it("save neither calls nor the findings of an end", () => {
    const noted = made(walk(stages.ENDING, { ...ENDING_SESSION, endCalls: [3] }), "note-ending");
    const saved = (noted as Effect & { kind: "note-ending" }).saved;
    for (const field of ["endCalls", "found", "removal", "hasRecord", "begunUptime", "running"])
      expect(saved).not.toHaveProperty(field);
  });

  it("kill no process of a shared account whose login was refused, and all of a leased one", () => {
    const kill = (session: Ending) => made(walk(stages.ENDING, session), "kill-processes");
    const cause = "open-failed";
    expect(kill({ ...ENDING_SESSION, cause })).toMatchObject({ cgroups: [], leased: false });
    expect(kill({ ...LEASED_ENDING, cause })).toMatchObject({ cgroups: [SLICE], leased: true });
    expect(kill(ENDING_SESSION)).toMatchObject({ cgroups: [CGROUP], openedUptime: 7_000 });
  });

  it("quarantine a UID only when something is left, with all of it", () => {
    const remove = (session: Ending) => made(walk(stages.ENDING, session), "remove-record");
    const found = { ...NOTHING_FOUND, left: ["a", "b"] };
    expect(remove({ ...LEASED_ENDING, found })).toMatchObject({
      subject: { uid: LEASED.uid },
      lease: { quarantine: { reason: "a; b" } },
    });
    expect(remove(LEASED_ENDING)).toMatchObject({ lease: { quarantine: undefined } });
    expect(remove({ ...ENDING_SESSION, found })).toMatchObject({ lease: undefined });
  });
});

describe("the rows", () => {
  it("log nothing for a login that is left to other modules, and one sentence for an unlocked screen", () => {
    const subject = {
      of: "session",
      id: "abc",
      user: "guest-aaaa",
      uid: 0,
      leader: 500,
      service: "gdm-password",
    } as const;
    const answered = (verdict: "ignored" | "unlocked") =>
      rowOf("answer").done(
        { kind: "answer", subject, call: 1, answer: { kind: "allocated", allocation: { verdict } } },
        undefined,
      );
    expect([answered("ignored"), answered("unlocked")]).toEqual([
      undefined,
      "Let guest-aaaa at gdm-password unlock the screen.",
    ]);
  });

  it.each([
    ["login", "tty1", "", " at tty1", { GUEST_TTY: "tty1" }],
    ["sshd", "ssh", "lab7", " from lab7", { GUEST_TTY: "ssh", GUEST_RHOST: "lab7" }],
    ["sddm", "", "", "", {}],
    [
      "sshd",
      "ssh",
      "lab\nguestd: forged",
      " from lab?guestd: forged",
      { GUEST_TTY: "ssh", GUEST_RHOST: "lab?guestd: forged" },
    ],
  ])("say where a session of %s was opened", (service, tty, rhost, where, fields) => {
    const row = rowOf("announce-opened");
    const session = { ...SESSION, service, tty, rhost };
    const effect = { kind: "announce-opened", subject: subjectOf(session), session } as const;
    expect(row.done(effect, undefined)).toBe(
      `Opened session abc of guest1 (uid 1101) through ${service}${where}, leader 500.`,
    );
    expect(row.fields?.(effect, undefined)).toEqual(fields);
  });

  it("have a MESSAGE_ID each", () => {
    expect(new Set(EFFECT_KINDS.map((kind) => rowOf(kind).messageId)).size).toBe(EFFECT_KINDS.length);
  });

  it("of opening refuse the login when they fail, except after its answer", () => {
    const refusing = [...ALLOCATING, ...OPENING].filter((kind) => rowOf(kind).fails !== "refuse");
    expect(refusing).toEqual(["announce-opened"]);
  });

  it("of ending are in the receipt when they fail before it is written, except what greeters list", () => {
    const ending = ENDING_LEASED.filter((kind) => kind !== "unlist-account");
    const fails = ending.map((kind) => rowOf(kind).fails);
    const written = ending.indexOf("write-receipt");
    expect(fails.slice(0, written + 1)).toEqual(Array(written + 1).fill("note"));
    expect(fails.slice(written + 1)).toEqual(["quarantine", "retry"]);
  });
});
