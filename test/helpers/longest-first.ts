// The order in which files start: the longest first, so none still runs alone at the end. Projects of a group mix.
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Without an earlier run: the files whose machines take longest, the longest first. */
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

  /** Milliseconds of the last run, which vitest stores. */
  #lengthOf({ project, moduleId }: TestSpecification): number {
    const path = relative(this.ctx.config.root, moduleId);
    const last = this.ctx.cache.getFileTestResults(`${project.name}:${path}`);
    if (last !== undefined) return last.duration;
    const rank = LONG.findIndex((name) => path.endsWith(`/${name}.test.ts`));
    return rank < 0 ? 0 : 1000 * (100 - rank);
  }
}
