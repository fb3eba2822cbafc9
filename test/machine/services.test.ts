// Services that run as a guest's account: systemd may not open their session, but a program of the service may.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitUntil } from "../helpers/wait.ts";

/** Prints its PID namespace, then kills all that it may. */
const KIOSK = "#!/bin/sh\necho kiosk in $(readlink /proc/self/ns/pid)\nkill -9 -1\necho alone\n";

describeMachine("a service of a shared account", (release) => {
  let machine: Machine;
  let other: Terminal;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/usr/local/bin/kiosk", KIOSK, "755");
    await machine.sh(
      "printf 'auth required pam_permit.so\\n@include common-account\\n@include common-session\\n' >/etc/pam.d/kiosk",
    );
  });
  afterEach(async () => {
    await machine.run(["systemctl", "reset-failed"]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const startOther = async () => {
    other = await machine.sshSession("guest1");
    await other.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
  };
  const expectOtherAlive = async () => {
    expect(await other.ask("echo alive")).toBe("alive");
    expect(await findPids(machine, "sleep 4711")).toHaveLength(1);
    await other.logOut();
  };
  /** Returns what all units write to the journal meanwhile. */
  const runService = async (lines: readonly string[]) => {
    await machine.write("/etc/systemd/system/kiosk.service", `[Service]\nType=oneshot\n${lines.join("\n")}\n`);
    await machine.sh("systemctl daemon-reload");
    const { length } = await machine.journal();
    const { code } = await machine.run(["systemctl", "start", "kiosk"]);
    const entries = (await machine.journal()).slice(length);
    return { code, said: entries.map((entry) => entry["MESSAGE"] ?? "").join("\n") };
  };

  it.each([
    { how: "plain", lines: [] },
    { how: "with a sandbox", lines: ["PrivateTmp=yes", "ProtectSystem=yes"] },
  ])("is refused with advice where systemd opens its session, $how", async ({ lines }) => {
    await startOther();
    const service = ["User=guest1", "PAMName=kiosk", ...lines, "ExecStart=/usr/local/bin/kiosk"];
    const { code, said } = await runService(service);
    expect(code).not.toBe(0);
    expect(said).not.toContain("kiosk in");
    expect(said).toMatch(/User= and PAMName= cannot be kept apart.*su, agetty --autologin or greetd.*guestd\(8\)/);
    await expectOtherAlive();
  });

  it("is refused through machinectl and run0, too", async () => {
    const { code } = await machine.run(
      ["systemd-run", "--wait", "--pipe", "-p", "User=guest1", "-p", "PAMName=login", "/usr/local/bin/kiosk"],
      { timeoutMs: 60_000 },
    );
    expect(code).not.toBe(0);
  });

  it("has an ordinary session through su, and does not kill itself", async () => {
    await startOther();
    const { said } = await runService(["ExecStart=/usr/bin/su --login guest1 --command=/usr/local/bin/kiosk"]);
    expect(said).toContain("kiosk in");
    expect(said).not.toContain(await machine.sh("readlink /proc/1/ns/pid"));
    await expectOtherAlive();
  });

  it("has an ordinary session through agetty --autologin", async () => {
    await startOther();
    const kiosk = machine.terminal(["agetty", "--autologin", "guest1", "--noclear", "-", "dumb"]);
    await kiosk.prepareShell();
    await waitUntil(
      "both sessions",
      () => listSessions(machine),
      (seen) => seen.length === 2,
    );
    kiosk.send("kill -9 -1; exit\n");
    await kiosk.end();
    await expectOtherAlive();
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /User= and PAMName= cannot be kept apart/)).toEqual([]);
  });
});
