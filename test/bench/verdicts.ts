// What a run says of each target. Pure: figures in, verdicts out.
import type { Figures } from "./figures.ts";
import { median, percentile } from "./statistics.ts";
import type { Target } from "./targets.ts";

export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  /** "met", or by how much not. */
  readonly verdict: string;
}

/** In the target's unit. NaN when a figure is missing. */
export function measure(target: Target, { times, amounts }: Figures): number {
  const middle = (name: string) => median(times.get(name) ?? []);
  switch (target.kind) {
    case "ratio":
      return middle(target.of) / middle(target.against);
    case "tail":
      return percentile(times.get(target.of) ?? [], 0.99) / middle(target.of);
    case "cost":
      return middle(target.of) - middle(target.without);
    case "time":
      return middle(target.of) / 1000;
    case "amount":
      return amounts.get(target.of)?.value ?? NaN;
  }
}

interface Shown {
  readonly most: number;
  readonly showDifference: (value: number) => string;
  readonly showValue: (value: number) => string;
}

const showTimes = (value: number) => `${value.toFixed(2)}x`;
const showUsec = (value: number) => `${value.toFixed(0)} µs`;
const showMs = (value: number) => `${value.toFixed(1)} ms`;

function describe(target: Target): Shown {
  switch (target.kind) {
    case "ratio":
      return {
        most: target.most,
        showDifference: showTimes,
        showValue: (value) => `${showTimes(value)} ${target.unit}`,
      };
    case "tail":
      return { most: target.most, showDifference: showTimes, showValue: (value) => `${showTimes(value)} p50` };
    case "cost":
      return { most: target.mostUsec, showDifference: showUsec, showValue: (value) => `+${showUsec(value)}` };
    case "time":
      return { most: target.mostMs, showDifference: showMs, showValue: showMs };
    case "amount": {
      const show = (value: number) => `${Number.isInteger(value) ? value : value.toFixed(1)} ${target.unit}`;
      return { most: target.most, showDifference: show, showValue: show };
    }
  }
}

export function judge(targets: readonly Target[], figures: Figures): Verdict[] {
  return targets.map((target) => {
    const value = measure(target, figures);
    const { most, showDifference, showValue } = describe(target);
    const row = { what: target.what, target: `at most ${showValue(most)}` };
    if (Number.isNaN(value)) return { ...row, measured: "-", verdict: "not measured" };
    if (value === Infinity) return { ...row, measured: "refused", verdict: "not met, refused" };
    return {
      ...row,
      measured: showValue(value),
      verdict: value <= most ? "met" : `not met, by ${showDifference(value - most)}`,
    };
  });
}

/** The ratios that can be compared between machines, by their column in the history. */
export function ratiosOf(targets: readonly Target[], figures: Figures): ReadonlyMap<string, number> {
  const rows = targets.flatMap((target): [string, number][] =>
    target.kind === "ratio" || target.kind === "tail" ? [[target.column, measure(target, figures)]] : [],
  );
  return new Map(rows);
}
