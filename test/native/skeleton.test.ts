// What is copied into a tmpfs, and what a hostile or broken skeleton cannot do.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
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
  ])("with %s in it is refused, named, and the device is not opened", async (_title, make) => {
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

  it("with a file of 1 GB fails with ENOSPC on that file", async () => {
    writeFileSync(`${skeleton}/giant`, "");
    truncateSync(`${skeleton}/giant`, 1 << 30);
    const failure = await failureOf(base.build(home(skeleton)));
    expect(failure).toMatchObject({ step: "skeleton", path: `${skeleton}/giant`, code: "ENOSPC" });
    expect(failure.message).toContain("does not fit");
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

  it("mounted into itself ends", async () => {
    mkdirSync(`${skeleton}/loop`);
    base.sh(`mount --rbind ${skeleton} ${skeleton}/loop`);
    expect(await look("find . | wc -l", skeleton)).toBe("3");
  });

  it("loses setuid, setgid and sticky bits and keeps the others", async () => {
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

  it("belongs to the guest in the end, whoever owned it", async () => {
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

  it("cannot lead a later-copied one out through a symbolic link", async () => {
    const below = `${skeleton}/below`;
    const above = `${skeleton}/above`;
    mkdirSync(`${below}/config`, { recursive: true });
    mkdirSync(above);
    mkdirSync(`${base.dir}/outside`);
    writeFileSync(`${below}/config/planted`, "");
    symlinkSync(`${base.dir}/outside`, `${above}/config`);
    expect(await look(`readlink config; ls ${base.dir}/outside | wc -l`, below, above)).toBe(`${base.dir}/outside\n0`);
  });

  it("keeps contents, times and odd names; a hard link becomes a file", async () => {
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
    expect(seen).toContain("large 1000000 1\nsame 1000000 1\ndir 2000000 2");
    await withView(base, [home(skeleton)], (view) => {
      expect(readFileSync(`${skeleton}/large`).equals(content)).toBe(true);
      expect(inside(view, `cmp /home/guest/large ${skeleton}/large && echo equal`)).toBe("equal");
    });
  });

  it("wins over those named before it; directories are merged", async () => {
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

  it("that is missing is passed over", async () => {
    writeFileSync(`${skeleton}/file`, "");
    lutimesSync(`${skeleton}/file`, 1, 1);
    expect(await look("ls", `${skeleton}/none`, skeleton, "/none/at/all")).toBe("file");
  });

  it("is found although a step before it lies over its path", async () => {
    writeFileSync(`${skeleton}/file`, "found");
    const covered = base.dir.split("/").slice(0, 2).join("/");
    await withView(base, [tmpfs(covered), home(skeleton)], (view) => {
      expect(inside(view, "cat /home/guest/file")).toBe("found");
    });
  });
});
