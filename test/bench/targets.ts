// The benchmark's targets, and the table of results. Pure: figures in, text out.
import { COLD_START } from "./arms.ts";

/** Microseconds of each round, by arm. */
export type Figures = ReadonlyMap<string, readonly number[]>;

interface Ratio {
  readonly what: string;
  /** The arm's median divided by another arm's, or its 99th percentile by its own median. */
  readonly of: string;
  readonly against: string;
  readonly most: number;
}

interface Cost {
  readonly what: string;
  readonly of: string;
  /** The arm without it. */
  readonly without: string;
  readonly mostUsec: number;
}

export const ITSELF = "its own median";

export const TARGETS: readonly (Ratio | Cost)[] = [
  { what: "open, shared", of: "guestd, shared", against: "bwrap", most: 1 },
  { what: "authentication and open, leased", of: "guestd, leased", against: "bwrap", most: 1.5 },
  { what: "p99 of shared", of: "guestd, shared", against: ITSELF, most: 3 },
  { what: "p99 of leased", of: "guestd, leased", against: ITSELF, most: 3 },
  {
    what: "users who are no guests, session line",
    of: "no guest, session line",
    without: "no guest, without pam_guest",
    mostUsec: 50,
  },
  {
    what: "users who are no guests, both lines",
    of: "no guest, both lines",
    without: "no guest, without both lines",
    mostUsec: 80,
  },
  { what: "guestctl list", of: "guestctl list", against: "node", most: 1.3 },
  { what: "guestctl receipts, with 1,000 kept", of: "guestctl receipts", against: "node", most: 1.6 },
  { what: "start of guestd by the bus", of: COLD_START.name, against: "node", most: 2 },
];

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly met: boolean;
}

/** Omits targets whose arms were not run. */
export function judge(figures: Figures): Verdict[] {
  const median = (arm: string) => percentile(figures.get(arm) ?? [], 0.5);
  return TARGETS.flatMap((target) => {
    if (!figures.has(target.of)) return [];
    if ("without" in target) {
      const cost = median(target.of) - median(target.without);
      return [verdict(target.what, cost, target.mostUsec, (value) => `+${value.toFixed(0)} µs`)];
    }
    const ratio =
      target.against === ITSELF
        ? percentile(figures.get(target.of) ?? [], 0.99) / median(target.of)
        : median(target.of) / median(target.against);
    const unit = target.against === ITSELF ? "x p50" : `x ${target.against}`;
    return [verdict(target.what, ratio, target.most, (value) => `${value.toFixed(2)}${unit}`)];
  });
}

function verdict(what: string, value: number, most: number, show: (value: number) => string): Verdict {
  return { what, measured: show(value), target: `at most ${show(most)}`, met: value <= most };
}

/** Two tables in Markdown: the times of each arm, and the targets. */
export function formatReport(figures: Figures): string {
  const ms = (value: number) => (value / 1000).toFixed(value < 10_000 ? 2 : 1);
  const times = [...figures].map(([arm, values]) => [
    arm,
    ...[0.5, 0.9, 0.99].map((share) => ms(percentile(values, share))),
    String(values.length),
  ]);
  const targets = judge(figures).map(({ what, measured, target, met }) => [
    what,
    measured,
    target,
    met ? "met" : "not met",
  ]);
  return [
    formatTable(["ms", "p50", "p90", "p99", "rounds"], times),
    formatTable(["", "measured", "target", ""], targets),
  ].join("\n\n");
}

function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, titles.map((_, column) => (column === 0 ? "---" : "--:")), ...rows];
  return all.map((row) => `| ${row.join(" | ")} |`).join("\n");
}
