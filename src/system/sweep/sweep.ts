// Sweeps outside a leased account's view: looks, removes, looks again.
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { isGuestUid } from "../../policy/account.ts";
import { leasedHome } from "../../policy/lease.ts";
import type { ACCOUNT_KINDS, Swept, SweepKind } from "../../policy/receipt.ts";
import { within } from "../../wait.ts";
import type { SearchHolders } from "../processes/holder-search.ts";
import type { Looks } from "../processes/looks.ts";
import { boundSentences } from "../sentences.ts";
import { CoredumpWriters } from "./coredump-writers.ts";
import { sweepGreeters } from "./greeters.ts";
import { sweepHome } from "./home.ts";
import { sweepConnections } from "./connections.ts";
import type { SweepBindings, SweptItems } from "./items.ts";
import { addItems, NOTHING, unseenOf } from "./items.ts";
import { sweepJournal } from "./journal.ts";
import { findProcesses, sweepIpc, sweepQueues } from "./kernel.ts";
import { runGuestKeys, sweepKeys } from "./keys.ts";
import { sweepMedia, unmountMedium } from "./media.ts";
import type { Owner } from "./paths.ts";
import { jobPaths, lingerPaths, mailPaths, runtimePaths, sweepCoredumps, sweepPaths, sweepTrees } from "./paths.ts";
import type { ForgetPairing } from "./pairings.ts";
import { sweepPairings } from "./pairings.ts";
import { sweepPrintJobs } from "./print-jobs.ts";

export interface SweepMachine {
  /** Prefix of every path but configured ones. */
  readonly root: string;
  readonly runKeys: typeof runGuestKeys;
  readonly unmountMedium: typeof unmountMedium;
  /** For each class. */
  readonly limitMs: number;
  readonly keysLimitMs: number;
  /** For writing a medium's cache. */
  readonly mediaLimitMs: number;
  /** For dumps that are being written. */
  readonly dumpsLimitMs: number;
}

const MACHINE: SweepMachine = {
  root: "",
  runKeys: runGuestKeys,
  unmountMedium,
  limitMs: 10_000,
  keysLimitMs: 2000,
  mediaLimitMs: 30_000,
  dumpsLimitMs: 5000,
};

export interface SweepParts {
  readonly bindings: SweepBindings;
  /** For all swept accounts. */
  readonly looks: Looks;
  readonly reloadConnections: () => Promise<void>;
  readonly forgetPairing: ForgetPairing;
}

export interface SweptAccount extends Owner {
  /** Later pairings may be the guest's; undefined if guests cannot pair. */
  readonly pairedSince?: number;
}

export class Sweeper {
  readonly #parts: SweepParts;
  readonly #machine: SweepMachine;
  readonly #writers: CoredumpWriters;
  /** "KIND UID" of each look that is late and still runs. */
  readonly #late = new Set<string>();

  constructor(parts: SweepParts, machine = MACHINE) {
    this.#parts = parts;
    this.#machine = machine;
    this.#writers = new CoredumpWriters(join(machine.root, "/proc"), machine.dumpsLimitMs);
  }

  /**
   * Never rejects. Ends within twice the limit of a class, plus those for media and a look at all processes.
   * @param looks a separate queue for callers that are not ends
   * @returns one for each class, in a fixed order; `left` is from the second look, or says why there was none
   */
  async sweep(account: SweptAccount, settings: Config["Sweep"], looks = this.#parts.looks): Promise<readonly Swept[]> {
    const { media, journal, ...classes } = this.#classes(account, settings, looks.searchHolders);
    const unmounted = this.#attemptInTime("media", account, media, this.#machine.mediaLimitMs);
    const others = await Promise.all(
      Object.entries(classes).map(async ([kind, work]) => {
        // Before that, udisks' directory is not empty.
        if (kind === "runtime") await unmounted;
        return this.#attemptInTime(kind as SweepKind, account, work);
      }),
    );
    // systemd-coredump logs as the account after a dump.
    const logged = await this.#attemptInTime("journal", account, journal);
    // Last, to see earlier jobs and a hanging guest-keys. Many accounts may wait for the look, which has its own limit.
    const proc = join(this.#machine.root, "/proc");
    const processes = await this.#attempt("processes", account, () =>
      findProcesses(looks.searchMembers, proc, account.uid),
    );
    return [processes, await unmounted, ...others, logged];
  }

  #classes(
    { user, uid, pairedSince }: SweptAccount,
    { Paths, PrintJobs, Coredumps, Journal }: Config["Sweep"],
    search: SearchHolders,
  ) {
    const { root, runKeys, keysLimitMs, unmountMedium: unmount } = this.#machine;
    const { bindings, reloadConnections, forgetPairing } = this.#parts;
    const proc = join(root, "/proc");
    return {
      media: () => sweepMedia({ root, unmount, search }, user),
      connections: () => sweepConnections(root, user, reloadConnections),
      pairings: () =>
        pairedSince === undefined ? Promise.resolve(NOTHING) : sweepPairings(root, pairedSince, forgetPairing),
      "print-jobs": () => sweepPrintJobs(root, user, PrintJobs),
      ipc: () => sweepIpc(bindings, proc, uid),
      queues: () => sweepQueues(bindings, proc, uid),
      jobs: () => sweepPaths(bindings, root, jobPaths({ user, uid }), uid),
      linger: () => sweepPaths(bindings, root, lingerPaths({ user, uid }), uid),
      mail: () => sweepPaths(bindings, root, mailPaths({ user, uid }), uid),
      runtime: async () =>
        addItems(
          await sweepPaths(bindings, root, runtimePaths({ user, uid }), uid),
          await sweepGreeters(root, { user }),
        ),
      home: () => sweepHome(bindings, root, { home: leasedHome(user), uid }),
      files: () =>
        sweepTrees(
          bindings,
          Paths.map(({ path }) => path),
          uid,
        ),
      keys: () => sweepKeys(root, uid, runKeys, keysLimitMs),
      coredumps: async () => {
        const writing = await this.#writers.awaitEnd({ user, uid });
        const swept = await sweepCoredumps(root, uid, Coredumps);
        return { ...swept, found: swept.found + writing.length, left: [...swept.left, ...writing] };
      },
      journal: () => sweepJournal(root, uid, Journal),
    } satisfies Record<(typeof ACCOUNT_KINDS)[number], () => Promise<SweptItems>>;
  }

  #attemptInTime(
    kind: SweepKind,
    account: Owner,
    work: () => Promise<SweptItems>,
    limitMs = this.#machine.limitMs,
  ): Promise<Swept> {
    return this.#attempt(kind, account, () => this.#inTime(`${kind} ${account.uid}`, work, limitMs));
  }

  async #attempt(kind: SweepKind, account: Owner, work: () => Promise<SweptItems>): Promise<Swept> {
    try {
      assertGuest(account);
      const { found, removed, left, unseen = [] } = await work();
      return { kind, found, removed, left: boundSentences(left), ...unseenOf(unseen) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind, found: 0, removed: 0, left: boundSentences([`could not be looked at: ${reason}`]) };
    }
  }

  // Late work continues. Until it ends, the UID is quarantined.
  async #inTime<T>(name: string, work: () => Promise<T>, limitMs: number): Promise<T> {
    if (this.#late.has(name)) throw new Error("an earlier look is not done");
    const working = work();
    return within(working, limitMs, () => {
      this.#late.add(name);
      const forget = () => this.#late.delete(name);
      working.then(forget, forget);
      throw new Error(`not done after ${limitMs / 1000} s`);
    });
  }
}

// A system account's files are the system, and names become parts of paths.
function assertGuest({ user, uid }: Owner): void {
  if (!isGuestUid(uid) || !/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(user))
    throw new Error("no account of a guest has this name and uid");
}
