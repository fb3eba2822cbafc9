import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import { poll, within } from "../../src/wait.ts";

const LIMIT_MS = 100;
const never = () => new Promise<never>(() => undefined);
const refuse = () => {
  throw new Error("too late");
};

/** Like a machine under load. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe("within", () => {
  it("fails when the work fails, and when onLate fails", async () => {
    await expect(within(Promise.reject(new Error("EIO")), LIMIT_MS, refuse)).rejects.toThrow("EIO");
    await expect(within(never(), 1, refuse)).rejects.toThrow("too late");
  });

  it("returns onLate's value when the work is late", async () => {
    expect(await within<string>(never(), 1, () => "instead")).toBe("instead");
  });

  it("never calls onLate for work that is done, neither at once nor later", async () => {
    const onLate = vi.fn(refuse);
    expect(await within(Promise.resolve("done"), 1, onLate)).toBe("done");
    expect(await within(once(spawn("true"), "close"), 20_000, onLate)).toEqual([0, null]);
    block(5);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(onLate).not.toHaveBeenCalled();
  });

  it("takes a result that arrived in time and is read late, without onLate", async () => {
    const onLate = vi.fn(refuse);
    // From here on timers fire before pending input is read.
    await new Promise((resolve) => setImmediate(resolve));
    // Another thread does it while this one is busy.
    const result = within(stat("/"), LIMIT_MS, onLate);
    block(5 * LIMIT_MS);
    expect((await result).isDirectory()).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(onLate).not.toHaveBeenCalled();
  });

  it("leaves late work to the caller, however it ends", async () => {
    let end: (how: { readonly late: string }) => void = () => undefined;
    const work = new Promise<{ readonly late: string }>((resolve) => (end = resolve));
    const discarded: unknown[] = [];
    const result = within(work, 1, () => {
      void work.then((late) => discarded.push(late));
      return refuse();
    });
    await expect(result).rejects.toThrow("too late");
    end({ late: "view" });
    await work;
    expect(discarded).toEqual([{ late: "view" }]);

    let fail: (reason: Error) => void = () => undefined;
    const failing = new Promise<never>((_, reject) => (fail = reject));
    await expect(within(failing, 1, refuse)).rejects.toThrow("too late");
    // An unhandled rejection would end guestd.
    fail(new Error("EIO"));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("poll", () => {
  it("fails when a look fails", async () => {
    const look = () => Promise.reject(new Error("EIO"));
    await expect(poll(look, LIMIT_MS)).rejects.toThrow("EIO");
  });

  it("looks at once, and not again once it is done", async () => {
    const look = vi.fn(() => true);
    expect(await poll(look, 0)).toBe(true);
    expect(look).toHaveBeenCalledTimes(1);
  });

  it("looks until it is done", async () => {
    let looks = 0;
    expect(await poll(() => Promise.resolve(++looks === 4), Infinity, { first: 1, longest: 1 })).toBe(true);
    expect(looks).toBe(4);
  });

  it("gives up when a look after the limit is not done", async () => {
    const begun: number[] = [];
    const start = performance.now();
    const look = () => {
      begun.push(performance.now() - start);
      return false;
    };
    expect(await poll(look, 20)).toBe(false);
    expect(begun.filter((at) => at >= 20)).toHaveLength(1);
  });

  it("looks once more when a look, or the machine, took longer than the limit", async () => {
    let looks = 0;
    const look = () => {
      if (looks === 0) block(20);
      return ++looks === 2;
    };
    expect(await poll(look, 10)).toBe(true);
  });

  it("doubles its pause, up to the longest", async () => {
    const paused: number[] = [];
    const pauseFor = (ms: number) => Promise.resolve(void paused.push(ms));
    await poll(() => paused.length === 5, Infinity, { first: 2, longest: 10 }, pauseFor);
    expect(paused).toEqual([2, 4, 8, 10, 10]);
  });
});
