// Connects guestd to the bus, starts it, and logs when it stops. The only exit.
import Journald from "systemd-journald";
import { makeApplication } from "./application.ts";
import { connectBus } from "./bus/connection.ts";
import { Intake } from "./bus/intake.ts";
import { SYSTEM_BUS } from "./bus/names.ts";
import type { EffectRunner } from "./daemon.ts";
import { EXIT_AGAIN } from "./idle.ts";
import { loadBindings } from "./system/bindings.ts";
import { Journal } from "./system/journal.ts";

/** For work in progress when guestd is told to stop. */
const STOP_LIMIT_MS = 15_000;

/**
 * Resolves when guestd is ready.
 * @param decorate for tests that inject faults
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
  // systemd restarts guestd, which takes up its sessions.
  process.on("uncaughtException", (error) => fail(error.stack ?? error.message));
  process.on("unhandledRejection", (reason) =>
    fail(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)),
  );
  // By default SIGUSR1 opens Node's inspector, which a root service must not do.
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
