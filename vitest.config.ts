// One project for each kind of test: they differ in what they need and how long they may take. Machines have one for each
// Debian release. Projects of a group run in one pool; groups run one after another.
import { freemem, availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/helpers/longest-first.ts";
import { releases, type Release } from "./test/helpers/root.ts";
import { filesIn, leftOut, SEED, shareOf } from "./test/helpers/walk.ts";

/** A machine takes as much memory, at most. */
const GIBIBYTE = 2 ** 30;

/**
 * Tests wait: there is room for more of them than there are processors.
 * @param more so many more
 */
function chooseJobs(more: number): number {
  const given = Number(process.env["TEST_JOBS"]);
  if (Number.isSafeInteger(given) && given > 0) return given;
  return Math.max(1, Math.min(availableParallelism() + more, Math.floor(freemem() / GIBIBYTE)));
}

interface Project {
  readonly name: string;
  /** Below test/. */
  readonly folder?: string;
  readonly limitMs: number;
  readonly group: number;
  readonly workers?: number;
  readonly release?: Release;
  /** Of how many runs one after another have all files of the folder. */
  readonly turns?: number;
  /** Files share their modules and the process they run in: they have no state, and starting anew takes longest. */
  readonly shared?: boolean;
}

function project({ name, folder = name, limitMs, group, workers, release, turns = 1, shared = false }: Project) {
  const share = release === undefined ? 0 : shareOf(release, turns);
  return {
    test: {
      name,
      include: [`test/${folder}/**/*.test.ts`],
      testTimeout: limitMs,
      hookTimeout: 10 * limitMs,
      pool: "forks" as const,
      isolate: !shared,
      // A condition that comes true late, on a busy machine, has come true.
      expect: { poll: { timeout: 15_000 } },
      // Projects with another number of workers cannot share a group.
      sequence: { groupOrder: group },
      ...(workers === undefined ? {} : { maxWorkers: workers }),
      exclude: [...leftOut(folder, share, turns)],
      ...(release === undefined ? {} : { env: { GUEST_RELEASE: release } }),
    },
  };
}

const jobs = chooseJobs(2);
/** One with a machine keeps a third of a processor busy. */
const machineJobs = chooseJobs(3);

interface OnEachRelease {
  readonly limitMs: number;
  readonly group: number;
  readonly workers?: number;
  readonly turns?: number;
}

/** The same tests for each release, side by side. Most files take turns: a run has them on one of the releases at most. */
function onEachRelease(folder: string, options: OnEachRelease) {
  const { limitMs, group, workers = machineJobs, turns = releases.length } = options;
  return releases.map((release) =>
    project({ name: `${folder}-${release}`, folder, limitMs, group, workers, release, turns }),
  );
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      project({ name: "unit", limitMs: 20_000, group: 0, shared: true }),
      project({ name: "contract", limitMs: 20_000, group: 0, shared: true }),
      // They look at what is their own only, so that they may run beside each other. Most wait.
      project({ name: "native", limitMs: 30_000, group: 1, workers: jobs }),
      project({ name: "pam", limitMs: 30_000, group: 1, workers: jobs }),
      ...onEachRelease("machine", { limitMs: 60_000, group: 2 }),
      ...onEachRelease("package", { limitMs: 90_000, group: 2 }),
      ...onEachRelease("desktop", { limitMs: 90_000, group: 2 }),
      // How long something takes is told by a machine that has nothing else to do. A run has half of the files, each once.
      ...onEachRelease("bounds", { limitMs: 60_000, group: 3, workers: 1, turns: 2 * releases.length }),
      // Emulated, with all processors: beside others it takes more than twice as long. A run has one of its files.
      project({ name: "full", limitMs: 120_000, group: 4, workers: 1, turns: filesIn("full").length }),
      // A whole computer takes ten minutes, and so does the benchmark: they are in no run with a seed.
      ...(SEED === null
        ? [
            ...onEachRelease("seat", { limitMs: 660_000, group: 5, workers: 1 }),
            project({ name: "bench", limitMs: 600_000, group: 6, workers: 1 }),
          ]
        : []),
    ],
  },
});
