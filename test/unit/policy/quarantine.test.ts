import { describe, expect, it } from "vitest";
import type { Effect } from "../../../src/policy/effects.ts";
import type { What } from "../../../src/policy/events.ts";
import type { Quarantine } from "../../../src/policy/lease.ts";
import { ACCOUNT_KINDS } from "../../../src/policy/receipt.ts";
import type { State } from "../../../src/policy/state.ts";
import type { Happening } from "../../helpers/play.ts";
import {
  after,
  clean,
  configure,
  done,
  failed,
  kinds,
  leasedOpened,
  only,
  READY,
  happen,
  withKept,
} from "../../helpers/play.ts";
import { allocateRequest, configOf, LEASED } from "../../helpers/samples.ts";

const UID = 60601;
const WHY: Quarantine = { reason: "files: /tmp/x", user: "guest-bbbb", session: "s7" };
const SECOND = 1e6;

const inQuarantine = (why: Quarantine = WHY, from: State = READY): State =>
  withKept(from, [60609], new Map([[UID, why]]));
const tick = (state: State, uptime: number) => happen(state, { kind: "tick", uptime });
const release = (state: State, uid = UID) => happen(state, { kind: "release-requested", uid, call: 5 });
const at = (event: What, uptime: number): Happening => ({ ...event, uptime });
const first = ({ effects }: { effects: readonly Effect[] }): Effect => {
  const [effect] = effects;
  if (effect === undefined || effects.length !== 1) throw new Error(`not one effect: ${kinds(effects).join(" ")}`);
  return effect;
};
const DIRTY = { swept: [{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"] }] } as const;

/** When guestd looks at a UID that is never clean. */
function looksAt(state: State, end: number, judge: (effect: Effect) => What): number[] {
  const looks: number[] = [];
  let last = state;
  for (let second = 1; second <= end; second++) {
    const next = tick(last, second * SECOND);
    last = next.state;
    if (next.effects.length === 0) continue;
    looks.push(second);
    last = happen(last, at(judge(first(next)), second * SECOND)).state;
  }
  return looks;
}

describe("a quarantined UID", () => {
  it("is not leased, however often others are", () => {
    const range = configure(inQuarantine(), "[Guests]", `LeaseRange=${UID}-${UID}`);
    expect(kinds(happen(range, allocateRequest()).effects)).toEqual(["refuse"]);
  });

  it("is not looked at while it belongs to a user who is no guest", () => {
    const state = inQuarantine({ ...WHY, foreign: true });
    expect(tick(state, 1e12)).toEqual({ state, effects: [] });
  });

  it("becomes foreign when a look finds that it belongs to a user, and is not looked at again", () => {
    const { state, effects } = tick(inQuarantine(), 0);
    const next = happen(state, at(done(first({ effects }), { swept: [], owner: "dora" }), 5));
    expect(next.effects).toEqual([]);
    expect(next.state.pool.quarantined.get(UID)).toEqual({ ...WHY, reason: "it belongs to dora", foreign: true });
    expect(tick(next.state, 1e12).effects).toEqual([]);
  });

  it("is not looked at while a session uses it, whose end that would be", () => {
    const state = withKept(leasedOpened(), [], new Map([[LEASED.uid, WHY]]));
    expect(tick(state, 1e12)).toEqual({ state, effects: [] });
  });

  it("is not looked at when its last guest is unknown, since a sweep also goes by names", () => {
    const state = inQuarantine({ reason: "the entry cannot be read", user: "" });
    expect(tick(state, 1e12)).toEqual({ state, effects: [] });
  });

  it("is looked at by its last guest's name and session, in its own order", () => {
    const subject = { of: "uid", user: "guest-bbbb", uid: UID };
    expect(first(tick(inQuarantine(), 0))).toEqual({ kind: "sweep-uid", subject, session: "s7" });
  });

  it("is looked at without a session when that was not saved", () => {
    const { session: _unknown, ...why } = WHY;
    expect(first(tick(inQuarantine(why), 0))).toMatchObject({ kind: "sweep-uid", session: "" });
  });

  it("has one look at a time, however long that takes", () => {
    const { state } = tick(inQuarantine(), 0);
    expect(tick(state, 1e15)).toEqual({ state, effects: [] });
  });

  it.each<[string, (effect: Effect) => What]>([
    ["something is left", (effect) => done(effect, DIRTY)],
    ["a class could not be swept", (effect) => done(effect, { swept: [{ ...clean("files")[0], left: ["boom"] }] })],
    ["a class was not looked at", (effect) => done(effect, { swept: clean("processes", "files") })],
    [
      "nobody has looked at mounts",
      (effect) => done(effect, { swept: clean("processes", "open-files", ...ACCOUNT_KINDS) }),
    ],
    [
      "nobody has looked at open files",
      (effect) => done(effect, { swept: clean("processes", "mounts", ...ACCOUNT_KINDS) }),
    ],
    ["nothing was looked at", (effect) => done(effect, { swept: [] })],
    ["it could not be looked at", (effect) => failed(effect)],
  ])("is looked at less and less often, but at least once an hour, while %s", (_, judge) => {
    const looks = looksAt(inQuarantine(), 20_000, judge);
    const pauses = looks.slice(1).map((look, index) => look - (looks[index] ?? 0));
    expect(pauses.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(pauses.slice(10, 13)).toEqual([1024, 2048, 3600]);
    expect(Math.max(...pauses)).toBe(3600);
    expect(inQuarantine().pool).toEqual(happen(inQuarantine(), { kind: "tick", uptime: 0 }).state.pool);
  });

  it("is released when nothing is left, but not before that is saved", () => {
    const looked = tick(inQuarantine(), 0);
    const judged = happen(looked.state, done(first(looked)));
    expect(first(judged)).toMatchObject({ kind: "release-uid", subject: { uid: UID }, call: undefined });
    expect(judged.state.pool).toEqual(inQuarantine().pool);
    const { state, effects } = happen(judged.state, done(first(judged)));
    expect(state).toMatchObject({ pool: { rested: [60609, UID], quarantined: new Map() }, retries: new Map() });
    expect(effects).toEqual([]);
  });

  it("is not looked at while that is being saved, since the next guest's processes would be killed", () => {
    const looked = tick(inQuarantine(), 0);
    const judged = happen(looked.state, done(first(looked)));
    expect(tick(judged.state, 1e15).effects).toEqual([]);
    expect(tick(release(inQuarantine()).state, 1e15).effects).toEqual([]);
  });

  it("stays quarantined when that cannot be saved, and is looked at again", () => {
    const looked = tick(inQuarantine(), 0);
    const judged = happen(looked.state, done(first(looked)));
    const { state, effects } = happen(judged.state, failed(first(judged)));
    expect(effects).toEqual([]);
    expect(state.pool).toEqual(inQuarantine().pool);
    expect(kinds(tick(state, 100 * SECOND).effects)).toEqual(["sweep-uid"]);
  });

  const several = withKept(
    READY,
    [],
    new Map([
      [UID, WHY],
      [60602, WHY],
    ]),
  );
  const uidsOf = ({ effects }: { effects: readonly Effect[] }) =>
    effects.map(({ subject }) => (subject.of === "uid" ? subject.uid : 0));

  it("takes its turn among several, those not looked at yet first", () => {
    const one = tick(several, 0);
    expect(uidsOf(one)).toEqual([UID]);
    expect(uidsOf(tick(one.state, 10 * SECOND))).toEqual([]);
    const { state } = happen(one.state, at(done(first(one), DIRTY), 0));
    const other = tick(state, 10 * SECOND);
    expect(uidsOf(other)).toEqual([60602]);
    const both = happen(other.state, at(done(first(other), DIRTY), 10 * SECOND));
    expect(uidsOf(tick(both.state, 20 * SECOND))).toEqual([UID]);
  });

  it("is not looked at while a login waits, since that takes guestd's time", () => {
    const login = after(several, allocateRequest(), { until: "write-record" }).state;
    expect(tick(login, 10 * SECOND).effects.filter(({ kind }) => kind === "sweep-uid")).toEqual([]);
    const opened = after(several, allocateRequest()).state;
    expect(kinds(tick(opened, 10 * SECOND).effects)).toEqual(["sweep-uid"]);
  });
});

describe("ReleaseLease", () => {
  it.each([60600, 60609, 0, 2 ** 31])("is refused for UID %d, which is not quarantined", (uid) => {
    const { state, effects } = release(inQuarantine(), uid);
    expect(effects).toMatchObject([
      { kind: "refuse", call: 5, code: "NoSuchLease", reason: expect.stringContaining(String(uid)) as string },
    ]);
    expect(state).toEqual(inQuarantine());
  });

  it("frees the UID once that is saved, and answers only then", () => {
    const asked = release(inQuarantine());
    expect(first(asked)).toMatchObject({ kind: "release-uid", call: 5, subject: { uid: UID, user: "guest-bbbb" } });
    const { state, effects } = happen(asked.state, done(first(asked)));
    expect(effects).toMatchObject([{ kind: "answer", call: 5, answer: { kind: "released" } }]);
    expect(state.pool).toMatchObject({ rested: [60609, UID], quarantined: new Map() });
    expect(
      only(happen({ ...state, config: configOf("[Guests]", `LeaseRange=${UID}-${UID}`) }, allocateRequest()).state)
        .account.uid,
    ).toBe(UID);
  });

  it("also frees one that belongs to a user who is no guest: the administrator knows better", () => {
    expect(
      after(inQuarantine({ ...WHY, foreign: true }), { kind: "release-requested", uid: UID, call: 5 }).state.pool
        .quarantined.size,
    ).toBe(0);
  });

  it("is refused when it cannot be saved, and the UID stays quarantined", () => {
    const asked = release(inQuarantine());
    const { state, effects } = happen(asked.state, failed(first(asked), "no space"));
    expect(effects).toMatchObject([{ kind: "refuse", call: 5, code: "Failed", reason: "no space" }]);
    expect(state.pool).toEqual(inQuarantine().pool);
    expect(kinds(tick(state, 10 * SECOND).effects)).toEqual(["sweep-uid"]);
  });

  it("during a look is not undone by what that finds", () => {
    const looked = tick(inQuarantine(), 0);
    const asked = release(looked.state);
    const found = happen(asked.state, done(first(looked), DIRTY));
    const { state } = happen(found.state, done(first(asked)));
    expect(state).toMatchObject({ pool: { rested: [60609, UID], quarantined: new Map() }, retries: new Map() });
  });

  it("twice is answered twice, and frees the UID once", () => {
    const one = release(inQuarantine());
    const two = happen(one.state, { kind: "release-requested", uid: UID, call: 6 });
    const both = happen(happen(two.state, done(first(one))).state, done(first(two)));
    expect(both.effects).toMatchObject([{ kind: "answer", call: 6 }]);
    expect(both.state.pool.rested).toEqual([60609, UID]);
  });
});

describe("a free UID", () => {
  it("is not remembered when the result of a look arrives late", () => {
    const looked = tick(inQuarantine(), 0);
    const released = after(looked.state, { kind: "release-requested", uid: UID, call: 5 }).state;
    for (const event of [
      done(first(looked)),
      done(first(looked), { swept: [{ ...clean("files")[0], left: ["x"] }] }),
      failed(first(looked)),
    ]) {
      expect(happen(released, event)).toEqual({ state: released, effects: [] });
    }
  });
});
