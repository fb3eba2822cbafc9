// Descriptors that systemd keeps for guestd during a restart (sd_notify(3), FDSTORE=1). They still name the same
// process, terminal or namespace.
import { closeSync } from "node:fs";
import type { Bindings } from "../bindings.ts";

const FIRST_FD = 3;

type Environment = Readonly<Record<string, string | undefined>>;

export class FdStore {
  readonly #notify: Bindings["notify"];
  readonly #address: string | undefined;
  readonly #kept: Map<string, number>;
  /** What systemd has. */
  readonly #stored: Set<string>;
  /** What systemd still has to close. */
  readonly #unwanted = new Set<string>();
  #isWakeDue = false;

  /**
   * @param environment NOTIFY_SOCKET, LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID (sd_listen_fds(3)); the descriptors are
   * close-on-exec
   */
  constructor(notify: Bindings["notify"], environment: Environment = process.env) {
    this.#notify = notify;
    this.#address = environment["NOTIFY_SOCKET"];
    this.#kept = listKept(environment);
    this.#stored = new Set(this.#kept.keys());
  }

  /** Takes an earlier guestd's descriptor. The caller owns it, and it stays in the store. */
  take(name: string): number | undefined {
    const fd = this.#kept.get(name);
    this.#kept.delete(name);
    return fd;
  }

  /**
   * Makes systemd keep a descriptor.
   * @throws NativeError if systemd cannot be notified
   */
  keep(name: string, fd: number): void {
    if (this.#stored.has(name)) return;
    // FDPOLL=0: the pidfd of an ended process must stay.
    this.#tell(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, [fd]);
    this.#stored.add(name);
  }

  /**
   * Makes systemd close a descriptor. If systemd is busy, retry() does so later.
   * @throws NativeError if systemd cannot be notified for another reason
   */
  forget(name: string): void {
    if (!this.#stored.has(name)) return;
    this.#unwanted.add(name);
    if (this.#unwanted.size === 1) this.retry();
  }

  /**
   * Repeats what systemd was too busy for.
   * @throws NativeError as forget()
   */
  retry(): void {
    if (this.#isWakeDue)
      this.#whileHeard(() => {
        this.wake();
      });
    for (const name of [...this.#unwanted]) {
      const isTold = this.#whileHeard(() => {
        this.#tell(`FDSTOREREMOVE=1\nFDNAME=${name}`, []);
      });
      if (!isTold) return;
      this.#unwanted.delete(name);
      this.#stored.delete(name);
    }
  }

  /**
   * Closes descriptors that no session has taken.
   * @throws NativeError as forget()
   */
  forgetRest(): void {
    const rest = [...this.#kept];
    this.#kept.clear();
    for (const [name, fd] of rest) {
      closeSync(fd);
      this.#unwanted.add(name);
    }
    this.retry();
  }

  /**
   * Pings the watchdog. If systemd is busy, retry() does so later.
   * @throws NativeError if systemd cannot be notified
   */
  wake(): void {
    this.#isWakeDue = true;
    this.#tell("WATCHDOG=1", []);
    this.#isWakeDue = false;
  }

  /** False if systemd is too busy. */
  #whileHeard(tell: () => void): boolean {
    try {
      tell();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      return false;
    }
  }

  // Without a service manager nothing is kept.
  #tell(state: string, fds: readonly number[]): void {
    if (this.#address !== undefined) this.#notify(this.#address, state, fds);
  }
}

function listKept({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" }: Environment): Map<string, number> {
  if (LISTEN_PID !== String(process.pid)) return new Map();
  const names = LISTEN_FDNAMES.split(":");
  return new Map(
    Array.from({ length: Number(LISTEN_FDS) }, (_, index) => [names[index] ?? `unnamed-${index}`, FIRST_FD + index]),
  );
}
