// Waits for programs of systemd-coredump that may still write the dump of an account's process: the kernel's helper,
// which names the user, and the service that writes the dump.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../../wait.ts";
import { readStartTime } from "../processes/identity.ts";
import { nameProcess } from "../processes/process-name.ts";
import { readIfThere, readLinkIfThere } from "../read-file.ts";
import type { Owner } from "./paths.ts";

/** "systemd-coredump" as far as the kernel keeps a name, and systemd's child before it executes the service. */
const NAME = /^Name:\t(systemd-coredum|\(coredump\))\n/;
/** That program, and what such a child runs before it. "(deleted)" after an upgrade. */
const PROGRAM = /^\/usr\/lib\/systemd\/systemd(-coredump|-executor)?( \(deleted\))?$/;

/** How long after the helper's end the service may appear. */
const HANDOVER_MS = 500;

interface Writer {
  readonly pid: number;
  /** Tells it from a later process with this PID. */
  readonly key: string;
  /** The kernel's helper, for a process of the account. */
  readonly isHelper: boolean;
}

export class CoredumpWriters {
  readonly #proc: string;
  readonly #limitMs: number;
  /** The writers at an account's last look. Later ones are for others, because no process of the account is left. */
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(proc: string, limitMs: number) {
    this.#proc = proc;
    this.#limitMs = limitMs;
  }

  /**
   * Waits until no dump of an account is being written, as far as this can be determined.
   * @returns a sentence for each program that may still write one when the time is up
   * @throws Error if /proc cannot be read
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

  /** `lives`: a process of the account may still be dumped. */
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

  /** A process can choose its own name. */
  #runsProgram(pid: string): boolean {
    return PROGRAM.test(readLinkIfThere(join(this.#proc, pid, "exe")) ?? "");
  }

  // core(5): the helper's first arguments are PID and UID of the dumped process; the service has none. Safe: reads only
  // root's processes. The kernel would wait for one that hangs in mmap(2), as any user's can forever.
  #describe(pid: number, isRoots: boolean, uid: number): Writer | undefined {
    const line = isRoots ? readIfThere(join(this.#proc, String(pid), "cmdline")) : undefined;
    const [, dumped = "", owner = ""] = (line ?? "").split("\0");
    const isHelper = /^\d+$/.test(dumped) && /^\d+$/.test(owner);
    if (isHelper && Number(owner) !== uid) return undefined;
    return { pid, key: `${pid} ${readStartTime(pid, this.#proc) ?? 0}`, isHelper };
  }
}
