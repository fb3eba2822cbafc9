// Watching and signalling a leader through its pidfd.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it, vi } from "vitest";
import { describeAsRoot, native, pidOf } from "./rig.ts";

/** An emulated machine takes seconds to start another Node. */
const LIMIT_MS = 120_000;
const descriptors = (): number => readdirSync("/proc/self/fd").length;
/** Ends with its input. */
const start = (): ChildProcess => spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

/** Runs a script in its own Node and mount namespace, with the addon as `native`. */
function run(script: string): string {
  const addon = process.env["GUESTNS_ADDON"] ?? "build/host/guestns.node";
  const head = `const native = require(${JSON.stringify(resolve(addon))});`;
  const argv = ["--mount", "--propagation", "private", process.execPath, "-e", head + script];
  return execFileSync("unshare", argv, { encoding: "utf8", timeout: LIMIT_MS });
}

describeAsRoot("a pidfd", () => {
  it("is refused for no process and for an invalid PID", async () => {
    const child = spawn("true", []);
    await once(child, "exit");
    const gone = { step: "pidfd_open", path: "", code: "ESRCH", errno: 3 };
    expect(() => native.openPidfd(pidOf(child))).toThrow(expect.objectContaining(gone));
    for (const pid of [0, -1, 1.5, 2 ** 31, Number.NaN])
      expect(() => native.openPidfd(pid)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => native.openPidfd("1" as unknown as number)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("is closed on exec", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8"))?.[1] ?? "0";
    expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0);
    closeSync(pidfd);
    await end(child);
  });

  it("sends a signal, and reports a failure", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const ended = once(child, "exit");
    native.sendSignal(pidfd, 0);
    for (const signal of [-1, 65, 1.5])
      expect(() => {
        native.sendSignal(pidfd, signal);
      }).toThrow(expect.objectContaining({ code: "EINVAL" }));
    native.sendSignal(pidfd, 15);
    expect((await ended)[1]).toBe("SIGTERM");
    expect(() => {
      native.sendSignal(pidfd, 15);
    }).toThrow(expect.objectContaining({ step: "pidfd_send_signal", code: "ESRCH" }));
    closeSync(pidfd);
    expect(() => {
      native.sendSignal(pidfd, 15);
    }).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  it("reports the end of the process, which a signal does not while it is a zombie", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const exited = once(child, "exit");
    expect(native.hasEnded(pidfd)).toBe(false);
    native.sendSignal(pidfd, 9);
    // Node.js reaps the zombie in its event loop, which is blocked here.
    const limit = performance.now() + 15_000;
    while (!native.hasEnded(pidfd)) expect(performance.now()).toBeLessThan(limit);
    native.sendSignal(pidfd, 0);
    await exited;
    expect(native.hasEnded(pidfd)).toBe(true);
    closeSync(pidfd);
  });

  it("cannot be watched without a callback, nor a descriptor of another kind", () => {
    const file = openSync("/dev/null", "r");
    const before = descriptors();
    expect(() => native.watchPidfd(file, () => undefined)).toThrow(
      expect.objectContaining({ step: "watch", code: "EBADF" }),
    );
    expect(() => native.watchPidfd(1 << 20, () => undefined)).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => native.watchPidfd(file, undefined as unknown as () => void)).toThrow(
      expect.objectContaining({ code: "EINVAL" }),
    );
    expect(descriptors()).toBe(before);
    closeSync(file);
  });

  it.each([
    ["ends by itself", undefined],
    ["is killed", 9],
  ] as const)("reports once that its process %s", async (_title, signal) => {
    const child = start();
    const before = descriptors();
    const pidfd = native.openPidfd(pidOf(child));
    const told = vi.fn();
    const watch = native.watchPidfd(pidfd, told);
    expect(told).not.toHaveBeenCalled();
    if (signal === undefined) await end(child);
    else native.sendSignal(pidfd, signal);
    await vi.waitFor(
      () => {
        expect(told).toHaveBeenCalledTimes(1);
      },
      { timeout: 15_000 },
    );
    closeSync(pidfd);
    watch.stop();
    watch.stop();
    await vi.waitFor(
      () => {
        expect(descriptors()).toBeLessThanOrEqual(before);
      },
      { timeout: 15_000 },
    );
    expect(told).toHaveBeenCalledTimes(1);
  });

  it("is still watched after its owner has closed their copy", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const told = vi.fn();
    native.watchPidfd(pidfd, told);
    closeSync(pidfd);
    await end(child);
    await vi.waitFor(
      () => {
        expect(told).toHaveBeenCalledTimes(1);
      },
      { timeout: 15_000 },
    );
  });

  it("reports a process that has already ended at once", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    await end(child);
    await new Promise<void>((done) => native.watchPidfd(pidfd, done));
    closeSync(pidfd);
  });

  it("does not call back after stop, and other watches of it continue", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const [stopped, other] = [vi.fn(), vi.fn()];
    const watch = native.watchPidfd(pidfd, stopped);
    native.watchPidfd(pidfd, other);
    watch.stop();
    await end(child);
    await vi.waitFor(
      () => {
        expect(other).toHaveBeenCalledTimes(1);
      },
      { timeout: 15_000 },
    );
    expect(stopped).not.toHaveBeenCalled();
    closeSync(pidfd);
  });

  it("may be stopped from its own callback", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const stopped = new Promise<void>((done) => {
      const watch = native.watchPidfd(pidfd, () => {
        watch.stop();
        done();
      });
    });
    await end(child);
    await stopped;
    closeSync(pidfd);
  });

  it("keeps no descriptor after 500 watches", async () => {
    const child = start();
    const pidfd = native.openPidfd(pidOf(child));
    const before = descriptors();
    for (let i = 0; i < 500; i++) native.watchPidfd(pidfd, () => undefined).stop();
    await vi.waitFor(
      () => {
        expect(descriptors()).toBeLessThanOrEqual(before);
      },
      { timeout: 15_000 },
    );
    closeSync(pidfd);
    await end(child);
  });

  it("does not keep Node alive, and stops its watches when Node ends", () => {
    expect(
      run("for (let i = 0; i < 3; i++) native.watchPidfd(native.openPidfd(process.pid), () => console.log('told'))"),
    ).toBe("");
  });

  it("turns an exception in the callback into an uncaught one", () => {
    const script = `
      process.on("uncaughtException", (error) => { console.log("uncaught", error.message); process.exit(0); });
      const child = require("child_process").spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
      native.watchPidfd(native.openPidfd(child.pid), () => { throw new Error("mine"); });
      child.stdin.end();
      setTimeout(() => console.log("nothing came"), 10000);`;
    expect(run(script)).toBe("uncaught mine\n");
  });

  it(
    "and a running build do not disturb the end of Node or of a worker thread",
    () => {
      const work = `
      const steps = [{ kind: "tmpfs", target: "/tmp", create: false, optional: false, mode: 0o755, uid: 0, gid: 0, size: "1m", inodes: 0,
        noexec: false, readonly: false, skeletons: ["/etc"] }];
      const pidfd = native.openPidfd(process.pid);
      native.watchPidfd(pidfd, () => undefined);
      for (let i = 0; i < 8; i++) native.buildView(pidfd, steps, "label").catch(() => undefined);`;
      expect(run(`${work} process.exit(0)`)).toBe("");
      const inWorker = `const { parentPort, workerData } = require("worker_threads"); const native = require(workerData); ${work} process.exit(0)`;
      const script = `
      const { Worker } = require("worker_threads");
      const addon = Object.values(require.cache).find((module) => module.filename.endsWith(".node")).filename;
      let left = 10;
      const next = () => { left-- > 0 ? new Worker(${JSON.stringify(inWorker)}, { eval: true, workerData: addon }).on("exit", next) : console.log("done"); };
      next();`;
      expect(run(script)).toBe("done\n");
    },
    LIMIT_MS,
  );
});
