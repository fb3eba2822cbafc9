// How the reaper starts, what it holds, and that no failure leaves one behind.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Step } from "../../src/policy/steps.ts";
import { waitFor } from "../helpers/wait.ts";
import { buildIsolated, closeIsolated, endIsolated, type IsolatedView, statusOf, withIsolated } from "./isolated.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  devpts,
  failureOf,
  hide,
  LABEL,
  mqueue,
  native,
  overlay,
  proc,
  readonly,
  REAPER,
  startBase,
  tmpfs,
  type Traces,
  traces,
} from "./rig.ts";

/** An emulated machine takes seconds to start another Node. */
const LIMIT_MS = 120_000;
const ADDON = resolve(process.env["GUESTNS_ADDON"] ?? "build/host/guestns.node");
const PLAN: Step[] = [
  overlay("/etc", [], ["motd"]),
  tmpfs("/tmp"),
  proc(),
  mqueue("/mnt"),
  devpts("/dev/pts"),
  bind("/usr", "/srv"),
  readonly("/usr"),
];

/** Processes of all users that run this executable. */
function running(executable: string): number[] {
  return readdirSync("/proc")
    .filter((pid) => Number(pid) > 0 && linkOf(`/proc/${pid}/exe`).includes(`:${executable}`))
    .map(Number);
}

/** "NAME:TARGET" of a link, or nothing if it is gone. */
function linkOf(path: string, name = ""): string[] {
  try {
    return [`${name}:${readlinkSync(path)}`];
  } catch {
    return [];
  }
}

/** Runs a script in its own Node and namespaces (unshare(1)), with the addon as `native`. */
function run(script: string, under: readonly string[]): string {
  const head = `const native = require(${JSON.stringify(ADDON)}); const fs = require("node:fs");`;
  return execFileSync("unshare", [...under, process.execPath, "-e", head + script], {
    encoding: "utf8",
    timeout: LIMIT_MS,
  });
}

describeAsRoot("a reaper", () => {
  let base: Base;
  let before: Traces;
  /** A copy that only this test runs. */
  let mine: string;
  beforeAll(async () => {
    base = await startBase();
    mine = `${base.dir}/reaper`;
    copyFileSync(REAPER, mine);
  });
  afterAll(() => base.end());
  beforeEach(async () => {
    await waitFor("no builder", () => (before = traces()).threads === 0);
  });

  async function expectFailure(plan: readonly Step[], path: string, expected: object): Promise<void> {
    const fd = openSync(path, "r");
    before = traces();
    expect(await failureOf(native.buildView(base.pidfd, plan, LABEL, fd))).toMatchObject(expected);
    await waitFor("the builder's end", () => traces().threads === 0);
    expect(traces()).toEqual(before);
    expect(running(path)).toEqual([]);
    closeSync(fd);
  }

  it("is not started from a file that cannot be executed", async () => {
    const files = { text: 0o755, plain: 0o644 };
    for (const [name, mode] of Object.entries(files)) {
      writeFileSync(`${base.dir}/${name}`, "reaper\n");
      chmodSync(`${base.dir}/${name}`, mode);
    }
    mkdirSync(`${base.dir}/directory`);
    const step = "execveat";
    await expectFailure(PLAN, `${base.dir}/text`, { step, path: "guest-reaper", code: "ENOEXEC" });
    await expectFailure(PLAN, `${base.dir}/plain`, { step, code: "EACCES" });
    await expectFailure(PLAN, `${base.dir}/directory`, { step, code: "EACCES" });
    await expectFailure(PLAN, "/dev/null", { step, code: "EACCES" });
  });

  it("is not started from a bad descriptor", async () => {
    expect(await failureOf(native.buildView(base.pidfd, PLAN, LABEL, 1 << 20))).toMatchObject({
      step: "reaper",
      code: "EBADF",
    });
    expect(traces()).toEqual(before);
  });

  it("is not started without a descriptor or for -1, and the plan's IPC namespace needs none", async () => {
    for (const none of [undefined, -1]) {
      const view = await native.buildView(base.pidfd, PLAN, LABEL, none);
      expect(Object.keys(view.isolation ?? {})).toEqual(["ipc"]);
      expect(traces().children).toEqual(before.children);
      for (const fd of [view.fd, view.isolation?.ipc.fd ?? -1]) closeSync(fd);
    }
  });

  it("is gone when a later step fails, whichever", async () => {
    for (let length = 0; length <= PLAN.length; length++)
      await expectFailure([...PLAN.slice(0, length), hide("/none")], mine, {
        step: "attach",
        path: "/none",
        code: "ENOENT",
      });
    await expectFailure([proc(), overlay("/etc", ["/etc/passwd"])], mine, { step: "overlay layer", code: "ENOTDIR" });
  });

  it("that ends at once causes an error or is reported as ended, and leaves nothing", async () => {
    for (let round = 0; round < 20; round++) {
      const fd = openSync("/bin/true", "r");
      const built = await native.buildView(base.pidfd, PLAN, LABEL, fd).catch(() => undefined);
      closeSync(fd);
      if (built?.isolation !== undefined) await endIsolated(built as IsolatedView);
      await waitFor("nothing left", () => JSON.stringify(traces()) === JSON.stringify(before));
    }
  });

  const inUserNamespace = ["--user", "--map-root-user", "--mount"];
  const inBoth = [...inUserNamespace, "--pid", "--fork", "--mount-proc"];
  it.each<[title: string, under: string[], head: string, step: string, code: string]>([
    ["rights over the PID namespace", inUserNamespace, "", "setns", "EPERM"],
    ["a free PID namespace", inBoth, 'fs.writeFileSync("/proc/sys/user/max_pid_namespaces", "0");', "clone", "ENOSPC"],
    [
      "a free IPC namespace",
      inBoth,
      'fs.writeFileSync("/proc/sys/user/max_ipc_namespaces", "0");',
      "unshare",
      "ENOSPC",
    ],
  ])(
    "is not started without %s, and that is reported",
    (_title, under, head, step, code) => {
      const script = `${head}
      const look = () => JSON.stringify([fs.readdirSync("/proc/self/fd").length, fs.readFileSync("/proc/thread-self/children", "utf8")]);
      const [pidfd, reaper] = [native.openPidfd(process.pid), fs.openSync(${JSON.stringify(mine)})];
      const before = look();
      native.buildView(pidfd, [{ kind: "proc", target: "/proc", hidepid: "invisible" }], "label", reaper)
        .catch((error) => console.log(error.step, error.code, look() === before));`;
      expect(run(script, under).trim()).toBe(`${step} ${code} true`);
    },
    LIMIT_MS,
  );

  it("does not survive a worker that is terminated while it builds", async () => {
    const fd = openSync(mine, "r");
    before = traces();
    const script = `const native = require(${JSON.stringify(ADDON)});
      for (let i = 0; i < 20; i++) native.buildView(${base.pidfd}, [], "label", ${fd});
      require("node:worker_threads").parentPort.postMessage("building");
      for (;;);`;
    const worker = new Worker(script, { eval: true });
    await once(worker, "message");
    await worker.terminate();
    await waitFor(
      "nothing left",
      () => running(mine).length === 0 && JSON.stringify(traces()) === JSON.stringify(before),
    );
    closeSync(fd);
  });

  it(
    "outlives the process that built its view",
    async () => {
      const script = `const pidfd = native.openPidfd(process.pid), reaper = fs.openSync(${JSON.stringify(mine)});
      native.buildView(pidfd, [], "label", reaper).then((view) => { console.log(view.isolation.pid); process.kill(process.pid, 9); });`;
      const under = ["--mount", "--propagation", "private", "sh", "-c", '"$@"; true', "sh"];
      const pid = Number(run(script, under));
      expect(running(mine)).toEqual([pid]);
      expect(statusOf(pid, "PPid")).not.toBe(String(process.pid));
      const pidfd = native.openPidfd(pid);
      native.sendSignal(pidfd, 9);
      await waitFor("its end", () => running(mine).length === 0);
      expect(native.reap(pidfd)).toBe(true);
      closeSync(pidfd);
    },
    LIMIT_MS,
  );

  it("has no capabilities, descriptors, arguments or environment", async () => {
    await withIsolated(base.pidfd, PLAN, async (view) => {
      const { pid } = view.isolation;
      await waitFor(
        "it to wait",
        () => statusOf(pid, "NoNewPrivs") === "1" && readdirSync(`/proc/${pid}/fd`).length === 0,
      );
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
        expect(statusOf(pid, set), set).toMatch(/^0+$/);
      expect(statusOf(pid, "Umask")).toBe("0077");
      expect(statusOf(pid, "SigBlk")).toMatch(/^0+$/);
      // SIGTERM.
      expect(statusOf(pid, "SigCgt")).toMatch(/^0+4000$/);
      expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBe("guest-reaper\0");
      expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toBe("");
      expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("guest-reaper\n");
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
      expect(statusOf(pid, "NSsid")).toBe(`${pid}\t1`);
    });
  });

  it("is ended by SIGTERM from outside, as when systemd stops a unit", async () => {
    await withIsolated(base.pidfd, [], async (view) => {
      const { pid, pidfd } = view.isolation;
      await waitFor(
        "it to wait",
        () => statusOf(pid, "NoNewPrivs") === "1" && readdirSync(`/proc/${pid}/fd`).length === 0,
      );
      native.sendSignal(pidfd, 15);
      await waitFor("it to end", () => native.reap(pidfd));
    });
  });

  it("is ended by no other signal from outside except SIGKILL", async () => {
    await withIsolated(base.pidfd, [], async (view) => {
      const { pid, pidfd } = view.isolation;
      for (let signal = 1; signal <= 64; signal++) if (![9, 15, 19].includes(signal)) native.sendSignal(pidfd, signal);
      await waitFor("it to wait", () => statusOf(pid, "State")?.startsWith("S") && statusOf(pid, "NoNewPrivs") === "1");
      expect(statusOf(pid, "ShdPnd")).toMatch(/^0+$/);
      expect(native.reap(pidfd)).toBe(false);
      native.sendSignal(pidfd, 19);
      await waitFor("it to stand", () => statusOf(pid, "State")?.startsWith("T"));
      native.sendSignal(pidfd, 18);
      await waitFor("it to wait on", () => statusOf(pid, "State")?.startsWith("S"));
    });
  });

  it("does nothing when it is started by hand", () => {
    expect(() => execFileSync(REAPER, { timeout: LIMIT_MS })).toThrow(expect.objectContaining({ status: 2 }));
  });

  it("closes no descriptor of the calling process, and leaves none of its own", async () => {
    const listed = (): string[] => readdirSync("/proc/self/fd").flatMap((fd) => linkOf(`/proc/self/fd/${fd}`, fd));
    const earlier = listed();
    await withIsolated(base.pidfd, PLAN, (view) => {
      const { pidfd, processes, ipc } = view.isolation;
      const made = [view.fd, pidfd, processes.fd, ipc.fd];
      expect(listed()).toEqual(expect.arrayContaining(earlier));
      expect(traces().descriptors).toBe(before.descriptors + made.length);
      for (const fd of made) {
        const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
        expect(Number.parseInt(flags, 8) & 0o2000000, String(fd)).not.toBe(0);
      }
    });
    expect(traces()).toEqual(before);
  });

  it("is reaped once, and a process that is no child counts as reaped", async () => {
    for (const wrong of [-1, "3", undefined])
      expect(() => native.reap(wrong as number)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => native.reap(1 << 20)).toThrow(expect.objectContaining({ step: "waitid", code: "EBADF" }));
    const view = await buildIsolated(base.pidfd, []);
    expect(native.reap(view.isolation.pidfd)).toBe(false);
    native.sendSignal(view.isolation.pidfd, 9);
    await waitFor("its end", () => native.reap(view.isolation.pidfd));
    expect(native.reap(view.isolation.pidfd)).toBe(true);
    closeIsolated(view);
    const init = native.openPidfd(1);
    expect(native.reap(init)).toBe(true);
    closeSync(init);
  });

  it("reports its end to a watch", async () => {
    const view = await buildIsolated(base.pidfd, []);
    const ended = new Promise<void>((resolve) => {
      native.watchPidfd(view.isolation.pidfd, resolve);
    });
    native.sendSignal(view.isolation.pidfd, 9);
    await ended;
    expect(native.reap(view.isolation.pidfd)).toBe(true);
    closeIsolated(view);
    await waitFor("the watch to be closed", () => traces().descriptors === before.descriptors);
  });

  it("can be started 30 at once, and 200 in a row, valid and invalid, with nothing left", async () => {
    const fd = openSync(mine, "r");
    before = traces();
    const bad = [...PLAN, hide("/none")];
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => native.buildView(base.pidfd, i % 3 === 0 ? bad : PLAN, LABEL, fd)),
    );
    const views = results.flatMap((result) => (result.status === "fulfilled" ? [result.value as IsolatedView] : []));
    expect(new Set(views.map((view) => view.isolation.processes.inode)).size).toBe(20);
    for (const view of views) await endIsolated(view);
    for (let round = 0; round < 200; round++)
      await native.buildView(base.pidfd, round % 2 === 0 ? bad : PLAN, LABEL, fd).then(
        (view) => endIsolated(view as IsolatedView),
        () => undefined,
      );
    await waitFor("nothing left", () => JSON.stringify(traces()) === JSON.stringify(before));
    expect(running(mine)).toEqual([]);
    closeSync(fd);
  });
});
