// The benchmark's targets. verdicts.ts judges a run by them. Pure.
import { COLD_START } from "./arms.ts";
import * as names from "./names.ts";
import { ACCOUNTS, lastOf, LOADS, nameCount, type Sizes } from "./names.ts";

interface Common {
  /** The stage that measures it. */
  readonly stage: string;
  readonly what: string;
  /** The figure's name. */
  readonly of: string;
}

/** The figure's median, divided by another's. Its column in the history of versions is `column`. */
interface Ratio extends Common {
  readonly kind: "ratio";
  readonly against: string;
  /** A short name for `against`. */
  readonly unit: string;
  readonly most: number;
  readonly column: string;
}

/** The figure's 99th percentile, divided by its median. */
interface Tail extends Common {
  readonly kind: "tail";
  readonly most: number;
  readonly column: string;
}

/** What the figure costs more than another one. */
interface Cost extends Common {
  readonly kind: "cost";
  readonly without: string;
  readonly mostUsec: number;
}

/** The figure's median. */
interface Time extends Common {
  readonly kind: "time";
  readonly mostMs: number;
}

interface Limit extends Common {
  readonly kind: "amount";
  readonly most: number;
  readonly unit: string;
}

export type Target = Ratio | Tail | Cost | Time | Limit;

const ratio = (
  stage: string,
  what: string,
  of: string,
  [against, unit]: readonly [string, string],
  most: number,
  column = what,
): Ratio => ({ kind: "ratio", stage, what, of, against, unit, most, column });

const BWRAP = ["bwrap", "bwrap"] as const;
const FLOOR = ["floor, isolated", "floor"] as const;
const NODE = ["node", "node"] as const;

const logins: readonly Target[] = [
  ratio("logins", "open, shared", "guestd, shared", BWRAP, 1),
  ratio("logins", "authentication and open, leased", "guestd, leased", BWRAP, 1.5, "open, leased"),
  ratio("logins", "open, shared, stretch", "guestd, shared", FLOOR, 4, "shared to floor"),
  ratio("logins", "authentication and open, leased, stretch", "guestd, leased", FLOOR, 4, "leased to floor"),
  { kind: "tail", stage: "logins", what: "p99 of shared", of: "guestd, shared", most: 3, column: "p99, shared" },
  { kind: "tail", stage: "logins", what: "p99 of leased", of: "guestd, leased", most: 3, column: "p99, leased" },
  ratio("prompt", names.PROMPT_LEASED, names.PROMPT_LEASED, [names.PROMPT_USER, "normal user"], 1.15, "prompt"),
];

const others = (receipts: number): readonly Target[] => [
  {
    kind: "cost",
    stage: "strangers",
    what: "users who are no guests, session line",
    of: "no guest, session line",
    without: "no guest, without pam_guest",
    mostUsec: 50,
  },
  {
    kind: "cost",
    stage: "strangers",
    what: "users who are no guests, both lines",
    of: "no guest, both lines",
    without: "no guest, without both lines",
    mostUsec: 80,
  },
  ratio("cold", "start of guestd by the bus", COLD_START.name, NODE, 2, "start"),
  ratio("guestctl", "guestctl list", "guestctl list", NODE, 1.3, "list"),
  ratio("guestctl", `guestctl receipts, ${nameCount(receipts)} kept`, "guestctl receipts", NODE, 1.6, "receipts"),
  {
    kind: "amount",
    stage: "guestctl",
    what: "completion of an id",
    of: names.COMPLETION_STARTS,
    most: 0,
    unit: "starts of Node",
  },
];

const ends: readonly Target[] = [
  { kind: "time", stage: "ends", what: "leader's end to receipt, 1 process", of: names.END_SMALL, mostMs: 12 },
  {
    kind: "time",
    stage: "ends",
    what: "leader's end to receipt, 20 processes and 100 MB",
    of: names.END_LARGE,
    mostMs: 25,
  },
];

const bursts = (counts: readonly number[]): readonly Target[] =>
  counts.flatMap((count) =>
    ACCOUNTS.flatMap((account) =>
      LOADS.map((load): Target => {
        const what = names.burst(count, account, load);
        return { kind: "amount", stage: "bursts", what, of: names.refusedOf(what), most: 0, unit: "refused" };
      }),
    ),
  );

function crowds(counts: readonly number[]): readonly Target[] {
  const most = lastOf(counts);
  return [
    ...ACCOUNTS.map((account) => {
      const name = names.crowded(most, account);
      return ratio("crowd", name, name, [names.crowded(1, account), "beside 1"], 1.2, `crowd, ${account}`);
    }),
    {
      kind: "amount",
      stage: "crowd",
      what: names.memoryEach(most),
      of: names.memoryEach(most),
      most: 16,
      unit: "KiB",
    },
    ...[names.endEach(most), names.killedEndEach(most)].map((name): Target => ({
      kind: "time",
      stage: "crowd",
      what: name,
      of: name,
      mostMs: 10,
    })),
  ];
}

const mounts = (counts: readonly number[]): readonly Target[] =>
  ACCOUNTS.map((account) => {
    const name = names.mounted(lastOf(counts), account);
    return ratio(
      "mounts",
      `host with ${name}`,
      name,
      [names.mounted(0, account), "without"],
      1.3,
      `mounts, ${account}`,
    );
  });

const homes = (files: number): readonly Target[] => {
  const name = names.skeletonOf(files);
  return [
    // "As an empty one" has to allow for noise.
    ratio("skeleton", `skeleton of ${nameCount(files)} files`, name, [names.EMPTY_SKELETON, "empty"], 1.1, "skeleton"),
    { kind: "amount", stage: "memory", what: names.RESIDENT, of: names.RESIDENT, most: 55, unit: "MB" },
  ];
};

/** Every target is a row of the report. */
export const targetsOf = (sizes: Sizes): readonly Target[] => [
  ...logins,
  ...others(sizes.receipts),
  ...ends,
  ...bursts(sizes.bursts),
  ...crowds(sizes.crowds),
  ...mounts(sizes.mounts),
  ...homes(sizes.skeletonFiles),
];
