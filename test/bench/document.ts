// Puts a run into docs/performance.md: the machine, the tables, the plots, and the version's row of the history. Pure.
import { replaceBetween, writeHistory, type Row } from "./history.ts";

const MARKS = ["<!-- last run -->", "<!-- end of last run -->"] as const;

export interface Run extends Row {
  /** What it ran on, in one sentence. */
  readonly machine: string;
  /** The tables in Markdown. */
  readonly report: string;
}

export interface Computer {
  readonly kernel: string;
  readonly processors: readonly string[];
  readonly memoryGiB: number;
  readonly release: string;
}

export function describeComputer(version: string, { kernel, processors, memoryGiB, release }: Computer): string {
  const models = [...new Set(processors)].join(", ");
  return `guestd ${version} on Debian ${release}, Linux ${kernel}, ${processors.length} processors (${models}), ${memoryGiB.toFixed(0)} GiB.`;
}

const PLOTS = `![Login latency against open sessions](pictures/sessions.svg)

![Login latency against mounts of the host](pictures/mounts.svg)`;

export function writeRun(document: string, run: Run): string {
  const text = `\n## The last run\n\n${run.machine}\n\n${PLOTS}\n\n${run.report}\n\n`;
  return writeHistory(replaceBetween(document, MARKS, text), run);
}
