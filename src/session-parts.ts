// The parts that hold leaders, views, namespaces and connections.
import type { MessageBus } from "dbus-next";
import { nameExists } from "./bus/caller.ts";
import { findLoginCgroups, type EndedLeader } from "./bus/login1.ts";
import { startScope } from "./bus/systemd1.ts";
import type { DaemonLink } from "./daemon-link.ts";
import { Batch } from "./system/batch.ts";
import type { Bindings } from "./system/bindings.ts";
import { Cgroups } from "./system/processes/cgroups.ts";
import { makeLooks } from "./system/processes/looks.ts";
import { Placement } from "./system/processes/placement.ts";
import { Connections } from "./system/sessions/connections.ts";
import { FdStore } from "./system/sessions/fd-store.ts";
import { Holdings } from "./system/sessions/holdings.ts";
import { Leaders } from "./system/sessions/leaders.ts";
import { Reapers } from "./system/sessions/reapers.ts";
import { Views } from "./system/sessions/views.ts";

export interface SessionNeeds {
  readonly bus: MessageBus;
  readonly bindings: Bindings;
  /** For failures that belong to no call. */
  readonly report: (what: string, error: unknown) => void;
  readonly link: DaemonLink;
}

export function makeSessionParts({ bus, bindings, report, link }: SessionNeeds) {
  const cgroups = new Cgroups();
  const fdStore = new FdStore((...state) => {
    bindings.notify(...state);
  });
  const holdings = new Holdings(fdStore, (error) => {
    report("systemd's store of descriptors", error);
  });
  const onExit = (id: string) => {
    link.dispatch({ kind: "leader-exited", id });
  };
  const reapers = new Reapers({ bindings, cgroups, onExit });
  const leaders = new Leaders({ bindings, holdings, nameExists: (name) => nameExists(bus, name), onExit });
  const looks = makeLooks();
  // Checks of quarantined UIDs must not delay ends.
  const uidLooks = makeLooks();
  const views = new Views({ bindings, cgroups, holdings, reapers, search: looks.searchHolders });
  const logins = new Batch((leaders: readonly EndedLeader[]) => findLoginCgroups(bus, leaders));
  const connections = new Connections({
    bindings,
    holdings,
    onLost: (id) => {
      link.dispatch({ kind: "connection-lost", id });
    },
  });
  const placement = new Placement({
    cgroups,
    isAlive: (id) => leaders.isAlive(id),
    startScope: (id, leader, uid, limits) => startScope(bus, id, leader, uid, limits),
    findLoginCgroup: (leader, uid, since) => logins.ask({ leader, uid, since }),
  });
  return { cgroups, fdStore, holdings, reapers, leaders, connections, views, placement, looks, uidLooks };
}
