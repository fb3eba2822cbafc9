// The benchmark's tables in Markdown. Pure.
import type { Figures } from "./figures.ts";
import { percentile } from "./statistics.ts";
import type { Target } from "./targets.ts";
import { judge } from "./verdicts.ts";

export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, titles.map((_, column) => (column === 0 ? "---" : "--:")), ...rows];
  return all.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function formatMs(usec: number): string {
  if (!Number.isFinite(usec)) return "refused";
  return (usec / 1000).toFixed(usec < 10_000 ? 2 : 1);
}

const SHARES = [0.5, 0.9, 0.99, 1];

const timesTable = ({ times }: Figures) =>
  formatTable(
    ["ms", "p50", "p90", "p99", "most", "times"],
    [...times].map(([name, values]) => [
      name,
      ...SHARES.map((share) => (values.length === 0 ? "-" : formatMs(percentile(values, share)))),
      String(values.length),
    ]),
  );

const amountsTable = ({ amounts }: Figures) =>
  formatTable(
    ["", "amount"],
    [...amounts].map(([name, { value, unit }]) => [
      name,
      `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`,
    ]),
  );

const targetsTable = (targets: readonly Target[], figures: Figures) =>
  formatTable(
    ["", "measured", "target", "verdict"],
    judge(targets, figures).map(({ what, measured, target, verdict }) => [what, measured, target, verdict]),
  );

/** The times, the amounts, and what is said of each target. Tables without rows are omitted. */
export function formatReport(targets: readonly Target[], figures: Figures): string {
  return [
    ...(figures.times.size > 0 ? [timesTable(figures)] : []),
    ...(figures.amounts.size > 0 ? [amountsTable(figures)] : []),
    ...(targets.length > 0 ? [targetsTable(targets, figures)] : []),
  ].join("\n\n");
}
