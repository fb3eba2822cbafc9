// Bluetooth pairings from a guest's session.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepPairings } from "../../../../src/system/sweep/pairings.ts";
import { failure, SweepWorld } from "../../../helpers/sweep.ts";

const ADAPTER = "00:1A:7D:DA:71:13";
const KEYBOARD = "C0:FF:EE:00:00:01";
const DIRECTORY = "var/lib/bluetooth";
/** Older than any directory of the world. */
const LONG_AGO = 1;

let world: SweepWorld;
let forgotten: string[];
beforeEach(() => {
  [world, forgotten] = [new SweepWorld(), []];
});
afterEach(() => world.remove());

const pair = (name: string) => world.file(`${DIRECTORY}/${name}/info`, undefined, "[LinkKey]\nKey=00\n");
const sweep = (since = LONG_AGO, failing = false) =>
  sweepPairings(world.root, since, ({ adapter, device }) => {
    forgotten.push(`${adapter} ${device}`);
    return failing ? Promise.reject(failure("EIO")) : Promise.resolve();
  });

describe("the Bluetooth pairings of a session", () => {
  it("are none if BlueZ has never run", async () => {
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
  });

  it("are removed after BlueZ has forgotten them", async () => {
    pair(`${ADAPTER}/${KEYBOARD}`);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(forgotten).toEqual([`${ADAPTER} ${KEYBOARD}`]);
    expect(world.has(`${DIRECTORY}/${ADAPTER}/${KEYBOARD}`)).toBe(false);
    expect(world.has(`${DIRECTORY}/${ADAPTER}`)).toBe(true);
  });

  it("do not include older ones", async () => {
    pair(`${ADAPTER}/${KEYBOARD}`);
    expect(await sweep(Date.now() + 60_000)).toEqual({ found: 0, removed: 0, left: [] });
    expect(forgotten).toEqual([]);
  });

  it.each([`${ADAPTER}/cache`, `${ADAPTER}/${KEYBOARD}x`, `mesh/${KEYBOARD}`])(
    "do not include what BlueZ keeps in %s",
    async (name) => {
      pair(name);
      expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    },
  );

  it("are left while BlueZ does not forget them", async () => {
    pair(`${ADAPTER}/${KEYBOARD}`);
    const { found, removed, left } = await sweep(LONG_AGO, true);
    expect([found, removed]).toEqual([1, 0]);
    expect(left).toEqual([`${world.root}/${DIRECTORY}/${ADAPTER}/${KEYBOARD} is still there: EIO`]);
  });
});
