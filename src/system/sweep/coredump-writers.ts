// Programs of systemd-coredump that may still be writing the dump of an account's process: the kernel's helper, which says whose
// it is, and the service that it hands the dump to, which does not before it has written it. Looks and waits; ends nothing.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../../wait.ts";
import { readStartTime } from "../processes/identity.ts";
import { nameProcess } from "../processes/process-name.ts";
import { readIfThere, readLinkIfThere } from "../read-file.ts";
import type { Owner } from "./paths.ts";

/** As much of "systemd-coredump" as the kernel keeps of a program's name; and what systemd's child has that is to become its service. */
const NAME = /^Name:\t(systemd-coredum|\(coredump\))\n/;
/** That program, and what such a child runs until then. Replaced by an upgrade: deleted. */
const PROGRAM = /^\/usr\/lib\/systemd\/systemd(-coredump|-executor)?( \(deleted\))?$/;

/** The service is there so long after the helper has ended. */
const HANDOVER_MS = 500;

interface Writer {
  readonly pid: number;
  /** Tells it from a later process of this pid. */
  readonly key: string;
  /** The kernel's helper, for a process of the account. */
  readonly isHelper: boolean;
}

export class CoredumpWriters {
  readonly #proc: string;
  readonly #limitMs: number;
  /** By account, those that were there at its last look: a later one is another's, as no process of the account lives. */
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(proc: string, limitMs: number) {
    this.#proc = proc;
    this.#limitMs = limitMs;
  }

  /**
   * Waits until no dump of an account is being written, as far as can be told.
   * @returns a sentence for each program that may still write one when the time is over
   * @throws Error when /proc cannot be read
   */
  async awaitEnd({ user, uid }: Owner): Promise<readonly string[]> {
    const account = `${user} ${uid}`;
    let known = this.#known.get(account);
    let left: readonly Writer[] = [];
    let handedOver = -Infinity;
    const areDone = () => {
      const { writers, lives } = this.#look(uid);
      const now = performance.now();
      if (writers.some(({ isHelper }) => isHelper)) handedOver = now;
      const isOpen = known === undefined || lives || now - handedOver < HANDOVER_MS;
      left = isOpen ? writers : writers.filter(({ key }) => known?.has(key));
      known = new Set(left.map(({ key }) => key));
      return left.length === 0 && now - handedOver >= HANDOVER_MS;
    };
    await poll(areDone, this.#limitMs);
    if (left.length > 0 && known !== undefined) this.#known.set(account, known);
    else this.#known.delete(account);
    return left.map(({ pid }) => `${nameProcess(this.#proc, pid)} may still be writing a dump`);
  }

  /** `lives`: a process of the account does, and may be dumped yet. */
  #look(uid: number): { readonly writers: readonly Writer[]; readonly lives: boolean } {
    const writers: Writer[] = [];
    let lives = false;
    for (const pid of readdirSync(this.#proc).filter((name) => /^\d+$/.test(name))) {
      const status = readIfThere(join(this.#proc, pid, "status")) ?? "";
      const runner = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? -1);
      if (runner !== 0 && runner !== uid) continue;
      const isWriter = NAME.test(status) && this.#runsProgram(pid);
      if (runner === uid && !isWriter) lives = true;
      if (!isWriter || /^State:\t[ZX]/m.test(status)) continue;
      const writer = this.#describe(Number(pid), runner === 0, uid);
      if (writer !== undefined) writers.push(writer);
    }
    return { writers, lives };
  }

  /** A process can call itself what it likes. */
  #runsProgram(pid: string): boolean {
    return PROGRAM.test(readLinkIfThere(join(this.#proc, pid, "exe")) ?? "");
  }

  // core(5): the kernel's helper has the pid and the uid of who is dumped as its first arguments; the service has none. Safe: root's
  // process alone is read. The kernel waits for one that hangs in mmap(2), as a user's can for ever.
  #describe(pid: number, isRoots: boolean, uid: number): Writer | undefined {
    const line = isRoots ? readIfThere(join(this.#proc, String(pid), "cmdline")) : undefined;
    const [, dumped = "", owner = ""] = (line ?? "").split("\0");
    const isHelper = /^\d+$/.test(dumped) && /^\d+$/.test(owner);
    if (isHelper && Number(owner) !== uid) return undefined;
    return { pid, key: `${pid} ${readStartTime(pid, this.#proc) ?? 0}`, isHelper };
  }
}
