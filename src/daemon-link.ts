// The one circular dependency: parts report events to the daemon, which runs effects on them. They report none before
// it exists.
import type { Daemon } from "./daemon.ts";
import type { What } from "./policy/events.ts";
import type { State } from "./policy/state.ts";
import { INITIAL_STATE } from "./policy/state.ts";

export class DaemonLink {
  #daemon: Pick<Daemon, "state" | "dispatch"> | undefined;

  connect(daemon: Pick<Daemon, "state" | "dispatch">): void {
    this.#daemon = daemon;
  }

  get state(): State {
    return this.#daemon?.state ?? INITIAL_STATE;
  }

  /** @throws before connect(): an event must not get lost */
  dispatch(what: What): void {
    if (this.#daemon === undefined) throw new Error(`${what.kind} has come before the daemon`);
    this.#daemon.dispatch(what);
  }
}
