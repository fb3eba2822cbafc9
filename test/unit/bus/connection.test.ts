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
});
