// The daemon's entry: connects, starts, waits. The one place where it exits.
import Journald from "systemd-journald";
import { Application } from "./application.ts";
import { connectBus } from "./bus/connection.ts";
import { SYSTEM_BUS } from "./bus/names.ts";
import { loadBindings } from "./system/bindings.ts";
import { Journal } from "./system/journal.ts";

const journal = new Journal(Journald);

function fail(reason: string): never {
  journal.logDaemon("err", "daemon-stopping", `guestd stops: ${reason}`);
  process.exit(1);
}

// A fault that no handler has caught: systemd starts guestd anew, and it takes its sessions up again.
process.on("uncaughtException", (error) => fail(error.stack ?? error.message));
process.on("unhandledRejection", (reason) => fail(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)));
// Node opens its inspector at SIGUSR1; a root service does not.
process.on("SIGUSR1", () => undefined);

process.umask(0o077);
const bus = await connectBus(SYSTEM_BUS, (reason) => fail(reason));
const application = new Application({
  bus,
  bindings: loadBindings(),
  journal,
  exit: (status) => {
    journal.logDaemon("info", "daemon-stopping", "guestd has nothing to do and stops; the bus starts it again.");
    process.exit(status);
  },
});
process.on("SIGHUP", () => {
  application.reload();
});
process.on("SIGTERM", () => {
  const status = application.statusAtStop;
  if (status === undefined) return;
  journal.logDaemon("notice", "daemon-stopping", "guestd stops; its sessions go on and are taken up at its next start.");
  process.exit(status);
});
await application.start();
