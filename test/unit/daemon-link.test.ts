import { describe, expect, it } from "vitest";
import { DaemonLink } from "../../src/daemon-link.ts";
import type { What } from "../../src/policy/events.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";

const EXITED: What = { kind: "leader-exited", id: "s1" };

describe("DaemonLink", () => {
  it("throws for an event before the daemon exists, and loses none silently", () => {
    const link = new DaemonLink();
    expect(() => {
      link.dispatch(EXITED);
    }).toThrow("leader-exited has come before the daemon");
    expect(link.state).toBe(INITIAL_STATE);
  });

  it("passes events to the daemon, and returns its state", () => {
    const events: What[] = [];
    const state = { ...INITIAL_STATE };
    const link = new DaemonLink();
    link.connect({ state, dispatch: (event) => events.push(event) });
    link.dispatch(EXITED);
    expect(events).toEqual([EXITED]);
    expect(link.state).toBe(state);
  });
});
