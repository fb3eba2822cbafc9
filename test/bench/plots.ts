// The two plots of docs/performance.md, from a run's figures. Pure.
import type { Figures } from "./figures.ts";
import { ACCOUNTS, crowded, mounted, type Sizes } from "./names.ts";
import { drawPlot, type Series } from "./plot.ts";
import { median } from "./statistics.ts";

const USEC_PER_MS = 1000;
const LATENCY = { title: "login, median", unit: "ms" };

/** @returns file names and their contents */
export function drawPlots({ times }: Figures, sizes: Sizes): ReadonlyMap<string, string> {
  const series = (name: string, counts: readonly number[], figureOf: (count: number) => string): Series => ({
    name,
    points: counts.map((count) => [count, median(times.get(figureOf(count)) ?? []) / USEC_PER_MS]),
  });
  const sessions = drawPlot({
    title: "A login beside open sessions",
    x: { title: "open sessions", unit: "" },
    y: LATENCY,
    series: ACCOUNTS.map((account) => series(account, sizes.crowds, (count) => crowded(count, account))),
  });
  const mounts = drawPlot({
    title: "A login on a host with mounts of its own",
    x: { title: "mounts of the host", unit: "" },
    y: LATENCY,
    series: [...ACCOUNTS, "bwrap" as const].map((arm) => series(arm, sizes.mounts, (count) => mounted(count, arm))),
  });
  return new Map([
    ["sessions.svg", sessions],
    ["mounts.svg", mounts],
  ]);
}
