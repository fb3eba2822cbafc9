// Waits for systemd-coredump: the kernel's helper names the user, then a service writes the dump.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../../wait.ts";
import { readStartTime } from "../processes/identity.ts";
import { nameProcess } from "../processes/process-name.ts";
import { readIfThere, readLinkIfThere } from "../read-file.ts";
import type { Owner } from "./paths.ts";

/** "systemd-coredump" as the kernel cuts it off, or systemd's child that will execute the service. */
const NAME = /^Name:\t(systemd-coredum|\(coredump\))\n/;
/** That program, or what the child runs before. "(deleted)" after an upgrade. */
const PROGRAM = /^\/usr\/lib\/systemd\/systemd(-coredump|-executor)?( \(deleted\))?$/;

/** The service may appear this long after the helper's end. */
const HANDOVER_MS = 500;

interface Writer {
  readonly pid: number;
  /** Differs if the PID is reused. */
  readonly key: string;
  /** The kernel's helper, for a process of the account. */
  readonly isHelper: boolean;
}

export class CoredumpWriters {
  readonly #proc: string;
  readonly #limitMs: number;
  /** Writers at an account's last look. Later ones are others', because no process of the account is left. */
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(proc: string, limitMs: number) {
    this.#proc = proc;
    this.#limitMs = limitMs;
  }

  /**
   * Waits until no dump of an account is being written.
   * @returns a sentence for each program that may still write one at the limit
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

  /** A process can choose its name. */
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
