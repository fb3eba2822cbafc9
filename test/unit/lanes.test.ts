import { describe, expect, it } from "vitest";
import { Lanes, Turns } from "../../src/lanes.ts";

describe("lanes", () => {
  it("run a limited number of tasks at once, in order, whatever fails", async () => {
    const lanes = new Lanes(2);
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    const work = async (piece: number) => {
      begun.push(piece);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (piece === 1) throw new Error("EIO");
      return piece;
    };
    const done = await Promise.allSettled([0, 1, 2, 3, 4].map((piece) => lanes.run(() => work(piece))));
    expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"]);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
    expect(await lanes.run(() => 7)).toBe(7);
  });
});

describe("turns", () => {
  it("yield between two pieces of work", async () => {
    const turns = new Turns();
    let rounds = 0;
    const count = () => {
      rounds++;
      if (rounds < 1000) setImmediate(count);
    };
    setImmediate(count);
    const seen = await Promise.all([1, 2, 3].map(() => turns.take(() => rounds)));
    expect(new Set(seen).size).toBe(3);
    rounds = 1000;
  });
});
