// udisks' mounts for an account, and which of them are left alone.
import { chmodSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Holders } from "../../../../src/system/processes/holder-search.ts";
import { sweepMedia, unmountMedium } from "../../../../src/system/sweep/media.ts";
import { OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const STICK = `media/${OWNER.user}/STICK`;
const HELD: Holders = { files: [], mounts: [], unread: [], unseen: [], whole: true };

let world: SweepWorld;
let mounts: { id: number; path: string }[];
let asked: string[];
beforeEach(() => {
  world = new SweepWorld();
  [mounts, asked] = [[], []];
  writeMounts();
});
afterEach(() => world.remove());

function writeMounts(): void {
  const lines = mounts.map(
    ({ id, path }) => `${id} 1 8:${id} / ${path.replaceAll(" ", "\\040")} rw - vfat /dev/sda rw\n`,
  );
  world.file("proc/self/mountinfo", undefined, lines.join(""));
}

function mount(path: string): void {
  world.directory(path);
  mounts.push({ id: 10 + mounts.length, path: world.at(path) });
  writeMounts();
}

function unmount(path: string): Promise<void> {
  asked.push(path);
  const at = mounts.findLastIndex((one) => one.path === path);
  if (at >= 0) mounts.splice(at, 1);
  writeMounts();
  return Promise.resolve();
}

const sweep = (machine: Partial<Parameters<typeof sweepMedia>[0]> = {}) =>
  sweepMedia({ root: world.root, unmount, search: () => Promise.resolve(HELD), ...machine }, OWNER.user);
const busy = () => Promise.reject(new Error("target is busy."));

describe("the removable media of an account", () => {
  it("are none where udisks has mounted nothing", async () => {
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    world.directory(`media/${OWNER.user}`);
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(asked).toEqual([]);
  });

  it("are unmounted and their directories removed, whatever their labels, each counted once", async () => {
    for (const path of [STICK, `media/${OWNER.user}/-rf of mine`, `run/media/${OWNER.user}/CARD`]) mount(path);
    expect(await sweep()).toEqual({ found: 3, removed: 3, left: [] });
    expect(mounts).toEqual([]);
    for (const path of [STICK, `run/media/${OWNER.user}/CARD`]) expect(world.has(path)).toBe(false);
  });

  it("are unmounted as often as they are mounted over each other", async () => {
    mount(STICK);
    mount(STICK);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(asked).toEqual([world.at(STICK), world.at(STICK)]);
  });

  it("may be gone except for their directories", async () => {
    world.directory(STICK);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(asked).toEqual([]);
  });

  it("do not include those of others, nor mounts elsewhere", async () => {
    for (const path of ["media/STICK", `media/${OWNER.user}`, `media/${OWNER.user}2/STICK`, `${STICK}/below`])
      mount(path);
    expect((await sweep()).removed).toBe(0);
    expect(asked).toEqual([]);
    expect(mounts).toHaveLength(4);
  });

  it.each([
    [
      "can be changed by others",
      () => {
        chmodSync(world.at(`media/${OWNER.user}`), 0o775);
      },
    ],
  ])("stay where their directory %s, and are named", async (_, change) => {
    mount(STICK);
    change();
    const left = [
      `${world.at(STICK)} is still mounted: others than root can change ${world.at(`media/${OWNER.user}`)}`,
    ];
    expect(await sweep()).toEqual({ found: 1, removed: 0, left });
    expect(asked).toEqual([]);
  });

  it("are not searched behind a link", async () => {
    mount("srv/theirs/STICK");
    world.directory("media");
    world.link(`media/${OWNER.user}`, world.at("srv/theirs"));
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(mounts).toHaveLength(1);
  });

  it("that are busy stay, and their holders are named", async () => {
    mount(STICK);
    const files = [1, 2, 3, 4].map((index) => ({ pid: 4_194_400 + index, how: "descriptor" }) as const);
    const search = ({ devices }: { devices: readonly string[] | undefined }) =>
      Promise.resolve({ ...HELD, files: devices?.[0] === "8:10" ? files : [] });
    const named = [1, 2, 3].map((index) => `process 419440${index} holds a file of it (descriptor)`).join(", ");
    expect(await sweep({ unmount: busy, search })).toEqual({
      found: 1,
      removed: 0,
      left: [`${world.at(STICK)} is still mounted: ${named}, and more`],
    });
    expect(world.has(STICK)).toBe(true);
  });

  it("that cannot be unmounted for another reason are reported with umount's", async () => {
    mount(STICK);
    expect((await sweep({ unmount: busy })).left).toEqual([`${world.at(STICK)} is still mounted: target is busy.`]);
  });
});

describe("unmountMedium", () => {
  it("returns umount(8)'s error", async () => {
    await expect(unmountMedium(world.at("missing: x"))).rejects.toThrow(
      /^(not mounted|no mount point specified|must be superuser to unmount)\.?$/,
    );
  });
});
