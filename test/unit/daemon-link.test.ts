import { describe, expect, it } from "vitest";
import { DaemonLink } from "../../src/daemon-link.ts";
import type { Event } from "../../src/policy/events.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";

const EXITED: Event = { kind: "leader-exited", id: "s1" };

describe("DaemonLink", () => {
  it("loses no event that comes before the daemon: it throws", () => {
    const link = new DaemonLink();
    expect(() => {
      link.dispatch(EXITED);
    }).toThrow("leader-exited has come before the daemon");
    expect(link.state).toBe(INITIAL_STATE);
  });

  it("passes events to the daemon, and tells its state", () => {
    const events: Event[] = [];
    const state = { ...INITIAL_STATE };
    const link = new DaemonLink();
    link.connect({ state, dispatch: (event) => events.push(event) });
    link.dispatch(EXITED);
    expect(events).toEqual([EXITED]);
    expect(link.state).toBe(state);
  });
});
