// A session ends however the leader ends, without a PAM close.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { countRunningAs } from "../helpers/processes.ts";
import { tmpfsBytes } from "../helpers/snapshot.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitUntil } from "../helpers/wait.ts";

/** Each finally runs `sleep 4711`. */
const STUBBORN = {
  nohup: "nohup sleep 4711 >/dev/null 2>&1 &",
  setsid: "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)",
  "a double fork": "((setsid sleep 4711 >/dev/null 2>&1 </dev/null &) &)",
  "a trap of TERM and HUP": "((trap '' TERM HUP; setsid sleep 4711 >/dev/null 2>&1 </dev/null) &)",
  "a stopped process": "(setsid sh -c 'kill -STOP $$; exec sleep 4711' >/dev/null 2>&1 </dev/null &)",
  "a user and mount namespace of its own": "(setsid unshare -Urm sleep 4711 >/dev/null 2>&1 </dev/null &)",
  "a namespace that has shed all of the view's mounts":
    "setsid unshare -Urm sh -c 'mount -t tmpfs x /tmp; mkdir -p /tmp/old /tmp/bin; cp /bin/sleep /tmp/bin; cp -r --parents /lib64 /lib/x86_64-linux-gnu/libc.so.6 /tmp; cd /tmp; pivot_root . old; umount -l /old; exec /bin/sleep 4711' >/dev/null 2>&1 </dev/null &",
  "a PID namespace": "(setsid unshare -Urpf --mount-proc sleep 4711 >/dev/null 2>&1 </dev/null &)",
} as const;

/** Only a leased account has a user manager. None of these is a child of the login. */
const BY_MANAGER = {
  "a service": "systemd-run --user --quiet sleep 4711",
  "a scope": "(setsid systemd-run --user --scope --quiet sleep 4711 >/dev/null 2>&1 </dev/null &)",
  "a service that starts again and again": "systemd-run --user --quiet -p Restart=always -p RestartSec=0 sleep 4711",
  "a service that does not stop":
    "systemd-run --user --quiet -p KillMode=none -p SendSIGKILL=no -p TimeoutStopSec=infinity -p 'ExecStop=/bin/sleep 4711' sleep 4711",
  "a service that ignores TERM and HUP":
    "systemd-run --user --quiet -p TimeoutStopSec=infinity sh -c \"trap '' TERM HUP; sleep 4711\"",
  "a stopped service":
    "systemd-run --user --quiet --unit=stopped -p Type=exec sleep 4711; systemctl --user kill --signal=STOP stopped",
  "a service in namespaces of its own": "systemd-run --user --quiet unshare -Urmpf --mount-proc sleep 4711",
} as const;

/** A shared account has a PID namespace, a leased one its own UID. */
const TYPES = [
  { type: "shared", login: (machine: Machine) => machine.login("guest1"), stubborn: STUBBORN },
  { type: "leased", login: (machine: Machine) => machine.loginAsGhost(), stubborn: { ...STUBBORN, ...BY_MANAGER } },
] as const;

describeMachine("the end of a session", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async ({ task }) => {
    // Cleans up after a failed test.
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await machine.sh("find /run/guestd -type f -o -path '*/unmanaged/*'")).toBe("");
    expect((await machine.snapshot()).namespaces.filter((names) => /sleep|bash|node/.test(names))).toEqual([]);
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe.each(TYPES)("of a $type account", ({ type, login, stubborn }) => {
    async function startGuest(command: string): Promise<{ guest: Terminal; id: string; uid: string; leader: number }> {
      const guest = await login(machine);
      const [id = "", uid = ""] = (await guest.ask("echo $GUEST_SESSION; id -u")).split("\n");
      guest.send(`${command}\n`);
      await waitUntil(
        `the process of: ${command}`,
        () => machine.run(["pgrep", "-f", "sleep 4711$"]),
        (seen) => seen.stdout !== "",
      );
      const session = (await listSessions(machine)).find((candidate) => candidate.id === id);
      return { guest, id, uid, leader: session?.leader ?? 0 };
    }

    it.each(Object.entries(stubborn))("leaves nothing of %s after a logout", async (_, command) => {
      const { guest, id } = await startGuest(command);
      guest.send("\nexit 0\n");
      expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "logout", leased: type === "leased", left: [] });
      await guest.end();
      expect((await machine.run(["pgrep", "-f", "sleep 4711$"])).stdout).toBe("");
    });

    it("comes without PAM when login is killed", async () => {
      const { guest, id, leader } = await startGuest(STUBBORN.setsid);
      await machine.sh(`kill -KILL ${leader}`);
      expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "leader-exited", left: [] });
      await guest.end();
    });

    it("by guestctl end is complete when that returns, and names the receipt", async () => {
      const { guest, id } = await startGuest(STUBBORN["a trap of TERM and HUP"]);
      const receipt = JSON.parse(await machine.sh(`guestctl end ${id} --json`)) as {
        clean: boolean;
        cause: string;
        killed: number;
      };
      expect(receipt).toMatchObject({ clean: true, cause: "ended-by-admin" });
      expect(receipt.killed).toBeGreaterThan(2);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      await guest.end();
    });

    it("includes 500 sleeping processes and a fork loop", async () => {
      const { guest, id, uid } = await startGuest(STUBBORN.setsid);
      await guest.ask("for i in $(seq 500); do (setsid sleep 4712 >/dev/null 2>&1 </dev/null &); done", 30_000);
      // The machine has no effective task limit. The kernel counts this UID on all machines together.
      const everywhere = countRunningAs(Number(uid));
      guest.send(`ulimit -u ${everywhere + 400}; setsid bash -c 'f() { sleep 0.02; f & f; }; f' >/dev/null 2>&1 &\n`);
      const count = async () => Number((await machine.run(["pgrep", "-cu", uid])).stdout);
      await waitUntil(
        "the loop to fork",
        () => count(),
        (seen) => seen > 600,
        50_000,
      );
      const { stdout } = await machine.run(["guestctl", "end", id, "--json"]);
      expect(JSON.parse(stdout)).toMatchObject({ clean: true, left: [] });
      expect((await machine.run(["pgrep", "-u", uid])).stdout).toBe("");
      await guest.end();
    });
  });

  it("comes when the ssh connection is cut", async () => {
    const guest = await machine.sshSession("guest2");
    const id = await guest.ask("echo $GUEST_SESSION");
    await guest.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    guest.hangUp();
    await machine.sh("pkill -KILL -x ssh || true");
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
  });

  it("comes when sshd's process is killed, though its shell would survive", async () => {
    const guest = await machine.sshSession("guest2");
    const id = await guest.ask("echo $GUEST_SESSION");
    const session = (await listSessions(machine)).find((candidate) => candidate.id === id);
    await machine.sh(`kill -KILL ${session?.leader ?? 0}`);
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "leader-exited", left: [] });
    await guest.end();
  });

  it("frees the home's memory", async () => {
    // Total shared memory is the host's, and other machines change it. The demo checks it.
    const guest = await machine.login("guest3");
    await guest.ask(
      "dd if=/dev/zero of=~/big bs=1M count=200 2>/dev/null; dd if=/dev/zero of=/tmp/big bs=1M count=100 2>/dev/null",
      60_000,
    );
    const id = await guest.ask("echo $GUEST_SESSION");
    // Searches for guestd's label: device numbers are reused at once.
    const mounted = async () =>
      (
        await machine.run(["sh", "-c", "cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c ' - tmpfs guest-'"])
      ).stdout.trim();
    expect(Number(await mounted())).toBeGreaterThan(2);
    expect(await tmpfsBytes(machine)).toBeLessThan(100 * 1024 * 1024);
    await guest.logOut();
    expect((await awaitReceipt(machine, id)).tmpfsBytes).toBeGreaterThanOrEqual(300 * 1024 * 1024);
    expect(await mounted()).toBe("0");
  });

  it("does not include an administrator who became a guest with su", async () => {
    const admin = await machine.login("root");
    expect(
      await admin.ask("su - guest2 -c 'echo $GUEST_SESSION; id -un; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)'"),
    ).toMatch(/^[a-z2-7]{10}\nguest2$/);
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await admin.ask("id -un")).toBe("root");
    await admin.logOut();
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
