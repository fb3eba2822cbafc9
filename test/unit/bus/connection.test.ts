import { spawn } from "node:child_process";
import { once } from "node:events";
import type { MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { callMethod, LateError } from "../../../src/bus/connection.ts";

const CALL = { destination: "org.example", path: "/", interface: "org.example", member: "Do" };
const LIMIT_MS = 200;

const busThat = (call: () => Promise<unknown>) => ({ call }) as unknown as MessageBus;

describe("callMethod", () => {
  it("gives up when no answer arrives in time", async () => {
    const silent = busThat(() => new Promise(() => undefined));
    await expect(callMethod(silent, CALL, 20)).rejects.toThrow(new LateError("org.example does not answer Do (20 ms)"));
  });

  it("accepts an answer that arrived in time but was read late", async () => {
    const bus = busThat(async () => {
      const [said] = (await once(spawn("echo", ["here"]).stdout, "data")) as [Buffer];
      return { body: [said.toString()] };
    });
    // From here on timers fire before pending input is read.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const answer = callMethod(bus, CALL, LIMIT_MS);
    for (const end = performance.now() + 5 * LIMIT_MS; performance.now() < end;);
    expect(await answer).toEqual(["here\n"]);
  });

  it("leaves no service more unanswered calls than the bus allows, and makes others wait for none", async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const bus = busThat((({ destination }: { destination: string }) => {
      asked.push(destination);
      return new Promise((resolve) =>
        answers.push(() => {
          resolve({ body: [] });
        }),
      );
    }) as () => Promise<unknown>);
    const calls = Array.from({ length: 60 }, () => callMethod(bus, CALL, 60_000));
    calls.push(callMethod(bus, { ...CALL, destination: "org.other" }, 60_000));
    await expect.poll(() => asked.length).toBe(41);
    expect(asked.filter((destination) => destination === "org.other")).toHaveLength(1);
    for (const answer of answers) answer();
    await expect.poll(() => asked.length).toBe(61);
    for (const answer of answers) answer();
    await Promise.all(calls);
  });

  it("does not wait any longer for a service that has not answered in time", async () => {
    const silent = busThat(() => new Promise(() => undefined));
    const late = await Promise.allSettled(Array.from({ length: 41 }, () => callMethod(silent, CALL, 20)));
    expect(late.map(({ status }) => status)).toEqual(late.map(() => "rejected"));
  });
});
