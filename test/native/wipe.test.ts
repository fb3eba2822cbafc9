// Empties a view's tmpfs of everything that a guest can create, but nothing mounted in it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import {
  type Base,
  describeAsRoot,
  failureOf,
  GUEST,
  inside,
  native,
  startBase,
  tmpfs,
  traces,
  withView,
} from "./rig.ts";

const MEGABYTE = 2 ** 20;
const LIMIT = 60_000;
const DIG = `perl -e 'for (1..$ARGV[0]) { mkdir "d" or die $!; chdir "d" or die $! } open(F, ">", "deep"); print F "x" x 100000'`;

describeAsRoot("wiping a view", () => {
  let base: Base;
  beforeAll(async () => {
    base = await startBase();
    base.sh("mount -t tmpfs base /home && mkdir /home/guest && mount -t tmpfs host /mnt");
  });
  afterAll(() => base.end());

  const mounts = [tmpfs("/tmp", { size: "50m" }), tmpfs("/home/guest", { size: "50m" })];
  const targets = mounts.map(({ target }) => target);
  const wipe = (view: Parameters<typeof inside>[0], limitMs = LIMIT) =>
    native.wipeView(
      view.fd,
      targets,
      view.tmpfs.map(({ device }) => device),
      limitMs,
    );
  const list = (view: Parameters<typeof inside>[0]) =>
    inside(view, "find /tmp /home/guest -mindepth 1").split("\n").sort().join(" ");

  it("fails for what is no view, for paths without devices and without time", async () => {
    const file = openSync("/dev/null", "r");
    expect(await failureOf(native.wipeView(file, [], [], LIMIT))).toMatchObject({ step: "setns", code: "EINVAL" });
    expect(await failureOf(native.wipeView(file, ["/tmp"], [], LIMIT))).toMatchObject({
      step: "arguments",
      code: "EINVAL",
    });
    expect(await failureOf(native.wipeView(file, [], [], -1))).toMatchObject({ step: "arguments", path: "limitMs" });
    closeSync(file);
    expect(await failureOf(native.wipeView(file, [], [], LIMIT))).toMatchObject({ code: "EBADF" });
  });

  it("ends at its time limit", async () => {
    await withView(base, mounts, async (view) => {
      inside(view, "touch /tmp/a");
      expect(await failureOf(wipe(view, 0))).toMatchObject({ step: "wipe", path: "/tmp", code: "ETIMEDOUT" });
    });
  });

  it("gets its time, however busy the machine is", async () => {
    await withView(base, mounts, async (view) => {
      inside(view, "cd /home/guest; mkdir a b c d; for one in a b c d; do (cd $one; seq 4000 | xargs touch); done");
      const limit = 1000;
      const wiping = wipe(view, limit);
      // The whole program stops for longer than the limit, as on a busy machine.
      const stop = `kill -STOP ${process.pid}; sleep ${(2 * limit) / 1000}; kill -CONT ${process.pid}`;
      const stopper = spawn("sh", ["-c", stop]);
      const over = once(stopper, "exit");
      expect(await wiping).toBe(0);
      await over;
    });
  });

  it("removes everything that a guest can create, at any depth and in any mode", async () => {
    await withView(base, mounts, async (view) => {
      inside(
        view,
        `cd /tmp; head -c 3M /dev/zero >a; ln a b; ln -s /etc/passwd c; mkfifo d2; mkdir -p e/f/g guestd-wipe-0 guestd-wipe-1/x; touch e/f/g/h; chmod 0 e/f e a
        mknod n c 1 3; cd /home/guest; ${DIG} 3000`,
      );
      inside(view, "cd /tmp; mkdir his; touch his/file; chmod 500 his", GUEST);
      expect(await wipe(view)).toBe(0);
      expect(list(view)).toBe("");
      expect(readFileSync("/etc/passwd", "utf8")).not.toBe("");
    });
  });

  it("leaves mounts inside it, and mounts over it", async () => {
    base.sh("mkdir -p /mnt/kept/sub; echo content >/mnt/kept/sub/file; echo content >/mnt/single");
    const host = base.sh("find /mnt -ls");
    await withView(base, mounts, async (view) => {
      inside(
        view,
        `mkdir -p /home/guest/a/b/bind /tmp/fs; touch /home/guest/a/1 /home/guest/single
        mount --bind /mnt/kept /home/guest/a/b/bind; mount --bind /mnt/single /home/guest/single
        mount -t tmpfs own /tmp/fs; touch /tmp/fs/file`,
      );
      expect(await wipe(view)).toBe(0);
      expect(
        inside(
          view,
          "cd /home/guest; ls; cat single; find . -name file -exec cat {} +; find . -name 1; ls /tmp/fs",
        ).split("\n"),
      ).toEqual([expect.stringMatching(/^guestd-wipe-/), "single", "content", "content", "file"]);
      expect(base.sh("find /mnt -ls")).toBe(host);
      inside(view, "mount -t tmpfs over /tmp; touch /tmp/theirs");
      await wipe(view);
      expect(inside(view, "ls /tmp")).toBe("theirs");
    });
  });

  it("frees the memory of an open file, and reports how much an unlinked open file holds", async () => {
    await withView(base, mounts, async (view) => {
      inside(view, "head -c 3M /dev/zero >/tmp/named; head -c 5M /dev/zero >/tmp/gone");
      const script = "exec 3</tmp/named 4</tmp/gone; rm /tmp/gone; echo ready; read line";
      const child = spawn("nsenter", [`--mount=/proc/${process.pid}/fd/${view.fd}`, "sh", "-euc", script], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      expect(await wipe(view)).toBe(5 * MEGABYTE);
      child.stdin.end();
      await once(child, "exit");
      expect(await wipe(view)).toBe(0);
    });
  });

  it("leaves the process in its namespaces, and nothing behind", async () => {
    const before = traces();
    await withView(base, mounts, (view) => Promise.all(Array.from({ length: 20 }, () => wipe(view))));
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  });
});
