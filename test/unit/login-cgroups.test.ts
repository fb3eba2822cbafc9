import { describe, expect, it } from "vitest";
import { makeCgroupSearch } from "../../src/login-cgroups.ts";
import type { What } from "../../src/policy/events.ts";
import type { Open, Session } from "../../src/policy/session.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";
import { CGROUP, ENDING_SESSION, LEASED_SESSION, SESSION } from "../helpers/samples.ts";

const MOVED = { path: "/user.slice/user-1001.slice/session-4.scope", inode: "9" };

/** @param move the result of waiting for a session's move */
async function look(sessions: readonly Session[], move: () => Promise<typeof MOVED | undefined>, times = 1) {
  const events: What[] = [];
  const asked: string[] = [];
  const faults: string[] = [];
  const state = { ...INITIAL_STATE, sessions: new Map(sessions.map((session) => [session.id, session])) };
  const awaitLoginCgroup = ({ id }: Session) => {
    asked.push(id);
    return move();
  };
  const search = makeCgroupSearch(
    { state, dispatch: (event) => events.push(event) },
    { awaitLoginCgroup },
    (what, error) => faults.push(`${what}: ${String(error)}`),
  );
  for (let time = 0; time < times; time++) search();
  await new Promise((resolve) => setImmediate(resolve));
  return { events, asked, faults };
}

const session = (id: string, change: Partial<Open> = {}): Session => ({
  ...SESSION,
  id,
  cgroups: [CGROUP],
  ...change,
});

describe("makeCgroupSearch", () => {
  it("reports a failure, and continues with the other leaders", async () => {
    const { events, faults } = await look([session("s1"), session("s2")], () => Promise.reject(new Error("EIO")));
    expect(events).toEqual([]);
    expect(faults).toEqual(["the cgroup of session s1: Error: EIO", "the cgroup of session s2: Error: EIO"]);
  });

  it("skips leased, moved and ending sessions", async () => {
    const sessions = [
      { ...LEASED_SESSION, id: "s1", cgroups: [CGROUP] },
      session("s2", { cgroups: [CGROUP, MOVED] }),
      session("s3", { cgroups: [] }),
      { ...ENDING_SESSION, id: "s4" },
    ];
    expect(await look(sessions, () => Promise.resolve(MOVED))).toEqual({ events: [], asked: [], faults: [] });
  });

  it("reports where a leader was moved, and nothing of one that was not", async () => {
    expect((await look([session("s1")], () => Promise.resolve(MOVED))).events).toEqual([
      { kind: "cgroup-found", id: "s1", cgroup: MOVED },
    ]);
    expect((await look([session("s1")], () => Promise.resolve(undefined))).events).toEqual([]);
  });

  it("looks for a leader one look at a time, and once more where logind has announced a login in between", async () => {
    let looking = 0;
    const move = async () => {
      expect(++looking).toBe(1);
      await Promise.resolve();
      looking--;
      return undefined;
    };
    expect((await look([session("s1")], move, 5)).asked).toEqual(["s1", "s1"]);
  });
});
