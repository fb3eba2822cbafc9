// What is copied into a tmpfs, and what a hostile or broken skeleton cannot do.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Base, describeAsRoot, failureOf, GUEST, inside, startBase, tmpfs, traces, withView } from "./rig.ts";

describeAsRoot("a skeleton", () => {
  let base: Base;
  let skeleton: string;
  let number = 0;
  beforeAll(async () => {
    base = await startBase();
    base.sh("mount -t tmpfs base /home && mkdir /home/guest");
  });
  afterAll(() => base.end());
  beforeEach(() => {
    skeleton = `${base.dir}/skel-${number++}`;
    mkdirSync(skeleton);
  });

  const home = (...skeletons: string[]) =>
    tmpfs("/home/guest", { mode: 0o700, uid: GUEST, gid: GUEST, size: "16m", inodes: 20_000, skeletons });
  const look = (script: string, ...skeletons: string[]): Promise<string> =>
    withView(base, [home(...skeletons)], (view) => inside(view, `cd /home/guest; ${script}`));

  it.each<[title: string, make: (path: string) => unknown]>([
    ["a FIFO", (path) => execFileSync("mkfifo", [path])],
    ["a block device", (path) => execFileSync("mknod", [path, "b", "7", "0"])],
    ["a character device", (path) => execFileSync("mknod", [path, "c", "1", "5"])],
  ])("with %s in it is refused by name, and the device is not opened", async (_title, make) => {
    mkdirSync(`${skeleton}/sub`);
    make(`${skeleton}/sub/odd`);
    const failure = await failureOf(base.build(home(skeleton)));
    expect(failure).toMatchObject({ step: "skeleton", path: `${skeleton}/sub/odd`, code: "EINVAL" });
    expect(failure.message).toContain("only files, directories and symbolic links");
  });

  it("with a socket in it is refused", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${skeleton}/socket`, resolve));
    expect(await failureOf(base.build(home(skeleton)))).toMatchObject({ path: `${skeleton}/socket`, code: "EINVAL" });
    await new Promise((resolve) => server.close(resolve));
  });

  it("that is a file is refused", async () => {
    writeFileSync(`${skeleton}/file`, "");
    expect(await failureOf(base.build(home(`${skeleton}/file`)))).toMatchObject({ step: "skeleton", code: "ENOTDIR" });
  });

  it("with a file larger than the tmpfs fails with ENOSPC on that file", async () => {
    writeFileSync(`${skeleton}/giant`, Buffer.alloc(17 << 20, "x"));
    const failure = await failureOf(base.build(home(skeleton)));
    expect(failure).toMatchObject({ step: "skeleton", path: `${skeleton}/giant`, code: "ENOSPC" });
    expect(failure.message).toContain("does not fit");
  });

  it("with a sparse file of 1 GB stays sparse, with its data and the hole at its end", async () => {
    const file = openSync(`${skeleton}/sparse`, "w");
    writeSync(file, "begin", 0);
    writeSync(file, "middle", 512 << 20);
    ftruncateSync(file, 1 << 30);
    closeSync(file);
    const script =
      "stat -c %s sparse; [ $(stat -c %b sparse) -lt 100 ] && echo sparse; head -c 5 sparse; tail -c +536870913 sparse | head -c 6";
    expect(await look(script, skeleton)).toBe("1073741824\nsparse\nbeginmiddle");
  });

  it("keeps hard links of one file within a tree, also across directories", async () => {
    mkdirSync(`${skeleton}/a/b`, { recursive: true });
    writeFileSync(`${skeleton}/one`, "one");
    for (const name of ["two", "a/b/three"]) linkSync(`${skeleton}/one`, `${skeleton}/${name}`);
    expect(
      await look(
        "stat -c '%h %s %U' one two a/b/three | uniq; ls -i one two a/b/three | cut -d' ' -f1 | uniq | wc -l",
        skeleton,
      ),
    ).toBe("3 3 UNKNOWN\n1");
  });

  it("keeps a name of an earlier tree, whatever its hard links in a later one", async () => {
    const above = `${skeleton}-above`;
    mkdirSync(above);
    writeFileSync(`${above}/one`, "above");
    writeFileSync(`${skeleton}/one`, "below");
    linkSync(`${skeleton}/one`, `${skeleton}/two`);
    expect(await look("cat one two; stat -c %h one two", skeleton, above)).toBe("abovebelow1\n1");
  });

  describe("with extended attributes", () => {
    const tool = () => `${base.dir}/attributes`;
    const set = (file: string, name: string, hex: string) => execFileSync(tool(), [`${skeleton}/${file}`, name, hex]);
    // As in acl(5): version 2, then tag, permissions, id.
    const entry = (tag: string, permissions: string, id = "ffffffff") => `${tag}00${permissions}00${id}`;
    const acl = `02000000${entry("01", "06")}${entry("02", "04", "4d000000")}${entry("04", "04")}${entry("10", "04")}${entry("20", "00")}`;
    beforeAll(() => {
      execFileSync("gcc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", tool(), "test/native/attributes.c"]);
    });

    it("keeps ACLs of files and directories, default ACLs included", async () => {
      mkdirSync(`${skeleton}/dir`);
      writeFileSync(`${skeleton}/file`, "");
      set("file", "system.posix_acl_access", acl);
      set("dir", "system.posix_acl_default", acl);
      const shown = `stat -c %a file; for name in file dir; do ${tool()} $name; done`;
      expect(await look(shown, skeleton)).toBe(`640\nsystem.posix_acl_access=${acl}\nsystem.posix_acl_default=${acl}`);
    });

    it("keeps user attributes, or reports from which file they were dropped", async () => {
      writeFileSync(`${skeleton}/file`, "");
      set("file", "user.origin", "c0ffee");
      await withView(base, [home(skeleton)], (view) => {
        const kept = inside(view, `${tool()} /home/guest/file`);
        expect([kept, ...view.dropped]).toEqual(
          kept === "" ? ["", `${skeleton}/file: user.origin`] : ["user.origin=c0ffee"],
        );
      });
    });

    it("drops attributes that give a program rights, and reports that", async () => {
      writeFileSync(`${skeleton}/program`, "");
      set("program", "security.capability", "0100000200200000000000000000000000000000");
      await withView(base, [home(skeleton)], (view) => {
        expect(inside(view, `${tool()} /home/guest/program`)).toBe("");
        expect(view.dropped).toEqual([`${skeleton}/program: security.capability`]);
      });
    });

    it("reports 20 files with dropped attributes, and counts the rest", async () => {
      for (let i = 0; i < 25; i++) {
        writeFileSync(`${skeleton}/${i}`, "");
        set(String(i), "security.capability", "0100000200200000000000000000000000000000");
      }
      await withView(base, [home(skeleton)], (view) => {
        expect(view.dropped).toHaveLength(21);
        expect(view.dropped.at(-1)).toBe("and 5 more");
      });
    });
  });

  it("with more files than the tmpfs has inodes fails with ENOSPC", async () => {
    for (let i = 0; i < 9; i++) writeFileSync(`${skeleton}/${i}`, "");
    const failure = await failureOf(base.build({ ...home(skeleton), inodes: 9 }));
    expect(failure).toMatchObject({ step: "skeleton", code: "ENOSPC" });
    expect(failure.path).toMatch(/^.*\/\d$/);
    await withView(base, [{ ...home(skeleton), inodes: 10 }], () => undefined);
  });

  it("with 100,000 files is refused with E2BIG", async () => {
    execFileSync("sh", ["-c", "seq 100000 | xargs touch"], { cwd: skeleton });
    const before = traces();
    const failure = await failureOf(base.build({ ...home(skeleton), inodes: 200_000 }));
    expect(failure).toMatchObject({ step: "skeleton", code: "E2BIG" });
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  }, 60_000);

  it("may be 32 directories deep, and not 33", async () => {
    mkdirSync(`${skeleton}${"/d".repeat(31)}`, { recursive: true });
    expect(await look("find . -type d | wc -l", skeleton)).toBe("32");
    mkdirSync(`${skeleton}${"/d".repeat(32)}`);
    expect(await failureOf(base.build(home(skeleton)))).toMatchObject({ step: "skeleton", code: "ELOOP" });
  });

  it("that contains a mount of itself is copied without a loop", async () => {
    mkdirSync(`${skeleton}/loop`);
    base.sh(`mount --rbind ${skeleton} ${skeleton}/loop`);
    expect(await look("find . | wc -l", skeleton)).toBe("3");
  });

  it("loses setuid, setgid and sticky bits, and keeps the others", async () => {
    for (const [name, mode] of [
      ["suid", 0o4755],
      ["sgid", 0o2750],
      ["none", 0o000],
    ] as const) {
      writeFileSync(`${skeleton}/${name}`, name);
      chmodSync(`${skeleton}/${name}`, mode);
    }
    mkdirSync(`${skeleton}/dir`);
    chmodSync(`${skeleton}/dir`, 0o3711);
    expect(await look("stat -c '%n %a' *", skeleton)).toBe("dir 711\nnone 0\nsgid 750\nsuid 755");
  });

  it("is owned by the guest afterwards, regardless of its former owner", async () => {
    mkdirSync(`${skeleton}/dir`);
    writeFileSync(`${skeleton}/dir/file`, "");
    symlinkSync("file", `${skeleton}/dir/link`);
    chownSync(`${skeleton}/dir/file`, 77, 88);
    expect(await look("find . -printf '%U:%G %y\n' | sort | uniq -c | tr -s ' '", skeleton)).toBe(
      `1 ${GUEST}:${GUEST} d\n 1 ${GUEST}:${GUEST} f\n 1 ${GUEST}:${GUEST} l`.replace("1", "2"),
    );
  });

  it("has its symbolic links copied and never followed", async () => {
    writeFileSync(`${base.dir}/canary`, "canary");
    chmodSync(`${base.dir}/canary`, 0o600);
    symlinkSync(`${base.dir}/canary`, `${skeleton}/out`);
    symlinkSync(".", `${skeleton}/loop`);
    symlinkSync("/etc", `${skeleton}/etc`);
    expect(await look("readlink out loop etc; find . | wc -l", skeleton)).toBe(`${base.dir}/canary\n.\n/etc\n4`);
    expect(execFileSync("stat", ["-c", "%u %a", `${base.dir}/canary`], { encoding: "utf8" })).toBe("0 600\n");
  });

  it("cannot redirect a later copy through a symbolic link", async () => {
    const below = `${skeleton}/below`;
    const above = `${skeleton}/above`;
    mkdirSync(`${below}/config`, { recursive: true });
    mkdirSync(above);
    mkdirSync(`${base.dir}/outside`);
    writeFileSync(`${below}/config/planted`, "");
    symlinkSync(`${base.dir}/outside`, `${above}/config`);
    expect(await look(`readlink config; ls ${base.dir}/outside | wc -l`, below, above)).toBe(`${base.dir}/outside\n0`);
  });

  it("keeps contents, times and unusual names", async () => {
    const content = Buffer.alloc(3 << 20, "abc");
    writeFileSync(`${skeleton}/large`, content);
    linkSync(`${skeleton}/large`, `${skeleton}/same`);
    writeFileSync(Buffer.concat([Buffer.from(`${skeleton}/`), Buffer.from([0x0a, 0xff, 0x20])]), "odd");
    mkdirSync(`${skeleton}/dir`);
    utimesSync(`${skeleton}/large`, 1, 1_000_000);
    utimesSync(`${skeleton}/dir`, 1, 2_000_000);
    const seen = await look(
      "stat -c '%n %Y %h' large same dir; cmp large same && cat $(printf '\\n')*odd* 2>/dev/null; ls | wc -l",
      skeleton,
    );
    expect(seen).toContain("large 1000000 2\nsame 1000000 2\ndir 2000000 2");
    await withView(base, [home(skeleton)], (view) => {
      expect(readFileSync(`${skeleton}/large`).equals(content)).toBe(true);
      expect(inside(view, `cmp /home/guest/large ${skeleton}/large && echo equal`)).toBe("equal");
    });
  });

  it("wins over earlier ones; directories are merged", async () => {
    const [first, second] = [`${skeleton}/first`, `${skeleton}/second`];
    for (const [path, content] of [
      ["first/both", "1"],
      ["first/only1", "1"],
      ["first/d/x", "1"],
      ["first/d/y", "1"],
      ["first/turned/x", "1"],
      ["second/both", "2"],
      ["second/d/x", "2"],
      ["second/turned", "2"],
    ] as const) {
      mkdirSync(`${skeleton}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      writeFileSync(`${skeleton}/${path}`, content);
    }
    chmodSync(`${first}/d`, 0o777);
    chmodSync(`${second}/d`, 0o700);
    expect(await look("grep -r . | sort; stat -c %a d", first, second)).toBe(
      "both:2\nd/x:2\nd/y:1\nonly1:1\nturned:2\n700",
    );
  });

  it("that is missing is skipped", async () => {
    writeFileSync(`${skeleton}/file`, "");
    lutimesSync(`${skeleton}/file`, 1, 1);
    expect(await look("ls", `${skeleton}/none`, skeleton, "/none/at/all")).toBe("file");
  });

  it("is found although an earlier step covers its path", async () => {
    writeFileSync(`${skeleton}/file`, "found");
    const covered = base.dir.split("/").slice(0, 2).join("/");
    await withView(base, [tmpfs(covered), home(skeleton)], (view) => {
      expect(inside(view, "cat /home/guest/file")).toBe("found");
    });
  });
});
