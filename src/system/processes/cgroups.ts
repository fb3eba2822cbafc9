// Cgroups of the unified hierarchy (kernel: cgroup-v2): which one a process is in, whether any process is in one,
// and killing all that are. Knows nothing of sessions.
import { closeSync, constants, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup } from "../../policy/session.ts";
import { meansGone, readIfThere } from "../read-file.ts";

/** Where the unified hierarchy is mounted: alone, or beside those of version 1. */
const CGROUP_ROOTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] as const;

/** As many cgroups are looked into for processes. */
const MOST_DIRECTORIES = 2000;

/** In the slice of a user, but not the user's: systemd takes the runtime directory away with it, and must not be killed at that. */
const SPARED = /^user-runtime-dir@\d+\.service$/;

export class Cgroups {
  readonly #roots: readonly string[];
  readonly #proc: string;

  constructor(roots: readonly string[] = CGROUP_ROOTS, proc = "/proc") {
    this.#roots = roots;
    this.#proc = proc;
  }

  /** Path of the cgroup that a process is in; undefined when it has ended, or is in none of the unified hierarchy. */
  pathOf(pid: number): string | undefined {
    const text = readIfThere(join(this.#proc, String(pid), "cgroup"));
    return text
      ?.split("\n")
      .find((line) => line.startsWith("0::"))
      ?.slice("0::".length);
  }

  /** The cgroup at a path; undefined when there is none. */
  find(path: string): Cgroup | undefined {
    const inode = this.#directory(path)?.inode;
    return inode === undefined ? undefined : { path, inode };
  }

  /**
   * Whether a process that is no zombie is in the cgroup or below it, as the kernel counts: no walk through /proc can
   * be outrun, this can not.
   */
  isPopulated(cgroup: Cgroup): boolean {
    const directory = this.#directoryOf(cgroup);
    return directory !== undefined && partsOf(directory).some(isPopulated);
  }

  /** Whether a process is in the cgroup or below it. */
  contains(cgroup: Cgroup, pid: number): boolean {
    const path = this.pathOf(pid);
    const isBelow = path !== undefined && (path === cgroup.path || path.startsWith(`${cgroup.path}/`));
    return isBelow && this.#directoryOf(cgroup) !== undefined;
  }

  /**
   * Kills all processes in the cgroup and below it, at once (cgroup.kill, Linux 5.14).
   * @throws Error when the kernel refuses, or it has gone meanwhile
   */
  kill(cgroup: Cgroup): void {
    const directory = this.#directoryOf(cgroup);
    for (const part of directory === undefined ? [] : partsOf(directory)) writeControl(join(part, "cgroup.kill"), "1");
  }

  /**
   * Moves a process into the cgroup.
   * @throws Error when the cgroup or the process has gone
   */
  add(cgroup: Cgroup, pid: number): void {
    const directory = this.#directoryOf(cgroup);
    if (directory === undefined) throw new Error(`the cgroup ${cgroup.path} has gone`);
    writeControl(join(directory, "cgroup.procs"), String(pid));
  }

  /**
   * Bounds the tree of cgroups below one: a user owns what is below his manager.
   * @throws Error when the kernel refuses
   */
  limitTree(cgroup: Cgroup, depth: number, descendants: number): void {
    const directory = this.#directoryOf(cgroup);
    if (directory === undefined) throw new Error(`the cgroup ${cgroup.path} has gone`);
    writeControl(join(directory, "cgroup.max.depth"), String(depth));
    writeControl(join(directory, "cgroup.max.descendants"), String(descendants));
  }

  /** Names of the cgroups right below a path; none when there is no such cgroup. */
  listNames(path: string): string[] {
    const directory = this.#directory(path)?.name;
    return directory === undefined ? [] : listDirectories(directory);
  }

  /** Pids of the processes in the cgroup and below it, as far as they stand still and the tree can be read. */
  list(cgroup: Cgroup): number[] {
    const directory = this.#directoryOf(cgroup);
    return directory === undefined ? [] : partsOf(directory).flatMap(listProcesses);
  }

  // One of the same name that was made later is another cgroup, and none of ours.
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

// A slice holds no processes itself: those below it, one by one, without the one that is spared.
function partsOf(directory: string): string[] {
  if (!directory.endsWith(".slice")) return [directory];
  return listDirectories(directory)
    .filter((name) => !SPARED.test(name))
    .map((name) => join(directory, name));
}

function isPopulated(directory: string): boolean {
  return /^populated 1$/m.test(readIfThere(join(directory, "cgroup.events")) ?? "");
}

// For writing alone: the file cannot be read.
function writeControl(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

// As far as it goes: a user owns the tree below his manager, and may have made it too wide, too deep or threaded to be read.
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
