// One project for each kind of test: they differ in what they need and how long they may take.
import { defineConfig } from "vitest/config";

/** Booting is cheap, two processors are not many. */
const MACHINES_AT_ONCE = 2;

function project(name: string, limitMs: number, groupOrder: number, maxWorkers?: number) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: limitMs,
      hookTimeout: 10 * limitMs,
      pool: "forks" as const,
      // A condition that comes true late, on a busy machine, has come true.
      expect: { poll: { timeout: 15_000 } },
      // Projects with another number of workers cannot share a group.
      sequence: { groupOrder },
      ...(maxWorkers === undefined ? {} : { maxWorkers }),
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      project("unit", 20_000, 0),
      project("contract", 20_000, 0),
      project("native", 30_000, 1, 1),
      project("pam", 30_000, 2, 1),
      project("machine", 60_000, 3, MACHINES_AT_ONCE),
      project("package", 90_000, 4, MACHINES_AT_ONCE),
      // Emulated, with all processors: nothing runs beside it.
      project("full", 120_000, 5, 1),
    ],
  },
});
