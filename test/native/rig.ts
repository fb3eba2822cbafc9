// A throw-away base namespace, step makers, and looks into a built view. Mounts nothing in the tests' own namespace,
// and ends each process that it starts by PID.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe } from "vitest";
import type {
  BindStep,
  DevptsStep,
  HideStep,
  MkdirStep,
  MqueueStep,
  OverlayStep,
  ProcStep,
  ReadonlyStep,
  SocketStep,
  Step,
  TmpfsStep,
} from "../../src/policy/steps.ts";
import { type Bindings, type BuiltView, loadBindings, type NativeError } from "../../src/system/bindings.ts";
import { requireRoot } from "../helpers/root.ts";

/** Stands for a guest. Each worker has its own, and counts what belongs to it. */
export const GUEST = 12_345 + Number(process.env["VITEST_POOL_ID"] ?? 0);

/** GUESTNS_ADDON names another build, such as one with sanitizers. */
export const native: Bindings = loadAddon(process.env["GUESTNS_ADDON"]);

function loadAddon(path: string | undefined): Bindings {
  if (path === undefined) return loadBindings();
  return createRequire(join(process.cwd(), "package.json"))(resolve(path)) as Bindings;
}

/** On the views' file systems. */
export const LABEL = "guest-label";

/** The first process of a session. */
export const REAPER = resolve("build/host/guest-reaper");

export const describeAsRoot = describe.skipIf(!requireRoot("tests of the native addon"));

/** Plays the host and the leader, in its own mount namespace that is shared within itself. */
export interface Base {
  readonly pid: number;
  readonly pidfd: number;
  /** For sources. On the real file system, and removed with the base. */
  readonly dir: string;
  /** Runs a script in the base. Returns its output. */
  sh(script: string): string;
  build(...plan: Step[]): Promise<BuiltView>;
  end(): Promise<void>;
}

export async function startBase(): Promise<Base> {
  const dir = mkdtempSync(join(tmpdir(), "guestns-"));
  chmodSync(dir, 0o755);
  // private first: with shared alone it would stay a peer of the host, where its mounts would appear.
  const script = "mount --make-rshared / && echo ready && exec cat";
  const child = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const pid = pidOf(child);
  const pidfd = native.openPidfd(pid);
  const sh = (text: string): string =>
    execFileSync("nsenter", ["-t", String(pid), "-m", "sh", "-euc", text], { encoding: "utf8" });
  return {
    pid,
    pidfd,
    dir,
    sh,
    build: (...plan) => native.buildView(pidfd, plan, LABEL),
    end: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
      closeSync(pidfd);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("the process did not start");
  return child.pid;
}

/** Builds a view, passes it to `look`, and closes it. */
export async function withView<T>(
  base: Base,
  plan: readonly Step[],
  look: (view: BuiltView) => T | Promise<T>,
): Promise<T> {
  const view = await native.buildView(base.pidfd, plan, LABEL);
  try {
    return await look(view);
  } finally {
    closeSync(view.fd);
  }
}

/** Runs a script in a view, as root or as `uid`. Returns its output; it may fail. */
export function inside(view: BuiltView, script: string, uid = 0): string {
  const drop = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const argv = [
    `--mount=/proc/${process.pid}/fd/${view.fd}`,
    ...(uid === 0 ? [] : drop),
    "sh",
    "-c",
    `{ ${script}\n} 2>&1; true`,
  ];
  return execFileSync("nsenter", argv, { encoding: "utf8" }).trim();
}

export interface MountLine {
  readonly device: string;
  readonly root: string;
  readonly target: string;
  readonly flags: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Of mounts on top of each other, the topmost is last. */
export function mountsOf(view: BuiltView): MountLine[] {
  return parseMounts(inside(view, "cat /proc/thread-self/mountinfo"));
}

export function parseMounts(mountinfo: string): MountLine[] {
  return mountinfo
    .trim()
    .split("\n")
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const [, , device = "", root = "", target = "", flags = ""] = left.split(" ");
      const [type = "", source = "", options = ""] = right.split(" ");
      return { device, root, target, flags: flags.split(","), type, source, options: options.split(",") };
    });
}

/** The topmost mount at a target. */
export function mountAt(view: BuiltView, target: string): MountLine {
  const found = mountsOf(view).findLast((mount) => mount.target === target);
  if (found === undefined) throw new Error(`nothing is mounted at ${target}`);
  return found;
}

export async function failureOf(promise: Promise<unknown>): Promise<NativeError> {
  try {
    await promise;
  } catch (error) {
    return error as NativeError;
  }
  throw new Error("it did not fail");
}

/** What the addon could leave in this process. Omits mounts of unmount.test.ts. */
export interface Traces {
  readonly descriptors: number;
  readonly children: readonly string[];
  readonly namespaces: readonly string[];
  readonly threads: number;
  readonly mounts: string;
}

export function traces(): Traces {
  const links = readdirSync("/proc/self/fd").map((fd) => readOrEmpty(() => readlinkSync(`/proc/self/fd/${fd}`)));
  const threads = readdirSync("/proc/self/task").map((id) =>
    readOrEmpty(() => readFileSync(`/proc/self/task/${id}/comm`, "utf8")),
  );
  return {
    descriptors: links.length,
    children: childrenOf(process.pid).map(String),
    namespaces: links.filter((link) => /^(mnt|pid|ipc):/.test(link)),
    threads: threads.filter((name) => name.startsWith("guestns-")).length,
    mounts: readFileSync("/proc/self/mountinfo", "utf8").replaceAll(/^.* tmpfs unmount-test .*\n/gm, ""),
  };
}

/** Children of all threads of a process, including zombies. */
export function childrenOf(pid: number): number[] {
  const lists = readdirSync(`/proc/${pid}/task`).map((id) =>
    readOrEmpty(() => readFileSync(`/proc/${pid}/task/${id}/children`, "utf8")),
  );
  return lists
    .join(" ")
    .split(" ")
    .filter((child) => child !== "")
    .map(Number)
    .sort((a, b) => a - b);
}

/** A listed item may be gone: the listing's own descriptor, a thread. */
function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

export const tmpfs = (target: string, more: Partial<TmpfsStep> = {}): TmpfsStep => ({
  kind: "tmpfs",
  target,
  create: false,
  optional: false,
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: "1m",
  inodes: 0,
  noexec: false,
  readonly: false,
  skeletons: [],
  ...more,
});
export const proc = (hidepid: ProcStep["hidepid"] = "invisible", target = "/proc"): ProcStep => ({
  kind: "proc",
  target,
  hidepid,
});
export const mqueue = (target: string, optional = false): MqueueStep => ({ kind: "mqueue", target, optional });
export const devpts = (target: string): DevptsStep => ({ kind: "devpts", target });
export const mkdir = (target: string, mode = 0o1777): MkdirStep => ({ kind: "mkdir", target, mode });
export const socket = (target: string, uid = GUEST): SocketStep => ({ kind: "socket", target, uid });
export const hide = (target: string, optional = false): HideStep => ({ kind: "hide", target, optional });
export const overlay = (
  target: string,
  layers: readonly string[],
  hidden: readonly string[] = [],
  below: readonly string[] = [],
): OverlayStep => ({ kind: "overlay", target, layers, below, hidden });
export const bind = (source: string, target: string, more: Partial<BindStep> = {}): BindStep => ({
  kind: "bind",
  source,
  target,
  readonly: false,
  create: false,
  optional: false,
  ...more,
});
export const readonly = (target: string, optional = false): ReadonlyStep => ({ kind: "readonly", target, optional });
