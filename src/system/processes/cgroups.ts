// Cgroups of the unified hierarchy (kernel: cgroup-v2).
import { closeSync, constants, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup } from "../../policy/session.ts";
import { meansGone, readIfThere } from "../read-file.ts";

/** The unified hierarchy is alone, or beside those of version 1. */
const CGROUP_ROOTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] as const;

const MOST_DIRECTORIES = 2000;

/** systemd removes the runtime directory with this unit, so it must not be killed. */
const SPARED = /^user-runtime-dir@\d+\.service$/;

export class Cgroups {
  readonly #roots: readonly string[];
  readonly #proc: string;

  constructor(roots: readonly string[] = CGROUP_ROOTS, proc = "/proc") {
    this.#roots = roots;
    this.#proc = proc;
  }

  /** Undefined if the process has ended, or is in version 1 only. */
  pathOf(pid: number): string | undefined {
    const text = readIfThere(join(this.#proc, String(pid), "cgroup"));
    return text
      ?.split("\n")
      .find((line) => line.startsWith("0::"))
      ?.slice("0::".length);
  }

  find(path: string): Cgroup | undefined {
    const inode = this.#directory(path)?.inode;
    return inode === undefined ? undefined : { path, inode };
  }

  /** By the kernel's count: processes cannot outrun it. */
  isPopulated(cgroup: Cgroup): boolean {
    const directory = this.#directoryOf(cgroup);
    return directory !== undefined && partsOf(directory).some(isPopulated);
  }

  /** Whether a process is in the cgroup or below. */
  contains(cgroup: Cgroup, pid: number): boolean {
    const path = this.pathOf(pid);
    const isBelow = path !== undefined && (path === cgroup.path || path.startsWith(`${cgroup.path}/`));
    return isBelow && this.#directoryOf(cgroup) !== undefined;
  }

  /**
   * Kills all processes in the cgroup and below (cgroup.kill, Linux 5.14).
   * @throws Error if the kernel refuses
   */
  kill(cgroup: Cgroup): void {
    const directory = this.#directoryOf(cgroup);
    for (const part of directory === undefined ? [] : partsOf(directory)) writeControl(join(part, "cgroup.kill"), "1");
  }

  /** @throws Error if the cgroup or the process is gone */
  add(cgroup: Cgroup, pid: number): void {
    const directory = this.#directoryOf(cgroup);
    if (directory === undefined) throw new Error(`the cgroup ${cgroup.path} has gone`);
    writeControl(join(directory, "cgroup.procs"), String(pid));
  }

  /**
   * Limits the tree that a user makes below their manager.
   * @throws Error if the cgroup is gone, or the kernel refuses
   */
  limitTree(cgroup: Cgroup, depth: number, descendants: number): void {
    const directory = this.#directoryOf(cgroup);
    if (directory === undefined) throw new Error(`the cgroup ${cgroup.path} has gone`);
    writeControl(join(directory, "cgroup.max.depth"), String(depth));
    writeControl(join(directory, "cgroup.max.descendants"), String(descendants));
  }

  /** Names of cgroups directly below a path. */
  listNames(path: string): string[] {
    const directory = this.#directory(path)?.name;
    return directory === undefined ? [] : listDirectories(directory);
  }

  /** PIDs in the cgroup and below, as far as the tree is readable. */
  list(cgroup: Cgroup): number[] {
    const directory = this.#directoryOf(cgroup);
    return directory === undefined ? [] : partsOf(directory).flatMap(listProcesses);
  }

  // A later cgroup may have the same name.
  #directoryOf({ path, inode }: Cgroup): string | undefined {
    const found = this.#directory(path);
    return found?.inode === inode ? found.name : undefined;
  }

  #directory(path: string): { name: string; inode: string } | undefined {
    for (const root of this.#roots) {
      const name = join(root, path);
      try {
        statSync(join(name, "cgroup.events"));
        return { name, inode: String(statSync(name, { bigint: true }).ino) };
      } catch (error) {
        if (!meansGone(error)) throw error;
      }
    }
    return undefined;
  }
}

// A slice has no processes itself.
function partsOf(directory: string): string[] {
  if (!directory.endsWith(".slice")) return [directory];
  return listDirectories(directory)
    .filter((name) => !SPARED.test(name))
    .map((name) => join(directory, name));
}

function isPopulated(directory: string): boolean {
  return /^populated 1$/m.test(readIfThere(join(directory, "cgroup.events")) ?? "");
}

// The file cannot be read.
function writeControl(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

// A user can make the tree too wide, too deep or threaded.
function listProcesses(top: string): number[] {
  const pids: number[] = [];
  const directories = [top];
  for (let at = 0; at < Math.min(directories.length, MOST_DIRECTORIES); at++) {
    const directory = directories[at] ?? top;
    pids.push(...readPids(join(directory, "cgroup.procs")));
    directories.push(...listDirectories(directory).map((name) => join(directory, name)));
  }
  return pids;
}

function readPids(path: string): number[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);
  } catch {
    return [];
  }
}

function listDirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
