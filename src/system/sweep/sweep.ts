// What a leased account has left outside its view when its session has ended: looked for, taken away,
// looked for again. What is taken away of a view itself, and killing processes, is elsewhere.
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
import { addItems, unseenOf } from "./items.ts";
import { sweepJournal } from "./journal.ts";
import { findProcesses, sweepIpc, sweepQueues } from "./kernel.ts";
import { runGuestKeys, sweepKeys } from "./keys.ts";
import { sweepMedia, unmountMedium } from "./media.ts";
import type { Owner } from "./paths.ts";
import { jobPaths, lingerPaths, mailPaths, runtimePaths, sweepCoredumps, sweepPaths, sweepTrees } from "./paths.ts";
import { sweepPrintJobs } from "./print-jobs.ts";

/** The machine as this sees it; tests give others. */
export interface SweepMachine {
  /** Stands before every path but those of the configuration. */
  readonly root: string;
  readonly runKeys: typeof runGuestKeys;
  readonly unmountMedium: typeof unmountMedium;
  /** Milliseconds: for each class, and in it for the kernel to forget its keys. */
  readonly limitMs: number;
  readonly keysLimitMs: number;
  /** Milliseconds: so long what was written to a medium may take to reach it. */
  readonly mediaLimitMs: number;
  /** Milliseconds: so long a sweep waits for dumps that are being written. */
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
  /** One for all accounts that are swept. */
  readonly looks: Looks;
  /** Has NetworkManager read again which connections there are. */
  readonly reloadConnections: () => Promise<void>;
}

export class Sweeper {
  readonly #parts: SweepParts;
  readonly #machine: SweepMachine;
  readonly #writers: CoredumpWriters;
  /** "KIND UID" of looks that have taken too long and go on. */
  readonly #late = new Set<string>();

  constructor(parts: SweepParts, machine = MACHINE) {
    this.#parts = parts;
    this.#machine = machine;
    this.#writers = new CoredumpWriters(join(machine.root, "/proc"), machine.dumpsLimitMs);
  }

  /**
   * Takes away what an account has left. Never rejects, and ends in twice the time that a class has, and those of a medium and of a look at
   * all processes.
   * @returns one for each class, in a fixed order. What is said to be left is what a second look has found; one that could not
   *   be looked at has that as its only sentence
   * @param looks where others than those who wait for the usual ones ask
   */
  async sweep(account: Owner, settings: Config["Sweep"], looks = this.#parts.looks): Promise<readonly Swept[]> {
    const { media, journal, ...classes } = this.#classes(account, settings, looks.searchHolders);
    const unmounted = this.#attemptInTime("media", account, media, this.#machine.mediaLimitMs);
    const others = await Promise.all(
      Object.entries(classes).map(async ([kind, work]) => {
        // The directory that udisks makes for an account is not empty before.
        if (kind === "runtime") await unmounted;
        return this.#attemptInTime(kind as SweepKind, account, work);
      }),
    );
    // systemd-coredump logs as the account what it has written.
    const logged = await this.#attemptInTime("journal", account, journal);
    // After them: a job that was started before it was taken away is seen, and so is a guest-keys that hangs.
    // The look has a limit of its own: many accounts can wait for it.
    const proc = join(this.#machine.root, "/proc");
    const processes = await this.#attempt("processes", account, () =>
      findProcesses(looks.searchMembers, proc, account.uid),
    );
    return [processes, await unmounted, ...others, logged];
  }

  #classes({ user, uid }: Owner, { Paths, PrintJobs, Coredumps, Journal }: Config["Sweep"], search: SearchHolders) {
    const { root, runKeys, keysLimitMs, unmountMedium: unmount } = this.#machine;
    const { bindings, reloadConnections } = this.#parts;
    const proc = join(root, "/proc");
    return {
      media: () => sweepMedia({ root, unmount, search }, user),
      connections: () => sweepConnections(root, user, reloadConnections),
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

  // What is not done in time goes on; until it has ended the uid has not been looked at, and is quarantined.
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

// Whatever was checked before: the files of a system account are the system, and a name is part of a path here.
function assertGuest({ user, uid }: Owner): void {
  if (!isGuestUid(uid) || !/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(user))
    throw new Error("no account of a guest has this name and uid");
}
