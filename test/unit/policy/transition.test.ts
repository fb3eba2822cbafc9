import { describe, expect, it } from "vitest";
import { EVERY_UID } from "../../../src/policy/uid-map.ts";
import { ENDING, ENDING_LEASED } from "../../helpers/stages.ts";
import {
  after,
  allocated,
  find,
  interrupt,
  kinds,
  leasedOpen,
  leasedOpened,
  only,
  opened,
  READY,
  recordFound,
  happen,
} from "../../helpers/play.ts";
import { CGROUP, ISOLATION, LEASED, openRequest, VIEW } from "../../helpers/samples.ts";

/** logind moves a leader there. */
const LOGIN = { path: "/user.slice/user-1101.slice/session-1.scope", inode: "4712" };
const SHARED = { ...VIEW, isolation: ISOLATION };

describe("a session's cgroups", () => {
  it("are guestd's own and, once found and saved, logind's", () => {
    const { state, effects } = happen(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN });
    expect(effects).toEqual([
      expect.objectContaining({ kind: "limit-login", cgroup: LOGIN, limits: only(state).limits }),
      expect.objectContaining({
        kind: "write-record",
        saved: expect.objectContaining({ cgroups: [CGROUP, LOGIN] }) as unknown,
      }),
    ]);
    expect(happen(state, { kind: "cgroup-found", id: "s1", cgroup: LOGIN }).effects).toEqual([]);
  });

  it("are killed at its end, with the view", () => {
    const { state } = after(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN });
    expect(find(after(state, { kind: "leader-exited", id: "s1" }).did, "kill-processes")).toMatchObject({
      view: SHARED,
      cgroups: [CGROUP, LOGIN],
      openedUptime: 7_000,
    });
  });

  it("made by logind are found and saved later, also during the opening", () => {
    const { state, did } = interrupt(
      after(READY, openRequest(), { until: "build-view" }),
      { kind: "cgroup-found", id: "s1", cgroup: LOGIN },
      { failing: ["limit-login"] },
    );
    expect(only(state)).toMatchObject({ phase: "open", cgroups: [CGROUP, LOGIN] });
    expect(find(did, "write-record")?.saved.cgroups).toEqual([CGROUP, LOGIN]);
    expect(kinds(did)).not.toContain("refuse");
  });
});

describe("a session of an earlier guestd", () => {
  const record = () => only(opened());

  it("is watched again as the same process", () => {
    const { effects } = happen(READY, recordFound(record()));
    expect(effects).toEqual([
      expect.objectContaining({ kind: "take-up-session", leader: { pid: 500, startTime: 42 }, view: SHARED }),
    ]);
    expect(only(after(READY, recordFound(record())).state)).toMatchObject({ phase: "open" });
  });

  it("has no view until that is taken up, since its numbers may be reused", () => {
    const { did } = after(READY, recordFound(record()), { failing: ["take-up-session"] });
    expect(find(did, "kill-processes")).toMatchObject({ view: undefined, cgroups: [CGROUP] });
  });

  it("is ended when its leader is gone", () => {
    const { state, did } = after(READY, recordFound(record()), { failing: ["take-up-session"] });
    expect(kinds(did)).toEqual(["take-up-session", ...ENDING]);
    expect(state.sessions.size).toBe(0);
  });
});

describe("a leased account of an earlier guestd", () => {
  const recorded = (session = only(leasedOpened())) => recordFound(session);

  it("is open again when its leader and its view are there", () => {
    const { state, did } = after(READY, recorded());
    expect(kinds(did)).toEqual(["take-up-session", "permit-unlock"]);
    expect(only(state)).toEqual(only(leasedOpened()));
  });

  it("can be used only by its leader, when its login continues", () => {
    const { state } = after(READY, recorded(only(allocated())));
    expect(happen(state, leasedOpen({ leaderPid: 501 })).effects).toMatchObject([{ kind: "refuse" }]);
    expect(only(after(state, leasedOpen()).state)).toMatchObject({ phase: "open", account: LEASED });
  });

  it.each([
    ["open", leasedOpened],
    ["allocated", allocated],
  ])("goes back when its leader is gone, %s as it was", (_, before) => {
    const { state, did } = after(READY, recorded(only(before())), { failing: ["take-up-session"] });
    expect(kinds(did)).toEqual(["take-up-session", ...ENDING_LEASED]);
    expect(state.pool.rested).toEqual([LEASED.uid]);
  });

  it("leaves the returned and the quarantined UIDs known", () => {
    const kept = {
      rested: [60605],
      quarantined: new Map([[60600, { reason: "process 7 does not end", user: "guest-bbbb" }]]),
    };
    const { pool } = happen(READY, { kind: "leases-found", kept, uidMap: EVERY_UID }).state;
    expect(pool).toMatchObject(kept);
    expect([...pool.unused.slice(0, 5), pool.unused.length]).toEqual([60601, 60602, 60603, 60604, 60606, 582]);
  });
});
