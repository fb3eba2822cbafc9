// The receipt of a session: what its end found. Pure. A class that was not checked counts as left.

/** Checked for every session. */
export const SHARED_KINDS = ["processes", "mounts", "open-files"] as const;

/** What a leased account can leave outside its view. */
export const ACCOUNT_KINDS = [
  "media",
  "connections",
  "pairings",
  "print-jobs",
  "ipc",
  "queues",
  "jobs",
  "linger",
  "mail",
  "runtime",
  "home",
  "files",
  "keys",
  "coredumps",
  "journal",
] as const;

export type SweepKind = (typeof SHARED_KINDS)[number] | (typeof ACCOUNT_KINDS)[number];

/** One class. `left` has a sentence for each thing. */
export interface Swept {
  readonly kind: SweepKind;
  readonly found: number;
  readonly removed: number;
  readonly left: readonly string[];
  /** Not searched, though others may let the guest write there. */
  readonly unseen?: readonly string[];
}

/**
 * Why a session ended. "lost-power": the machine went down. "record-lost": a restarted guestd could not read the
 * record.
 */
export type EndCause =
  | "logout"
  | "leader-exited"
  | "disconnected"
  | "ended-by-admin"
  | "outer-ended"
  | "open-failed"
  | "never-opened"
  | "lost-power"
  | "record-lost";

export interface Findings {
  readonly processesKilled: number;
  /** Size of its tmpfs at the end. */
  readonly tmpfsBytes: number;
  /** In the order of the first checks. */
  readonly swept: readonly Swept[];
  /** A sentence for each failed stage. */
  readonly left: readonly string[];
}

export const NOTHING_FOUND: Findings = { processesKilled: 0, tmpfsBytes: 0, swept: [], left: [] };

/** A receipt lists so many later findings, the last ones. */
const MOST_FOUND_LATER = 20;

export interface Receipt {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leased: boolean;
  readonly service: string;
  readonly leader: number;
  readonly cause: EndCause;
  /** SHA-256 of the accepted terms of use, or empty. */
  readonly terms: string;
  /** In milliseconds since the epoch, or 0. */
  readonly acceptedAt: number;
  /** In milliseconds since the epoch. */
  readonly openedAt: number;
  readonly closedAt: number;
  /** By the monotonic clock. 0 after a restart of the machine. */
  readonly seconds: number;
  readonly endMilliseconds: number;
  readonly processesKilled: number;
  readonly tmpfsBytes: number;
  readonly swept: readonly Swept[];
  /** Everything left, and each failed stage. Empty means clean. */
  readonly left: readonly string[];
  /** Directories to search before the UID is leased. */
  readonly unseen: readonly string[];
  readonly foundLater: readonly string[];
  /** When a later check found nothing; milliseconds since the epoch, or 0. */
  readonly clearedAt: number;
}

export function isClean({ left, foundLater }: Pick<Receipt, "left" | "foundLater">): boolean {
  return left.length === 0 && foundLater.length === 0;
}

/** Whether something may still be left. */
export const isDirty = (receipt: Pick<Receipt, "left" | "foundLater" | "clearedAt">): boolean =>
  !isClean(receipt) && receipt.clearedAt === 0;

export const addFoundLater = (receipt: Receipt, what: string): Receipt => ({
  ...receipt,
  foundLater: [...new Set([...receipt.foundLater, what])].slice(-MOST_FOUND_LATER),
  clearedAt: 0,
});

/** Marks that a later check found nothing. */
export const clear = (receipt: Receipt, clearedAt: number): Receipt => ({ ...receipt, unseen: [], clearedAt });

/** Adds findings. Of two checks of a class, the last says what is left. */
export function addFindings(before: Findings, { swept = [], left = [], ...numbers }: Partial<Findings>): Findings {
  return { ...before, ...numbers, swept: swept.reduce(addSwept, before.swept), left: [...before.left, ...left] };
}

function addSwept(all: readonly Swept[], one: Swept): readonly Swept[] {
  const known = all.find(({ kind }) => kind === one.kind);
  if (known === undefined) return [...all, one];
  const both = { ...one, found: Math.max(known.found, one.found), removed: known.removed + one.removed };
  return all.map((swept) => (swept === known ? both : swept));
}

/**
 * Returns everything left, as a receipt lists it.
 * @param kinds classes that must have been checked
 */
export function listLeft({ swept, left }: Pick<Findings, "swept" | "left">, kinds: readonly SweepKind[]): string[] {
  const unseen = kinds.filter((kind) => !swept.some((one) => one.kind === kind)).map((kind) => `${kind}: not checked`);
  return [...left, ...swept.flatMap((one) => one.left.map((what) => `${one.kind}: ${what}`)), ...unseen];
}

export const listUnseen = ({ swept }: Pick<Findings, "swept">): string[] => [
  ...new Set(swept.flatMap(({ unseen = [] }) => unseen)),
];

export const describeUnseen = (unseen: readonly string[]): string =>
  `not looked through yet: ${unseen.join(", ")}; other users have directories there`;
