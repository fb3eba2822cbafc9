// A view's own PID and IPC namespaces.
import { once } from "node:events";
import { closeSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readProcess } from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";
import {
  asBareRoot,
  asUser,
  buildIsolated,
  closeIsolated,
  endIsolated,
  type IsolatedView,
  mountWithin,
  startWithin,
  statusOf,
  within,
  withIsolated,
} from "./isolated.ts";
import {
  type Base,
  childrenOf,
  describeAsRoot,
  devpts,
  GUEST,
  mqueue,
  native,
  pidOf,
  proc,
  startBase,
  tmpfs,
  traces,
} from "./rig.ts";

describeAsRoot("in a view with its own PID and IPC namespaces", () => {
  let base: Base;
  let view: IsolatedView;
  beforeAll(async () => {
    base = await startBase();
    view = await buildIsolated(base.pidfd, [
      proc(),
      mqueue("/mnt"),
      devpts("/dev/pts"),
      tmpfs("/tmp", { mode: 0o1777 }),
    ]);
  });
  afterAll(async () => {
    await endIsolated(view);
    await base.end();
  });

  it.each([
    ["a guest", asUser(GUEST)],
    ["root", []],
    ["root without capabilities", asBareRoot],
  ])("no signal of %s ends the first process", async (_who, user) => {
    const signals = Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => signal !== 32 && signal !== 33);
    within(view, signals.map((signal) => `kill -${signal} 1`).join("\n"), user);
    expect(within(view, "cat /proc/1/comm")).toBe("guest-reaper");
    await waitFor("it to sleep again", () => statusOf(view.isolation.pid, "State")?.startsWith("S"));
  });

  it("a guest cannot inspect or trace the first process", () => {
    const look =
      "ls -d /proc/1; cat /proc/1/environ; ls -l /proc/1/root/; ls /proc/1/fd; readlink /proc/1/exe && echo seen";
    expect(within(view, look, asUser(GUEST))).not.toContain("seen");
    expect(within(view, "ls -d /proc/[0-9]*", asUser(GUEST))).not.toMatch(/^\/proc\/1$/m);
  });

  it("a process sees the first process, itself, and no process of the host", () => {
    expect(within(view, "for dir in /proc/[0-9]*; do read name < $dir/comm && echo $name; done")).toBe(
      "guest-reaper\nsh",
    );
    expect(mountWithin(view, "/proc")).toEqual(
      expect.arrayContaining(["nosuid", "nodev", "noexec", "hidepid=invisible"]),
    );
  });

  it("the reported namespace files, inodes and first process are the real ones", () => {
    const { pid, processes, ipc } = view.isolation;
    for (const [name, file] of [
      ["pid", processes],
      ["ipc", ipc],
      ["mnt", view],
    ] as const) {
      expect(statSync(`/proc/self/fd/${file.fd}`).ino).toBe(file.inode);
      expect(statSync(`/proc/${pid}/ns/${name}`).ino).toBe(file.inode);
      expect(statSync(`/proc/${base.pid}/ns/${name}`).ino).not.toBe(file.inode);
    }
    expect(readProcess(pid)).toMatchObject({ parent: process.pid, command: "guest-reaper" });
    expect(readlinkSync(`/proc/self/fd/${view.isolation.pidfd}`)).toBe("anon_inode:[pidfd]");
  });

  it("shared memory, semaphores and message queues made inside are invisible outside", () => {
    const shown = "ipcs | grep -c ^0x || true; mount -t mqueue look /media; ls /media; umount /media";
    const outside = base.sh(shown);
    within(view, `ipcmk -M 4096; ipcmk -Q; ipcmk -S 1; touch /mnt/queue-${base.pid}`, asUser(GUEST));
    expect(within(view, "ipcs | grep -c ^0x; ls /mnt")).toBe(`3\nqueue-${base.pid}`);
    expect(base.sh(shown)).toBe(outside);
    expect(mountWithin(view, "/mnt")).toEqual(expect.arrayContaining(["nosuid", "nodev", "noexec"]));
  });

  it("an orphan is adopted and reaped by the first process", async () => {
    const orphan = within(view, "mkfifo /tmp/fifo; sh -c 'cat /tmp/fifo > /dev/null 2>&1 & echo $!'");
    expect(within(view, `grep PPid /proc/${orphan}/status`)).toBe("PPid:\t1");
    within(view, "echo > /tmp/fifo");
    await waitFor("the orphan to be gone", () => within(view, `ls -d /proc/${orphan}`).includes("No such file"));
  });

  it("the end of the reaper ends all processes inside, whatever signals they ignore", async () => {
    const other = await buildIsolated(base.pidfd, [proc()]);
    const child = await startWithin(
      other,
      "trap '' TERM HUP INT; setsid sh -c 'while :; do read line < /dev/zero; done' & while :; do wait; done",
    );
    const ended = once(child, "exit");
    const inner = childrenOf(pidOf(child));
    expect(inner).toHaveLength(1);
    await endIsolated(other);
    await ended;
    for (const pid of inner) expect(readProcess(pid)).toBeUndefined();
    expect(within(view, "echo there")).toBe("there");
  });

  it("two views share nothing", async () => {
    await withIsolated(base.pidfd, [proc(), mqueue("/mnt")], (other) => {
      expect(other.isolation.processes.inode).not.toBe(view.isolation.processes.inode);
      expect(other.isolation.ipc.inode).not.toBe(view.isolation.ipc.inode);
      within(view, "touch /mnt/one");
      expect(within(other, "ls /mnt; ls -d /proc/[0-9]* | wc -l")).toMatch(/^[34]$/);
    });
  });

  it("no thread of this process joins the namespaces", () => {
    for (const name of ["pid", "pid_for_children", "ipc", "mnt"])
      expect(statSync(`/proc/self/ns/${name}`).ino, name).toBe(statSync(`/proc/${process.ppid}/ns/${name}`).ino);
  });

  it("a leader inside gets nested namespaces, and can join them", async () => {
    const outer = await startWithin(view);
    const [leader = 0] = childrenOf(pidOf(outer));
    const pidfd = native.openPidfd(leader);
    await withIsolated(pidfd, [proc()], async (inner) => {
      expect(readProcess(inner.isolation.pid)?.pids).toHaveLength(3);
      expect(readProcess(inner.isolation.pid)?.parent).toBe(process.pid);
      // By descriptor: the outer namespace's /proc does not show this process. It waits, since its output could arrive
      // together with "ready".
      const join =
        "read go; nsenter --pid=/proc/self/fd/3 --mount=/proc/self/fd/4 sh -c 'echo $$; cat /proc/1/comm'; exec cat";
      const child = await startWithin(view, join, [inner.isolation.processes.fd, inner.fd]);
      let said = "";
      child.stdout?.on("data", (data: Buffer) => {
        said += data.toString();
      });
      child.stdin?.write("\n");
      await waitFor("the inner namespace to answer", () => said.includes("guest-reaper"));
      expect(said).toMatch(/^\d+\nguest-reaper\n$/);
      child.stdin?.end();
      await once(child, "exit");
      expect(within(view, "cat /proc/[0-9]*/comm | grep -c guest-reaper")).toBe("2");
    });
    outer.stdin?.end();
    await once(outer, "exit");
    closeSync(pidfd);
  });

  it("the end of the outer namespace ends the inner one, and waits for its zombie", async () => {
    const before = traces();
    const outer = await buildIsolated(base.pidfd, [proc()]);
    const child = await startWithin(outer);
    const [leader = 0] = childrenOf(pidOf(child));
    const pidfd = native.openPidfd(leader);
    const inner = await buildIsolated(pidfd, [proc()]);
    const ended = once(child, "exit");
    native.sendSignal(outer.isolation.pidfd, 9);
    await ended;
    await waitFor("the inner reaper's end", () => statusOf(inner.isolation.pid, "State")?.startsWith("Z"));
    expect(native.reap(outer.isolation.pidfd)).toBe(false);
    expect(native.reap(inner.isolation.pidfd)).toBe(true);
    await waitFor("the outer reaper's end", () => native.reap(outer.isolation.pidfd));
    for (const built of [inner, outer]) closeIsolated(built);
    closeSync(pidfd);
    await waitFor("nothing left", () => JSON.stringify(traces()) === JSON.stringify(before));
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before.mounts);
  });
});
