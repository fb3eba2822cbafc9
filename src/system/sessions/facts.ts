// Gathers what a plan must know about the machine. policy/plan.ts interprets it.
import type { Dirent } from "node:fs";
import { lstatSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { Config } from "../../config/schema.ts";
import { GuestError } from "../../policy/errors.ts";
import type { Mount } from "../../policy/mounts.ts";
import { isAnsweredAtOnce, treeOf } from "../../policy/mounts.ts";
import type { PlanFacts } from "../../policy/plan.ts";
import { AS_ON_HOST, LEASED_ETC, pathsOf, VENDOR_ETC } from "../../policy/plan.ts";
import { readMounts } from "../processes/mountinfo.ts";
import { findLinks, followKnownLinks } from "./links.ts";

const MOST_FILES = 10_000;
const DEEPEST = 32;

export interface FactsAbout {
  /** Its mount namespace is the base of the view. */
  readonly pid: number;
  readonly home: string;
  readonly overlay: boolean;
}

/** @throws GuestError LeaderGone if /proc/PID cannot be read */
export function gatherFacts(config: Config | undefined, { pid, home, overlay }: FactsAbout, proc = "/proc"): PlanFacts {
  const mounts = readMountsOf(proc, pid);
  const asOnHost = AS_ON_HOST.flatMap(readDirectory);
  if (config === undefined) return { overlay, mounts, links: [], etcFiles: [], asOnHost };
  const needsFiles = config.Etc.Mode === "bind" || !overlay;
  return {
    overlay,
    mounts,
    links: findLinks(join(proc, String(pid), "root"), pathsOf(config, home), mounts),
    etcFiles: needsFiles ? listLayers([findLocal(config.Etc.Overlay, mounts), LEASED_ETC, VENDOR_ETC]) : [],
    asOnHost,
  };
}

// In a view, root owns it.
function readDirectory(path: string): PlanFacts["asOnHost"] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true ? [{ path, mode: found.mode & 0o3777, gid: found.gid }] : [];
}

// A file server would hold up the main thread.
function findLocal(path: string, mounts: readonly Mount[]): string {
  if (isAnsweredAtOnce(treeOf(mounts), followKnownLinks(path, mounts))) return path;
  throw new Error(`Overlay=${path} with Mode=bind lies on a file server; put it on a disk of this machine`);
}

// The first layer with a file counts.
function listLayers(roots: readonly string[]): PlanFacts["etcFiles"] {
  const fromLast = [...roots]
    .reverse()
    .flatMap((root) => listFiles(root).map((name) => [name, { root, name }] as const));
  return [...new Map(fromLast).values()];
}

function readMountsOf(proc: string, pid: number): Mount[] {
  try {
    return readMounts(join(proc, String(pid), "mountinfo"));
  } catch (error) {
    throw new GuestError("LeaderGone", `The process ${pid} has ended.`, { cause: error });
  }
}

/** Returns relative paths of regular files. Follows no symbolic links. */
export function listFiles(root: string): string[] {
  const files: string[] = [];
  const walk = (directory: string, depth: number) => {
    for (const entry of readEntries(directory)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && depth < DEEPEST) walk(path, depth + 1);
      if (entry.isFile()) files.push(relative(root, path));
      if (files.length > MOST_FILES) throw new Error(`${root} holds more than ${MOST_FILES} files`);
    }
  };
  walk(root, 0);
  return files;
}

function readEntries(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
