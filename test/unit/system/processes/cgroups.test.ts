import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cgroups } from "../../../../src/system/processes/cgroups.ts";

let root: string;
let cgroups: Cgroups;

beforeEach(() => {
  // In memory: some trees have thousands of directories.
  root = mkdtempSync("/dev/shm/guestd-cgroups-");
  cgroups = new Cgroups([join(root, "none"), join(root, "unified")], join(root, "proc"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function addCgroup(path: string, { populated = 1, procs = "" } = {}): void {
  const directory = join(root, "unified", path);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "cgroup.events"), `populated ${populated}\nfrozen 0\n`);
  writeFileSync(join(directory, "cgroup.procs"), procs);
  writeFileSync(join(directory, "cgroup.kill"), "");
}

describe("Cgroups", () => {
  it("finds the unified path of a process among those of version 1", () => {
    mkdirSync(join(root, "proc/7"), { recursive: true });
    writeFileSync(join(root, "proc/7/cgroup"), "3:pids:/x\n1:name=systemd:/y\n0::/user.slice/a b:c.scope\n");
    expect(cgroups.pathOf(7)).toBe("/user.slice/a b:c.scope");
    expect(cgroups.pathOf(8)).toBeUndefined();
  });

  it("asks the kernel whether a cgroup has processes", () => {
    addCgroup("a.scope");
    addCgroup("b.scope", { populated: 0 });
    const [a, b] = [cgroups.find("/a.scope"), cgroups.find("/b.scope")];
    expect([a, b].map((cgroup) => cgroup !== undefined && cgroups.isPopulated(cgroup))).toEqual([true, false]);
    expect(cgroups.find("/c.scope")).toBeUndefined();
  });

  it("does not confuse it with a later cgroup of the same name", () => {
    addCgroup("a.scope", { procs: "7\n" });
    const before = { path: "/a.scope", inode: "1" };
    expect(cgroups.isPopulated(before)).toBe(false);
    expect(cgroups.list(before)).toEqual([]);
    cgroups.kill(before);
    expect(readFileSync(join(root, "unified/a.scope/cgroup.kill"), "utf8")).toBe("");
  });

  it("matches members by the whole path from its start", () => {
    addCgroup("user.slice/a.scope");
    const cgroup = cgroups.find("/user.slice/a.scope");
    const within = (path: string) => {
      mkdirSync(join(root, "proc/7"), { recursive: true });
      writeFileSync(join(root, "proc/7/cgroup"), `0::${path}\n`);
      return cgroup !== undefined && cgroups.contains(cgroup, 7);
    };
    expect(["/user.slice/a.scope", "/user.slice/a.scope/b"].map(within)).toEqual([true, true]);
    expect(["/user.slice/a.scope2", "/box.service/user.slice/a.scope", "/"].map(within)).toEqual([false, false, false]);
  });

  it("lists and kills with all descendants", () => {
    addCgroup("a.scope", { procs: "7\n8\n" });
    addCgroup("a.scope/deeper", { procs: "9\n" });
    const cgroup = cgroups.find("/a.scope");
    if (cgroup === undefined) throw new Error("not found");
    expect(cgroups.list(cgroup)).toEqual([7, 8, 9]);
    cgroups.kill(cgroup);
    expect(readFileSync(join(root, "unified/a.scope/cgroup.kill"), "utf8")).toBe("1");
  });

  describe("in a tree shaped by a guest", () => {
    const find = () => {
      const cgroup = cgroups.find("/a.scope");
      if (cgroup === undefined) throw new Error("not found");
      return cgroup;
    };
    const killed = () => readFileSync(join(root, "unified/a.scope/cgroup.kill"), "utf8");

    it("lists what can be read, where it is threaded", () => {
      addCgroup("a.scope", { procs: "7\n" });
      addCgroup("a.scope/deeper", { procs: "9\n" });
      // The kernel answers EOPNOTSUPP, a directory EISDIR.
      mkdirSync(join(root, "unified/a.scope/threaded/cgroup.procs"), { recursive: true });
      expect(cgroups.list(find())).toEqual([7, 9]);
      cgroups.kill(find());
      expect(killed()).toBe("1");
    });

    it("lists as much as is useful, where it is very wide", () => {
      addCgroup("a.scope", { procs: "7\n" });
      for (let pid = 10_000; pid < 12_500; pid++) {
        mkdirSync(join(root, `unified/a.scope/${pid}`));
        writeFileSync(join(root, `unified/a.scope/${pid}/cgroup.procs`), `${pid}\n`);
      }
      const pids = cgroups.list(find());
      expect(pids).toContain(7);
      expect(pids.length).toBeGreaterThanOrEqual(1_000);
      expect(pids.length).toBeLessThanOrEqual(2_000);
    });

    it("lists everything, where it is very deep", () => {
      addCgroup(`a.scope${"/d".repeat(1_000)}`, { procs: "9\n" });
      addCgroup("a.scope", { procs: "7\n" });
      expect(cgroups.list(find())).toEqual([7, 9]);
    });

    it("have the kernel bound it, unless it is gone or replaced", () => {
      addCgroup("a.scope");
      const limits = ["cgroup.max.depth", "cgroup.max.descendants"].map((name) => join(root, "unified/a.scope", name));
      for (const name of limits) writeFileSync(name, "");
      for (const gone of [
        { path: "/b.scope", inode: "1" },
        { path: "/a.scope", inode: "1" },
      ]) {
        expect(() => {
          cgroups.limitTree(gone, 12, 34);
        }).toThrow(`the cgroup ${gone.path} has gone`);
      }
      expect(limits.map((name) => readFileSync(name, "utf8"))).toEqual(["", ""]);
      cgroups.limitTree(find(), 12, 34);
      expect(limits.map((name) => readFileSync(name, "utf8"))).toEqual(["12", "34"]);
    });
  });

  it("moves a process into a cgroup", () => {
    addCgroup("a.scope");
    const cgroup = cgroups.find("/a.scope");
    if (cgroup === undefined) throw new Error("not found");
    cgroups.add(cgroup, 77);
    expect(readFileSync(join(root, "unified/a.scope/cgroup.procs"), "utf8")).toBe("77");
  });

  it("moves none into a cgroup that is gone or was replaced", () => {
    addCgroup("a.scope");
    for (const gone of [
      { path: "/b.scope", inode: "1" },
      { path: "/a.scope", inode: "1" },
    ]) {
      expect(() => {
        cgroups.add(gone, 77);
      }).toThrow(`the cgroup ${gone.path} has gone`);
    }
    expect(readFileSync(join(root, "unified/a.scope/cgroup.procs"), "utf8")).toBe("");
  });
});

describe("Cgroups of a user's slice", () => {
  const SLICE = "user.slice/user-60600.slice";
  const SPARED = `${SLICE}/user-runtime-dir@60600.service`;
  const slice = () => {
    const cgroup = cgroups.find(`/${SLICE}`);
    if (cgroup === undefined) throw new Error("not found");
    return cgroup;
  };
  const killed = (path: string) => readFileSync(join(root, "unified", path, "cgroup.kill"), "utf8");

  it("spares the unit that removes the runtime directory, and kills everything beside it", () => {
    for (const path of [SLICE, SPARED, `${SLICE}/session-1.scope`, `${SLICE}/user@60600.service`])
      addCgroup(path, { procs: `${path.length}\n` });
    addCgroup(`${SLICE}/user@60600.service/app.slice`, { procs: "9\n" });
    cgroups.kill(slice());
    expect([SLICE, SPARED, `${SLICE}/session-1.scope`, `${SLICE}/user@60600.service`].map(killed)).toEqual([
      "",
      "",
      "1",
      "1",
    ]);
    expect(cgroups.list(slice())).toEqual(expect.arrayContaining([`${SLICE}/session-1.scope`.length, 9]));
    expect(cgroups.list(slice())).not.toContain(SPARED.length);
  });

  it.each([
    "user-runtime-dir@60600.service.d",
    "user-runtime-dir@x.service",
    "x-user-runtime-dir@60600.service",
    "user-runtime-dir@60600.scope",
    "user-runtime-dir@.service",
  ])("does not spare %s", (name) => {
    addCgroup(SLICE);
    addCgroup(`${SLICE}/${name}`, { procs: "9\n" });
    expect(cgroups.isPopulated(slice())).toBe(true);
    expect(cgroups.list(slice())).toEqual([9]);
    cgroups.kill(slice());
    expect(killed(`${SLICE}/${name}`)).toBe("1");
  });

  it("is empty and kills nothing when only the spared unit is left", () => {
    addCgroup(SLICE);
    addCgroup(SPARED, { procs: "7\n" });
    expect(cgroups.isPopulated(slice())).toBe(false);
    expect(cgroups.list(slice())).toEqual([]);
    cgroups.kill(slice());
    expect([SLICE, SPARED].map(killed)).toEqual(["", ""]);
  });

  it("is empty when the whole slice is", () => {
    addCgroup(SLICE);
    expect(cgroups.isPopulated(slice())).toBe(false);
    addCgroup(`${SLICE}/session-1.scope`, { populated: 0 });
    expect(cgroups.isPopulated(slice())).toBe(false);
  });

  it("spares the unit also when it appears later, and sees what else does", () => {
    addCgroup(SLICE);
    addCgroup(`${SLICE}/session-1.scope`);
    const found = slice();
    expect(cgroups.isPopulated(found)).toBe(true);
    rmSync(join(root, "unified", SLICE, "session-1.scope"), { recursive: true });
    addCgroup(SPARED, { procs: "7\n" });
    expect(cgroups.isPopulated(found)).toBe(false);
    cgroups.kill(found);
    expect(killed(SPARED)).toBe("");
    addCgroup(`${SLICE}/session-2.scope`, { procs: "8\n" });
    expect(cgroups.isPopulated(found)).toBe(true);
    expect(cgroups.list(found)).toEqual([8]);
    cgroups.kill(found);
    expect([SPARED, `${SLICE}/session-2.scope`].map(killed)).toEqual(["", "1"]);
  });

  it("counts all processes in the slice as members", () => {
    addCgroup(SLICE);
    mkdirSync(join(root, "proc/7"), { recursive: true });
    writeFileSync(join(root, "proc/7/cgroup"), `0::/${SLICE}/session-1.scope\n`);
    expect(cgroups.contains(slice(), 7)).toBe(true);
  });
});
