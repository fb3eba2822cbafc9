// Starts the longest test files first, so none runs alone at the end. Mixes projects of a group.
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Used without an earlier run. The longest are first. */
const LONG = [
  "faults",
  "edits",
  "recovery",
  "fail-closed",
  "hang-up",
  "idle",
  "boot",
  "restart",
  "killed",
  "explain",
  "attacks",
  "install",
  "outages",
  "busy-home",
  "guests-at-once",
  "many-leases",
  "sweep",
  "remove",
  "polkit",
  "quarantine",
  "switch",
];

export class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    const inOrder = files
      .map((file) => ({ file, length: this.#lengthOf(file) }))
      .sort((a, b) => group(a.file) - group(b.file) || b.length - a.length);
    return Promise.resolve(inOrder.map(({ file }) => file));
  }

  /** Milliseconds, from vitest's cache. */
  #lengthOf({ project, moduleId }: TestSpecification): number {
    const path = relative(this.ctx.config.root, moduleId);
    const last = this.ctx.cache.getFileTestResults(`${project.name}:${path}`);
    if (last !== undefined) return last.duration;
    const rank = LONG.findIndex((name) => path.endsWith(`/${name}.test.ts`));
    return rank < 0 ? 0 : 1000 * (100 - rank);
  }
}
