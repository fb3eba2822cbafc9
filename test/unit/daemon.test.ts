import { describe, expect, it } from "vitest";
import { Daemon } from "../../src/daemon.ts";
import type { Effect, Outcome } from "../../src/policy/events.ts";
import { GuestError } from "../../src/policy/errors.ts";
import type { Failure } from "../../src/system/journal.ts";
import { configOf, ON, openRequest, VIEW } from "../helpers/samples.ts";

/** A daemon whose effects are done by `run`; everything it logs is kept. */
function daemonWith(run: (effect: Effect) => Promise<Outcome>) {
  const log: string[] = [];
  const failures: Failure[] = [];
  const daemon = new Daemon({
    runEffect: run,
    journal: {
      logDone: (effect) => log.push(`${effect.subject.id} ${effect.kind} done`),
      logFailed: (effect, failure) => {
        failures.push(failure);
        log.push(`${effect.subject.id} ${effect.kind} failed`);
      },
    },
    clock: () => ({ now: 1, uptime: 1 }),
  });
  daemon.dispatch({ kind: "config-loaded", config: configOf() });
  daemon.dispatch({ kind: "gate-found", gate: ON });
  return { daemon, log, failures };
}

const outcomeOf = (effect: Effect): Outcome =>
  effect.kind === "build-view" ? { view: VIEW } : effect.kind === "watch-leader" ? { startTime: 1 } : {};
const well = (effect: Effect) => Promise.resolve(outcomeOf(effect));

describe("Daemon", () => {
  it("logs a failed effect with the kernel's step, path and error number, and goes on", async () => {
    const { daemon, log, failures } = daemonWith((effect) =>
      effect.kind === "build-view"
        ? Promise.reject(Object.assign(new Error("no space"), { step: "fsmount", path: "/tmp", errno: 28 }))
        : well(effect),
    );
    daemon.dispatch(openRequest());
    await daemon.settle();
    expect(failures).toEqual([{ reason: "no space", step: "fsmount", path: "/tmp", errno: 28 }]);
    expect(log.slice(-2)).toEqual(["s1 announce-closed done", "s1 remove-record done"]);
    expect(daemon.state.sessions.size).toBe(0);
  });

  it("passes a GuestError's code on, and its sentence", async () => {
    let refused: Effect | undefined;
    const { daemon } = daemonWith((effect) => {
      if (effect.kind === "watch-leader") return Promise.reject(new GuestError("LeaderGone", "It has ended."));
      if (effect.kind === "refuse") refused = effect;
      return well(effect);
    });
    daemon.dispatch(openRequest());
    await daemon.settle();
    expect(refused).toMatchObject({ code: "LeaderGone", reason: "It has ended." });
  });

  it("lives on when what is thrown is no error at all", async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    const { daemon, failures } = daemonWith((effect) =>
      effect.kind === "build-view" ? Promise.reject("odd") : well(effect),
    );
    daemon.dispatch(openRequest());
    await daemon.settle();
    expect(failures[0]).toEqual({ reason: "odd" });
  });

  it("runs the effects of one session in order, and sessions side by side", async () => {
    const held: (() => void)[] = [];
    const { daemon, log } = daemonWith(async (effect) => {
      if (effect.kind === "build-view" && effect.subject.id === "s1")
        await new Promise<void>((resolve) => held.push(resolve));
      return outcomeOf(effect);
    });
    daemon.dispatch(openRequest());
    daemon.dispatch(openRequest({ id: "s2", call: 2, leaderPid: 600 }));
    await expect.poll(() => log).toContain("s2 announce-opened done");
    expect(log).not.toContain("s1 build-view done");
    held.forEach((release) => {
      release();
    });
    await daemon.settle();
    expect(log.filter((line) => line.startsWith("s1"))).toEqual([
      "s1 watch-leader done",
      "s1 enclose-leader done",
      "s1 build-view done",
      "s1 write-record done",
      "s1 enter-ledger done",
      "s1 answer done",
      "s1 announce-opened done",
    ]);
  });
});
