// What guestd holds of all sessions. systemd keeps the same descriptors for the next guestd.
import type { Cgroup, View } from "../../policy/session.ts";
import { reaperOf } from "../../policy/session.ts";
import type { Membership } from "../processes/kill.ts";
import type { FdStore } from "./fd-store.ts";
import type { Held, Stored } from "./held.ts";
import { KINDS } from "./held.ts";

export class Holdings {
  readonly #fdStore: Pick<FdStore, "keep" | "forget" | "take">;
  readonly #onStoreFault: (error: unknown) => void;
  readonly #held = new Map<string, Held>();

  /** @param onStoreFault if systemd cannot be notified */
  constructor(fdStore: Pick<FdStore, "keep" | "forget" | "take">, onStoreFault: (error: unknown) => void) {
    this.#fdStore = fdStore;
    this.#onStoreFault = onStoreFault;
  }

  /** To be filled. */
  of(id: string): Held {
    let held = this.#held.get(id);
    if (held === undefined) {
      held = {};
      this.#held.set(id, held);
    }
    return held;
  }

  /** To be read. */
  find(id: string): Readonly<Held> | undefined {
    return this.#held.get(id);
  }

  /** The caller closes it. */
  take(id: string): Held {
    const held = this.#held.get(id) ?? {};
    this.#held.delete(id);
    return held;
  }

  /** What systemd kept of an earlier guestd's session. */
  storedOf(id: string): Stored {
    return (kind) => this.#fdStore.take(`${id}-${kind}`);
  }

  /**
   * Makes systemd keep what is held. Otherwise the next guestd relies on PIDs and inodes, which is safe while the
   * session lives.
   */
  store(id: string): void {
    const held = this.find(id) ?? {};
    this.#tell(() => {
      for (const kind of KINDS) if (held[kind] !== undefined) this.#fdStore.keep(`${id}-${kind}`, held[kind]);
    });
  }

  forget(id: string): void {
    for (const kind of KINDS) {
      this.#tell(() => {
        this.#fdStore.forget(`${id}-${kind}`);
      });
    }
  }

  /** @param uid of a leased account: all its processes are the session's */
  membershipOf(id: string, view: View | undefined, cgroups: readonly Cgroup[], uid: number | undefined): Membership {
    const held = this.find(id) ?? {};
    return {
      cgroups,
      // The numbers are not reused while the view is held.
      view:
        view === undefined || held.view === undefined ? undefined : { namespace: view.inode, devices: view.devices },
      uid,
      reaper: held.reaper === undefined ? undefined : { pid: reaperOf(view)?.pid ?? 0, pidfd: held.reaper },
    };
  }

  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#onStoreFault(error);
    }
  }
}
