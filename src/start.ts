// Connects guestd, starts it, and says when it stops. The one place where it exits.
import Journald from "systemd-journald";
import { makeApplication } from "./application.ts";
import { connectBus } from "./bus/connection.ts";
import { Intake } from "./bus/intake.ts";
import { SYSTEM_BUS } from "./bus/names.ts";
import type { EffectRunner } from "./daemon.ts";
import { EXIT_AGAIN } from "./idle.ts";
import { loadBindings } from "./system/bindings.ts";
import { Journal } from "./system/journal.ts";

/** What is under way when guestd is told to stop may take so long. */
const STOP_LIMIT_MS = 15_000;

/**
 * Starts guestd; resolves when it is ready.
 * @param decorate stands between the daemon and the world: a test puts faults there
 */
export async function start(decorate: (runner: EffectRunner) => EffectRunner = (runner) => runner): Promise<void> {
  const journal = new Journal(Journald);
  const fail = (reason: string): never => {
    journal.logDaemon("err", "daemon-stopping", `guestd stops: ${reason}`);
    process.exit(1);
  };
  const stop = (reason: string, status: number) => {
    journal.logDaemon("notice", "daemon-stopping", `guestd stops: ${reason}`);
    process.exit(status);
  };
  // A fault that no handler has caught: systemd starts guestd again, and it takes its sessions up again.
  process.on("uncaughtException", (error) => fail(error.stack ?? error.message));
  process.on("unhandledRejection", (reason) =>
    fail(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)),
  );
  // Node opens its inspector at SIGUSR1; a root service does not.
  process.on("SIGUSR1", () => undefined);

  process.umask(0o077);
  const intake = new Intake();
  const bus = await connectBus(SYSTEM_BUS, (reason) => fail(reason), intake);
  const onIdle = (status: number) => {
    stop("there is nothing to do; the bus starts it again.", status);
  };
  const application = makeApplication({ bus, intake, bindings: loadBindings(), journal, onIdle, decorate });
  process.on("SIGHUP", () => {
    application.reload();
  });
  process.on("SIGTERM", () => {
    void application.finish(STOP_LIMIT_MS).then((status) => {
      stop(
        status === EXIT_AGAIN
          ? "its sessions go on and are taken up at its next start."
          : "it was told to, and no session is open.",
        status,
      );
    });
  });
  await application.start();
}
