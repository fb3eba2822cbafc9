// The receipt of a session: what its end has found, class by class. Pure; make-receipt.ts makes a receipt. Only what
// was checked can be clean: a class that was not checked counts as left.

/** Checked for every session: its processes, and what other processes hold of its memory. */
export const SHARED_KINDS = ["processes", "mounts", "open-files"] as const;

/** What a leased account can leave outside its view as well. */
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

/** The classes of things that a session could leave behind. */
export type SweepKind = (typeof SHARED_KINDS)[number] | (typeof ACCOUNT_KINDS)[number];

/** One class: how many things were found, how many of them removed, and a sentence for each that is left. */
export interface Swept {
  readonly kind: SweepKind;
  readonly found: number;
  readonly removed: number;
  readonly left: readonly string[];
  /** Directories that were not searched although other users may have let the guest leave something there. */
  readonly unseen?: readonly string[];
}

/**
 * Why a session ended. "lost-power": the machine went down while it was open. "record-lost": guestd was restarted
 * and could not read its record.
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

/** What the end of a session has found so far. */
export interface Findings {
  readonly processesKilled: number;
  /** Size of the contents of its tmpfs at the end. */
  readonly tmpfsBytes: number;
  /** In the order in which the classes were first checked. */
  readonly swept: readonly Swept[];
  /** A sentence for each failed stage. */
  readonly left: readonly string[];
}

export const NOTHING_FOUND: Findings = { processesKilled: 0, tmpfsBytes: 0, swept: [], left: [] };

/** How many later findings a receipt lists. After that it keeps only the last of them. */
const MOST_FOUND_LATER = 20;

/** What the end of a session removed, and what is left. */
export interface Receipt {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leased: boolean;
  readonly service: string;
  readonly leader: number;
  readonly cause: EndCause;
  /** SHA-256 of the terms of use that the guest accepted; empty if there were none. */
  readonly terms: string;
  /** When, in milliseconds since the epoch; 0 if there were none. */
  readonly acceptedAt: number;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly closedAt: number;
  /** By the monotonic clock, because the wall clock may have been set. 0 if the machine was restarted. */
  readonly seconds: number;
  readonly endMilliseconds: number;
  readonly processesKilled: number;
  readonly tmpfsBytes: number;
  readonly swept: readonly Swept[];
  /** Everything that is left, of any class, and each failed stage. Empty means clean. */
  readonly left: readonly string[];
  /** Directories that were not searched. The UID is not leased before they are. */
  readonly unseen: readonly string[];
  readonly foundLater: readonly string[];
  /** When a later check found nothing left, in milliseconds since the epoch; 0 if none did. */
  readonly clearedAt: number;
}

/** Whether nothing of the session was left, as far as is known. */
export function isClean({ left, foundLater }: Pick<Receipt, "left" | "foundLater">): boolean {
  return left.length === 0 && foundLater.length === 0;
}

/** Whether something may still be left: no later check has found nothing. */
export const isOpen = (receipt: Pick<Receipt, "left" | "foundLater" | "clearedAt">): boolean =>
  !isClean(receipt) && receipt.clearedAt === 0;

/** A receipt after a later check that found something. */
export const addFoundLater = (receipt: Receipt, what: string): Receipt => ({
  ...receipt,
  foundLater: [...new Set([...receipt.foundLater, what])].slice(-MOST_FOUND_LATER),
  clearedAt: 0,
});

/** A receipt after a later check that found nothing left. */
export const clear = (receipt: Receipt, clearedAt: number): Receipt => ({ ...receipt, unseen: [], clearedAt });

/** Adds findings. If a class is checked again, the last check says what is left. */
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
 * Everything that is left, as a receipt says it.
 * @param kinds the classes that must have been checked
 */
export function listLeft({ swept, left }: Pick<Findings, "swept" | "left">, kinds: readonly SweepKind[]): string[] {
  const unseen = kinds.filter((kind) => !swept.some((one) => one.kind === kind)).map((kind) => `${kind}: not checked`);
  return [...left, ...swept.flatMap((one) => one.left.map((what) => `${one.kind}: ${what}`)), ...unseen];
}

/** The directories that were not searched. */
export const listUnseen = ({ swept }: Pick<Findings, "swept">): string[] => [
  ...new Set(swept.flatMap(({ unseen = [] }) => unseen)),
];

export const describeUnseen = (unseen: readonly string[]): string =>
  `not looked through yet: ${unseen.join(", ")}; other users have directories there`;
