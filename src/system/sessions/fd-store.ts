// Descriptors that systemd keeps for guestd while it is restarted (sd_notify(3), FDSTORE=1): as long as one of
// them is open somewhere, the kernel gives its number to nothing else.
import { closeSync } from "node:fs";
import type { Bindings } from "../bindings.ts";

const FIRST_FD = 3;

type Environment = Readonly<Record<string, string | undefined>>;

export class FdStore {
  readonly #notify: Bindings["notify"];
  readonly #address: string | undefined;
  readonly #kept: Map<string, number>;
  /** Names of what systemd has been given. */
  readonly #stored: Set<string>;
  /** What systemd still keeps though it is not to. */
  readonly #unwanted = new Set<string>();
  #isWakeDue = false;

  /**
   * @param environment as systemd made it: NOTIFY_SOCKET, LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID (sd_listen_fds(3)).
   *   Node has marked the descriptors close-on-exec.
   */
  constructor(notify: Bindings["notify"], environment: Environment = process.env) {
    this.#notify = notify;
    this.#address = environment["NOTIFY_SOCKET"];
    this.#kept = listKept(environment);
    this.#stored = new Set(this.#kept.keys());
  }

  /** A descriptor of an earlier guestd; it is the caller's now, and stays in the store. Undefined when there is none. */
  take(name: string): number | undefined {
    const fd = this.#kept.get(name);
    this.#kept.delete(name);
    return fd;
  }

  /**
   * Has systemd keep a descriptor as well, unless it does so already.
   * @throws NativeError when systemd cannot be told
   */
  keep(name: string, fd: number): void {
    if (this.#stored.has(name)) return;
    // A process that ends stays in the store: that it has ended is what it says.
    this.#tell(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, [fd]);
    this.#stored.add(name);
  }

  /**
   * Has systemd let go of a descriptor, where it keeps it. What it does not take at once retry() tells it: many sessions end together,
   * and systemd has as much to do then.
   * @throws NativeError when systemd cannot be told for another reason than that it is busy
   */
  forget(name: string): void {
    if (!this.#stored.has(name)) return;
    this.#unwanted.add(name);
    if (this.#unwanted.size === 1) this.retry();
  }

  /** Tells systemd what it could not be told before. @throws NativeError as forget() */
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

  /** Lets go of what was not taken. @throws NativeError as forget() */
  forgetRest(): void {
    const rest = [...this.#kept];
    this.#kept.clear();
    for (const [name, fd] of rest) {
      closeSync(fd);
      this.#unwanted.add(name);
    }
    this.retry();
  }

  /** Tells systemd's watchdog that guestd is well; what it does not take retry() tells it. @throws NativeError when it cannot be told */
  wake(): void {
    this.#isWakeDue = true;
    this.#tell("WATCHDOG=1", []);
    this.#isWakeDue = false;
  }

  /** False when systemd is too busy to be told. */
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
