import { describe, expect, it } from "vitest";
import { EXIT_AGAIN, EXIT_IDLE, IdleWatch } from "../../src/idle.ts";

const LIMIT = 60e6;
/** systemd restarts with a delay. */
const AGAIN = { timeout: 3_000 };

/** Runs what is due, except timers. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

function watch() {
  const now = { isBusy: false, isWorking: false, limit: LIMIT };
  const exits: number[] = [];
  const release: { resolve?: () => void; reject?: (reason: Error) => void; asked: number } = { asked: 0 };
  const idle = new IdleWatch({
    isBusy: () => now.isBusy || now.isWorking,
    isWorking: () => now.isWorking,
    limit: () => now.limit,
    giveUpName: () => {
      release.asked++;
      return new Promise((resolve, reject) => Object.assign(release, { resolve, reject }));
    },
    onIdle: (status) => exits.push(status),
  });
  const released = async () => {
    release.resolve?.();
    await turn();
  };
  return { idle, now, exits, release, released };
}

describe("IdleWatch does not leave", () => {
  it("before the time is up, counted from the first idle look", () => {
    const { idle, release } = watch();
    for (const uptime of [1000e6, 1001e6, 1000e6 + LIMIT - 1]) idle.check(uptime);
    expect(release.asked).toBe(0);
    expect(idle.isLeaving).toBe(false);
    idle.check(1000e6 + LIMIT);
    expect(release.asked).toBe(1);
    expect(idle.isLeaving).toBe(true);
  });

  it("when it was busy in between, even once", () => {
    const { idle, now, release } = watch();
    idle.check(0);
    now.isBusy = true;
    idle.check(30e6);
    now.isBusy = false;
    idle.check(LIMIT);
    idle.check(2 * LIMIT - 1);
    expect(release.asked).toBe(0);
    idle.check(2 * LIMIT);
    expect(release.asked).toBe(1);
  });

  it("while a session is open, however long", () => {
    const { idle, now, release } = watch();
    now.isBusy = true;
    for (let uptime = 0; uptime < 1e12; uptime += 1e11) idle.check(uptime);
    expect(release.asked).toBe(0);
  });

  it("ever, where the limit is 0, and follows a change of it at once", () => {
    const { idle, now, release } = watch();
    now.limit = 0;
    for (const uptime of [0, 1, 1e15]) idle.check(uptime);
    expect(release.asked).toBe(0);
    now.limit = LIMIT;
    idle.check(1e15 + 1);
    expect(release.asked).toBe(1);
  });

  it("twice", async () => {
    const { idle, exits, release, released } = watch();
    for (const uptime of [0, LIMIT, 2 * LIMIT, 3 * LIMIT]) idle.check(uptime);
    expect(release.asked).toBe(1);
    await released();
    idle.check(4 * LIMIT);
    expect([release.asked, exits]).toEqual([1, [EXIT_IDLE]]);
  });

  it("while its name is not released, since calls could still come", async () => {
    const { idle, exits, released } = watch();
    idle.check(0);
    idle.check(LIMIT);
    await turn();
    expect(exits).toEqual([]);
    await released();
    expect(exits).toEqual([EXIT_IDLE]);
  });
});

describe("IdleWatch that has released the name", () => {
  const leaving = () => {
    const watched = watch();
    watched.idle.check(0);
    watched.idle.check(LIMIT);
    return watched;
  };

  it("answers a call that came in between, and is started again at once", async () => {
    const { now, exits, released } = leaving();
    now.isWorking = true;
    await released();
    let looks = 0;
    await expect.poll(() => ++looks).toBeGreaterThan(2);
    expect(exits).toEqual([]);
    now.isWorking = false;
    await expect.poll(() => exits, AGAIN).toEqual([EXIT_AGAIN]);
  });

  it("leaves a session that was opened in between to the next guestd once its login is answered, without waiting for its end", async () => {
    const { now, exits, released } = leaving();
    now.isBusy = true;
    const start = performance.now();
    await released();
    expect(exits).toEqual([]);
    await expect.poll(() => exits, AGAIN).toEqual([EXIT_AGAIN]);
    expect(performance.now() - start).toBeGreaterThan(450);
  });

  it("exits with the one status on which systemd restarts it", () => {
    expect(EXIT_AGAIN).not.toBe(EXIT_IDLE);
    expect(EXIT_IDLE).toBe(0);
  });
});
