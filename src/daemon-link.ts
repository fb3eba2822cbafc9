// The one circle of the program, made explicit: what the parts report becomes events, and the parts do the effects of events.
// The parts are made before the daemon and hold this; nothing can be reported until the daemon is there.
import type { Daemon } from "./daemon.ts";
import type { What } from "./policy/events.ts";
import type { State } from "./policy/state.ts";
import { INITIAL_STATE } from "./policy/state.ts";

export class DaemonLink {
  #daemon: Pick<Daemon, "state" | "dispatch"> | undefined;

  /** From now on events reach the daemon. */
  connect(daemon: Pick<Daemon, "state" | "dispatch">): void {
    this.#daemon = daemon;
  }

  get state(): State {
    return this.#daemon?.state ?? INITIAL_STATE;
  }

  /** @throws Error before connect(): an event must not be lost */
  dispatch(what: What): void {
    if (this.#daemon === undefined) throw new Error(`${what.kind} has come before the daemon`);
    this.#daemon.dispatch(what);
  }
}
