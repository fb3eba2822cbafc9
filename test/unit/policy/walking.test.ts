// UIDs that wait for the walk: one walk for all of them, and its results.
import { describe, expect, it } from "vitest";
import type { Effect } from "../../../src/policy/effects.ts";
import type { Quarantine } from "../../../src/policy/lease.ts";
import type { State } from "../../../src/policy/state.ts";
import { PATHS } from "../../../src/policy/subject.ts";
import { isWalkDue } from "../../../src/policy/walking.ts";
import { after, clean, done, failed, happen, kinds, leasedOpened, READY, withKept } from "../../helpers/play.ts";
import { allocateRequest, configOf, LEASED } from "../../helpers/samples.ts";
import { ACCOUNT_KINDS, SHARED_KINDS } from "../../../src/policy/receipt.ts";

const SECOND = 1e6;
const UIDS = [60601, 60602, 60603] as const;
const [FIRST, NEXT, LAST] = UIDS;
const waiting = (uid: number): Quarantine => ({
  reason: "/tmp",
  user: `guest-${uid}`,
  session: `s${uid}`,
  waits: true,
});
const withWaiting = (uids: readonly number[] = UIDS, from: State = READY): State =>
  withKept(from, [], new Map(uids.map((uid) => [uid, waiting(uid)])));
const tick = (state: State, uptime = SECOND) => happen(state, { kind: "tick", uptime });
const only = ({ effects }: { readonly effects: readonly Effect[] }): Effect => {
  const [effect] = effects;
  if (effect === undefined || effects.length !== 1) throw new Error(`not one effect: ${kinds(effects).join(" ")}`);
  return effect;
};
const UNDER_WAY = { done: false, names: 7, owners: [], unread: [] };
const OVER = { ...UNDER_WAY, done: true };
const owner = (uid: number, left: string[] = []) => ({ uid, found: 2, removed: 2 - left.length, left });
const at = (state: State, effect: Effect, found: object, uptime = 3 * SECOND) =>
  happen(state, { ...done(effect, found), uptime });

describe("UIDs that wait for the walk", () => {
  it("are not leased, and not swept one by one", () => {
    const range = { ...withWaiting(), config: configOf("[Guests]", `LeaseRange=${FIRST}-${LAST}`) };
    expect(kinds(happen(range, allocateRequest()).effects)).toEqual(["refuse"]);
    expect(kinds(tick(range).effects)).toEqual(["walk-paths"]);
  });

  it("are searched for together by one walk", () => {
    expect(only(tick(withWaiting()))).toEqual({ kind: "walk-paths", subject: PATHS, uids: UIDS, begins: true });
  });

  it("are at most a hundred per walk, since its results go to the disk that logins need", () => {
    const many = withWaiting(Array.from({ length: 250 }, (_, index) => 70_000 + index));
    const begun = tick(many);
    expect(only(begun)).toMatchObject({ uids: Array.from({ length: 100 }, (_, index) => 70_000 + index) });
  });

  it("have the walk continue where it stopped, one at a time, with the UIDs it began with", () => {
    const begun = tick(withWaiting([FIRST]));
    expect(tick(begun.state, 1e12).effects).toEqual([]);
    const stopped = at(begun.state, only(begun), UNDER_WAY);
    expect(stopped.effects).toEqual([]);
    const more = { ...stopped.state, pool: withWaiting().pool };
    expect(only(tick(more, 4 * SECOND))).toEqual({
      kind: "walk-paths",
      subject: PATHS,
      uids: [FIRST],
      begins: false,
    });
  });

  it("are released when it found nothing, and their receipts say when", () => {
    const begun = tick(withWaiting());
    const { effects } = at(begun.state, only(begun), OVER);
    expect(effects).toMatchObject(
      UIDS.map((uid) => ({ kind: "release-uid", subject: { uid }, call: undefined, clears: { session: `s${uid}` } })),
    );
    const { state } = after(withWaiting(), { kind: "tick", uptime: SECOND });
    expect(state.pool).toMatchObject({ rested: UIDS, quarantined: new Map() });
    expect(isWalkDue(state)).toBe(false);
  });

  it("are not searched for again while that is being saved, but are when it cannot be", () => {
    const begun = tick(withWaiting([FIRST]));
    const judged = at(begun.state, only(begun), OVER);
    expect(tick(judged.state, 1e12).effects).toEqual([]);
    const again = happen(judged.state, failed(only(judged)));
    expect(kinds(tick(again.state, 1e12).effects)).toEqual(["walk-paths"]);
  });

  it("are quarantined when something was found, removed or not, and their receipts say so", () => {
    const begun = tick(withWaiting());
    const { state, effects } = at(begun.state, only(begun), {
      ...OVER,
      owners: [owner(FIRST), owner(NEXT, ["/tmp/x: EPERM"])],
    });
    const reasons = ["files: 2 files were found later, and taken away", "files: /tmp/x: EPERM"];
    expect(effects).toMatchObject([
      { kind: "quarantine-uid", subject: { uid: FIRST }, found: reasons[0], quarantine: { session: `s${FIRST}` } },
      { kind: "quarantine-uid", subject: { uid: NEXT }, found: reasons[1] },
      { kind: "release-uid", subject: { uid: LAST } },
    ]);
    expect(UIDS.map((uid) => state.pool.quarantined.get(uid))).toMatchObject([
      { reason: reasons[0] },
      { reason: reasons[1] },
      waiting(LAST),
    ]);
    expect(state.pool.quarantined.get(FIRST)?.waits).toBeUndefined();
    // Everything else is looked at first.
    expect(kinds(tick({ ...state, retries: new Map() }, 1e12).effects)).toContain("sweep-uid");
  });

  it("are all quarantined when something could not be read, since its owner is unknown", () => {
    const begun = tick(withWaiting());
    const { effects } = at(begun.state, only(begun), { ...OVER, unread: ["/tmp: could not be looked at: EIO"] });
    expect(kinds(effects)).toEqual(["quarantine-uid", "quarantine-uid", "quarantine-uid"]);
  });

  it("wait on when the walk fails, which starts over less and less often", () => {
    let { state } = { state: withWaiting() };
    const begins: number[] = [];
    for (let second = 1; second <= 40; second++) {
      const next = tick(state, second * SECOND);
      state = next.state;
      if (next.effects.length === 0) continue;
      begins.push(second);
      expect(only(next)).toMatchObject({ begins: true });
      state = happen(state, { ...failed(only(next)), uptime: second * SECOND }).state;
    }
    expect(begins).toEqual([1, 2, 4, 8, 16, 32]);
    expect(state.pool).toEqual(withWaiting().pool);
  });

  it("leave a pause as long as the last walk, at most an hour", () => {
    for (const [took, rest] of [
      [100, 100],
      [1e6, 3600],
    ] as const) {
      const begun = tick(withWaiting([FIRST]), SECOND);
      const { state } = at(begun.state, only(begun), OVER, (1 + took) * SECOND);
      const next = { ...state, ...withWaiting([NEXT], state) };
      expect(tick(next, (took + rest) * SECOND).effects).toEqual([]);
      expect(kinds(tick(next, (1 + took + rest) * SECOND).effects)).toEqual(["walk-paths"]);
    }
  });

  it("that an administrator releases are not leased while the walk removes their files", () => {
    const begun = tick(withWaiting([FIRST]));
    const released = after(begun.state, { kind: "release-requested", uid: FIRST, call: 5 }).state;
    expect(released.pool.quarantined.size).toBe(0);
    const range = { ...released, config: configOf("[Guests]", `LeaseRange=${FIRST}-${FIRST}`) };
    expect(kinds(happen(range, allocateRequest()).effects)).toEqual(["refuse"]);
    const over = at(range, only(begun), { ...OVER, owners: [owner(FIRST)] });
    expect(over.effects).toEqual([]);
    expect(kinds(happen(over.state, allocateRequest()).effects)).not.toContain("refuse");
  });

  it("are not searched for while a session uses them", () => {
    const state = { ...leasedOpened(), pool: withWaiting([LEASED.uid]).pool };
    expect(tick(state, 1e12).effects).toEqual([]);
  });
});

describe("a quarantined UID", () => {
  const dirty: Quarantine = { reason: "files: /tmp/x", user: "guest-bbbb", session: "s7" };
  const inQuarantine = withKept(READY, [], new Map([[FIRST, dirty]]));

  it("waits for the walk when a look finds nothing but was incomplete", () => {
    const looked = tick(inQuarantine);
    const swept = clean(...SHARED_KINDS, ...ACCOUNT_KINDS).map((one) => ({ ...one, unseen: ["/tmp"] }));
    const { state, effects } = happen(looked.state, done(only(looked), { swept }));
    const reason = "not looked through yet: /tmp; other users have directories there";
    expect(effects).toMatchObject([
      { kind: "quarantine-uid", quarantine: { ...dirty, reason, waits: true }, found: undefined },
    ]);
    expect(state.pool.quarantined.get(FIRST)).toEqual({ ...dirty, reason, waits: true });
    expect(kinds(tick(state, 1e12).effects)).toEqual(["walk-paths"]);
  });

  it("stays quarantined when something is left, whatever was searched", () => {
    const looked = tick(inQuarantine);
    const swept = [{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"], unseen: ["/tmp"] }];
    const { state, effects } = happen(looked.state, done(only(looked), { swept }));
    expect([effects, state.pool]).toEqual([[], inQuarantine.pool]);
  });
});

describe("the end of a session", () => {
  const unseen = clean(...ACCOUNT_KINDS).map((one) =>
    one.kind === "files" ? { ...one, unseen: ["/tmp", "/var/tmp"] } : one,
  );
  const found = ({ kind }: Effect) => (kind === "sweep-account" ? { swept: unseen } : undefined);

  it("makes its UID wait where the search was incomplete, and the receipt says so without blaming the guest", () => {
    const { state, did } = after(leasedOpened(), { kind: "leader-exited", id: "s1" }, { found });
    const reason = "not looked through yet: /tmp, /var/tmp; other users have directories there";
    const quarantine = { reason, user: LEASED.user, session: "s1", waits: true };
    expect(state.pool).toMatchObject({ rested: [], quarantined: new Map([[LEASED.uid, quarantine]]) });
    expect(did.find(({ kind }) => kind === "remove-record")).toMatchObject({ lease: { quarantine } });
    expect(did.find(({ kind }) => kind === "write-receipt")).toMatchObject({
      receipt: { left: [], unseen: ["/tmp", "/var/tmp"], foundLater: [], clearedAt: 0 },
    });
  });
});
