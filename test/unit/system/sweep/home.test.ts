// A leased account's home on the host, and its parts that are left alone.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepHome } from "../../../../src/system/sweep/home.ts";
import { GUEST_UID, OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const HOME = `home/${OWNER.user}`;

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
  mount("/", "ext4");
});
afterEach(() => world.remove());

/** Lines of mountinfo, as in proc(5). */
const mounts: string[] = [];
function mount(path: string, type: string): void {
  if (path === "/") mounts.length = 0;
  const parent = path === "/" ? 1 : 20;
  mounts.push(`${20 + mounts.length} ${parent} 8:${mounts.length} / ${path} rw - ${type} none rw`);
  world.file("proc/self/mountinfo", undefined, `${mounts.join("\n")}\n`);
}

const sweep = (bindings = world.bindings) => sweepHome(bindings, world.root, { home: `/${HOME}`, uid: GUEST_UID });

describe("a home on the host", () => {
  it("that does not exist is no finding", async () => {
    world.directory("home");
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
  });

  it("is removed with its contents, each counted once", async () => {
    world.directory(HOME, GUEST_UID);
    world.file(`${HOME}/.profile`, GUEST_UID);
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [] });
    expect(world.has(HOME)).toBe(false);
  });

  it("that is root's is removed when it is empty", async () => {
    world.directory(HOME, 0);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(world.has(HOME)).toBe(false);
  });

  it("stays and is named where it contains files of others", async () => {
    world.file(`${HOME}/roots`, 0);
    const left = [`${world.at(HOME)} is still there: ENOTEMPTY`];
    expect(await sweep()).toEqual({ found: 1, removed: 0, left });
    expect(world.has(`${HOME}/roots`)).toBe(true);
  });

  it("that is a link is removed, and its target is not", async () => {
    world.file("srv/share/file", GUEST_UID);
    world.link(HOME, world.at("srv/share"));
    const asked: string[] = [];
    const sweepFiles: typeof world.bindings.sweepFiles = (paths) => {
      asked.push(...paths);
      return Promise.resolve({ found: 0, removed: 0, left: [], unseen: [] });
    };
    expect(await sweep({ ...world.bindings, sweepFiles })).toEqual({ found: 1, removed: 1, left: [] });
    // The addon follows no link.
    expect(new Set(asked)).toEqual(new Set([world.at(HOME)]));
    expect(world.has("srv/share/file")).toBe(true);
  });

  it("is left alone and named where something is mounted on it", async () => {
    world.file(`${HOME}/file`, GUEST_UID);
    mount(`/${HOME}`, "cifs");
    expect(await sweep()).toEqual({ found: 1, removed: 0, left: [`something is mounted on /${HOME}`] });
    expect(world.has(`${HOME}/file`)).toBe(true);
  });

  it("is named while not all of it was searched", async () => {
    world.file(`${HOME}/theirs/file`, 1000);
    const sweepFiles = () => Promise.resolve({ found: 0, removed: 0, left: [], unseen: [world.at(HOME)] });
    expect(await sweep({ ...world.bindings, sweepFiles })).toEqual({
      found: 1,
      removed: 0,
      left: [`${world.at(HOME)} is still there: ENOTEMPTY`],
    });
  });

  it("on a file server that does not answer is reported, and blocks no thread", async () => {
    world.file(`${HOME}/file`, GUEST_UID);
    mount("/home", "nfs4");
    const sweepFiles = () => Promise.reject(new Error("no answer"));
    const bindings = { ...world.bindings, sweepFiles };
    const silent = (path: string) => Promise.reject(new Error(`${path} could not be looked at in 3 s`));
    expect(await sweepHome(bindings, world.root, { home: `/${HOME}`, uid: GUEST_UID }, silent)).toEqual({
      found: 1,
      removed: 0,
      left: [`/${HOME} could not be looked at in 3 s`],
    });
  });

  it("is checked by the addon first, whose threads alone wait for a file server that does not answer", async () => {
    world.directory(HOME, 0);
    const sweepFiles = () => Promise.reject(new Error("no answer"));
    await expect(sweep({ ...world.bindings, sweepFiles })).rejects.toThrow("no answer");
    expect(world.has(HOME)).toBe(true);
  });
});
