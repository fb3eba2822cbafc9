// The sizes of a run, and the names of the figures that depend on them. Stages measure by these names, targets judge by them.

export interface Sizes {
  /** Logins started within a second. */
  readonly bursts: readonly number[];
  /** Sessions open at the same time; the first is 1. */
  readonly crowds: readonly number[];
  /** Mounts that the host has of its own; the first is 0. */
  readonly mounts: readonly number[];
  readonly receipts: number;
  readonly skeletonFiles: number;
  readonly skeletonBytes: number;
}

export const WHOLE: Sizes = {
  bursts: [200, 400],
  crowds: [1, 100, 250, 500, 1000],
  mounts: [0, 500, 2000],
  receipts: 1000,
  skeletonFiles: 50_000,
  skeletonBytes: 2 ** 30,
};

export const QUICK: Sizes = {
  bursts: [10, 20],
  crowds: [1, 20, 40],
  mounts: [0, 20, 50],
  receipts: 50,
  skeletonFiles: 200,
  skeletonBytes: 2 ** 20,
};

export const ACCOUNTS = ["shared", "leased"] as const;
export type Account = (typeof ACCOUNTS)[number];

export const LOADS = ["", ", beside 4 busy processes"] as const;
export type Load = (typeof LOADS)[number];

export const nameCount = (count: number): string => count.toLocaleString("en");
export const lastOf = (counts: readonly number[]): number => counts.at(-1) ?? NaN;

export const burst = (count: number, account: Account, load: Load): string =>
  `${nameCount(count)} logins in a second, ${account}${load}`;
export const refusedOf = (burstName: string): string => `refused of ${burstName}`;

const sessions = (count: number) => (count === 1 ? "1 session" : `${nameCount(count)} sessions`);
export const crowded = (count: number, account: Account): string => `open beside ${sessions(count)}, ${account}`;
export const memoryEach = (count: number): string => `guestd's memory for each of ${sessions(count)}`;
export const endEach = (count: number): string => `end of ${sessions(count)}, each`;
export const killedEndEach = (count: number): string => `end of ${sessions(count)}, guestd killed, each`;
export const pauseOf = (end: string): string => `${end.replace(/, each$/, "")}: longest pause`;

export const mounted = (count: number, arm: Account | "bwrap"): string => `${nameCount(count)} mounts, ${arm}`;

export const PROMPT_LEASED = "login to prompt, leased";
export const PROMPT_USER = "login to prompt, normal user";
export const END_SMALL = "end, 1 process";
export const END_LARGE = "end, 20 processes and 100 MB";
export const EMPTY_SKELETON = "open, empty skeleton";
export const skeletonOf = (files: number): string => `open, skeleton of ${nameCount(files)} files`;
export const RESIDENT = "idle guestd, resident";
export const COMPLETION_STARTS = "starts of Node in a completion";
