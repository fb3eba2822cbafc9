import { describe, expect, it } from "vitest";
import type { EffectRunner } from "../../src/daemon.ts";
import { Daemon } from "../../src/daemon.ts";
import { NO_NOTICE } from "../../src/policy/notice.ts";
import type { Effect } from "../../src/policy/effects.ts";
import { GuestError } from "../../src/policy/errors.ts";
import { keyOf, SWITCH } from "../../src/policy/subject.ts";
import type { Failure } from "../../src/system/journal.ts";
import { foundBy } from "../helpers/play.ts";
import { configOf, ON, openRequest } from "../helpers/samples.ts";

/** @param run runs the daemon's effects */
function daemonWith(run: (effect: Effect) => Promise<unknown>) {
  const log: string[] = [];
  const failures: Failure[] = [];
  const daemon = new Daemon({
    runEffect: run as EffectRunner,
    journal: {
      logDone: (effect) => log.push(`${keyOf(effect.subject)} ${effect.kind} done`),
      logFailed: (effect, failure) => {
        failures.push(failure);
        log.push(`${keyOf(effect.subject)} ${effect.kind} failed`);
      },
    },
    clock: () => ({ now: 1, uptime: 1 }),
  });
  daemon.dispatch({ kind: "config-loaded", config: configOf(), notice: NO_NOTICE });
  daemon.dispatch({ kind: "switch-found", loginSwitch: ON });
  return { daemon, log, failures };
}

const well = (effect: Effect) => Promise.resolve(foundBy(effect));

describe("Daemon", () => {
  it("logs a failed effect with the step, path and error number, and continues", async () => {
    const { daemon, log, failures } = daemonWith((effect) =>
      effect.kind === "build-view"
        ? Promise.reject(Object.assign(new Error("no space"), { step: "fsmount", path: "/tmp", errno: 28 }))
        : well(effect),
    );
    daemon.dispatch(openRequest());
    await daemon.drain();
    expect(failures).toEqual([{ reason: "no space", step: "fsmount", path: "/tmp", errno: 28 }]);
    expect(log.slice(-2)).toEqual(["session s1 announce-closed done", "session s1 remove-record done"]);
    expect(daemon.state.sessions.size).toBe(0);
  });

  it("passes on a GuestError's code and sentence", async () => {
    let refused: Effect | undefined;
    const { daemon } = daemonWith((effect) => {
      if (effect.kind === "watch-leader") return Promise.reject(new GuestError("LeaderGone", "It has ended."));
      if (effect.kind === "refuse") refused = effect;
      return well(effect);
    });
    daemon.dispatch(openRequest());
    await daemon.drain();
    expect(refused).toMatchObject({ code: "LeaderGone", reason: "It has ended." });
  });

  it("survives a thrown value that is no Error", async () => {
    const { daemon, failures } = daemonWith((effect) =>
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      effect.kind === "build-view" ? Promise.reject("odd") : well(effect),
    );
    daemon.dispatch(openRequest());
    await daemon.drain();
    expect(failures[0]).toEqual({ reason: "odd" });
  });

  it("reports when all effects of one subject are done, whatever others still do", async () => {
    let release: () => void = () => undefined;
    const { daemon, log } = daemonWith(async (effect) => {
      if (effect.kind === "build-view") await new Promise<void>((resolve) => (release = resolve));
      return foundBy(effect);
    });
    daemon.dispatch(openRequest());
    await daemon.finish(SWITCH);
    expect(log).toContain(`${keyOf(SWITCH)} offer-ghost done`);
    expect(daemon.isBusy).toBe(true);
    await expect.poll(() => log).toContain("session s1 enclose-leader done");
    release();
    await daemon.drain();
  });

  it("runs the effects of one session in order, and sessions in parallel", async () => {
    const held: (() => void)[] = [];
    const { daemon, log } = daemonWith(async (effect) => {
      if (effect.kind === "build-view" && keyOf(effect.subject) === "session s1")
        await new Promise<void>((resolve) => held.push(resolve));
      return foundBy(effect);
    });
    daemon.dispatch(openRequest());
    daemon.dispatch(openRequest({ id: "s2", call: 2, leaderPid: 600 }));
    await expect.poll(() => log).toContain("session s2 announce-opened done");
    expect(log).not.toContain("session s1 build-view done");
    held.forEach((release) => {
      release();
    });
    await daemon.drain();
    expect(log.filter((line) => line.startsWith("session s1 "))).toEqual([
      "session s1 watch-leader done",
      "session s1 enclose-leader done",
      "session s1 build-view done",
      "session s1 write-record done",
      "session s1 enter-ledger done",
      "session s1 answer done",
      "session s1 announce-opened done",
      "session s1 check-rules done",
    ]);
  });
});
