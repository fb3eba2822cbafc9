// With no session and no call guestd exits, and the bus starts it again for the next one.
// The name is given back first: calls that were sent before that are answered still, those after it start a new guestd.
import { setTimeout as delay } from "node:timers/promises";

/** Exit status for systemd: with nothing to come back for, or to be started again at once (guestd.service). */
export const EXIT_IDLE = 0;
export const EXIT_AGAIN = 75;

const PAUSE_MS = 10;
const LAST_PAUSE_MS = 2000;

export interface IdleParts {
  /** A session, a call that is not answered, an effect that runs; what the next guestd would lack. */
  readonly isBusy: () => boolean;
  /** Only what would be cut short: a session goes on without guestd. */
  readonly isWorking: () => boolean;
  /** Microseconds without anything to do after which guestd exits; 0 for never. */
  readonly limit: () => number;
  /** Gives the name on the bus back; all calls that were sent to it before have come in when it resolves. */
  readonly giveUpName: () => Promise<void>;
  readonly onIdle: (status: number) => void;
}

export class IdleWatch {
  readonly #parts: IdleParts;
  #since: number | undefined;
  #isLeaving = false;

  constructor(parts: IdleParts) {
    this.#parts = parts;
  }

  /** The name is given back: SIGTERM, which systemd sends for that, says nothing new. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Looks whether it is time to exit. @param uptime microseconds of the monotonic clock */
  check(uptime: number): void {
    const { isBusy, limit } = this.#parts;
    if (this.#isLeaving) return;
    if (isBusy()) this.#since = undefined;
    else this.#since ??= uptime;
    if (this.#since !== undefined && limit() > 0 && uptime - this.#since >= limit()) void this.#leave();
  }

  async #leave(): Promise<void> {
    const { isBusy, isWorking, giveUpName, onIdle } = this.#parts;
    this.#isLeaving = true;
    await giveUpName();
    // A caller was quicker: they are served, and the next guestd takes up what they have begun.
    const isNeeded = isBusy();
    while (isWorking()) await delay(PAUSE_MS);
    // A login that was answered last still opens what the answer names, in this process.
    if (isNeeded) await delay(LAST_PAUSE_MS);
    while (isWorking()) await delay(PAUSE_MS);
    onIdle(isNeeded ? EXIT_AGAIN : EXIT_IDLE);
  }
}
