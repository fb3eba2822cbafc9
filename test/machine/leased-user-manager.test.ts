// A leased guest's user manager is in the login's view, within its limits, and gone with it.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const NAMESPACE = "readlink /proc/self/ns/mnt";

/** None is a child of the login. Each writes its mount namespace to ~/seen. */
const RUNNERS: Readonly<Record<string, string>> = {
  "systemd-run --user": `systemd-run --user --wait --quiet sh -c '${NAMESPACE} >~/seen'`,
  "systemd-run --user --scope": `systemd-run --user --scope --quiet sh -c '${NAMESPACE} >~/seen'`,
  "a timer": `systemd-run --user --quiet --on-active=0 sh -c '${NAMESPACE} >~/seen'`,
  "a unit file of the guest's": `mkdir -p ~/.config/systemd/user; printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "${NAMESPACE} >%%h/seen"\\n' >~/.config/systemd/user/x.service; systemctl --user daemon-reload; systemctl --user start x`,
  "a service that the session bus starts": `mkdir -p ~/.local/share/dbus-1/services; printf '[D-BUS Service]\\nName=org.example.Seen\\nExec=/bin/sh -c "${NAMESPACE} >$HOME/seen"\\n' >~/.local/share/dbus-1/services/org.example.Seen.service; busctl --user call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig; busctl --user --expect-reply=no call org.example.Seen / org.example.Seen Hello`,
  "a second terminal": `tmux new-session -d "${NAMESPACE} >~/seen"`,
};

describeMachine("the user manager of a guest", (release) => {
  let machine: Machine;
  let calm: Snapshot;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await (await machine.loginAsGhost()).logOut();
    await awaitNoSessions(machine);
    calm = await machine.calmSnapshot();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const seen = (guest: Terminal) => waitFor("what the program saw", () => guest.ask("cat ~/seen 2>/dev/null"), 30_000);

  it("is not started for an unused UID of the range, nor for an account without an open session", async () => {
    expect((await machine.run(["systemctl", "start", "user@60700.service"])).code).not.toBe(0);
    await machine.sh("systemctl reset-failed 'user*'");
    await machine.write("/etc/guestd/guestd.conf.d/stopped.conf", "[Guests]\nPasswordless=login stopped\n");
    await machine.write(
      "/etc/pam.d/stopped",
      "@include common-auth\naccount required pam_exec.so /bin/cat /run/stop\n",
    );
    await machine.sh("mkfifo /run/stop; guestctl reload");
    const stopped = machine.terminal(["pamtester", "-I", "tty=tty1", "stopped", "guest", "authenticate", "acct_mgmt"]);
    const uid = await waitFor(
      "the account",
      async () => (await listSessions(machine)).find(({ state }) => state === "allocated")?.uid,
    );
    expect((await machine.run(["systemctl", "start", `user@${uid}.service`])).code).not.toBe(0);
    expect((await machine.journal("GUEST_ACTION=refuse", `GUEST_UID=${uid}`)).map((entry) => entry["MESSAGE"])).toEqual(
      [expect.stringContaining("is not open")],
    );
    await machine.sh("echo >/run/stop; rm /etc/guestd/guestd.conf.d/stopped.conf; guestctl reload");
    await stopped.end();
  });

  it.each(Object.keys(RUNNERS))("runs nothing outside the view: %s", async (runner) => {
    const guest = await machine.loginAsGhost();
    const own = await guest.ask(NAMESPACE);
    expect(own).not.toBe(await machine.sh(NAMESPACE));
    await guest.ask(`touch ~/mine; ${RUNNERS[runner] ?? ""}`);
    expect(await seen(guest)).toBe(own);
    await guest.logOut();
  });

  it("is itself in the view, with the login's home, and works as users expect", async () => {
    const guest = await machine.loginAsGhost();
    const uid = await guest.ask("id -u");
    const manager = await machine.sh(`systemctl show user@${uid}.service -P MainPID`);
    expect(await machine.sh(`readlink /proc/${manager}/ns/mnt`)).toBe(await guest.ask(NAMESPACE));
    expect(
      await guest.ask(
        "systemctl --user is-system-running --wait; busctl --user list --no-legend | grep -q org.freedesktop.systemd1 && echo there",
      ),
    ).toBe("running\nthere");
    expect(
      await guest.ask(
        "loginctl show-session self -P Name 2>/dev/null || loginctl show-session $XDG_SESSION_ID -P Name",
      ),
    ).toBe(await guest.ask("id -un"));
    expect(await guest.ask("stat -c '%U %a' $XDG_RUNTIME_DIR; ls /run/user")).toBe(
      `${await guest.ask("id -un")} 700\n${uid}`,
    );
    await guest.logOut();
  });

  it("ends with the login, whatever it keeps running", async () => {
    const guest = await machine.loginAsGhost();
    const [id = "", uid = "", user = ""] = (await guest.ask("echo $GUEST_SESSION; id -u; id -un")).split("\n");
    await guest.ask(
      "systemd-run --user --quiet sleep 4711; systemd-run --user --quiet -p KillMode=none -p SendSIGKILL=no -p TimeoutStopSec=infinity -p 'ExecStop=/bin/sleep 4711' sleep 4711",
    );
    await guest.ask("systemd-run --user --quiet -p Restart=always -p RestartSec=0 sleep 4711");
    // Would keep the manager running.
    await machine.sh(`mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/${user}`);
    await guest.logOut();
    expect(await awaitReceipt(machine, id)).toMatchObject({ left: [] });
    expect((await machine.run(["systemctl", "is-active", `user@${uid}.service`, `user-${uid}.slice`])).stdout).toBe(
      "inactive\ninactive\n",
    );
    expect(await machine.sh(`ls -A /run/user /var/lib/systemd/linger`)).toBe("/run/user:\n\n/var/lib/systemd/linger:");
  });

  it("ends with the login's leader, however that ends", async () => {
    const guest = await machine.loginAsGhost();
    const id = await guest.ask("echo $GUEST_SESSION");
    await guest.ask("systemd-run --user --quiet sleep 4711");
    const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader;
    await machine.sh(`kill -9 ${leader}`);
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "leader-exited", left: [] });
    await guest.end();
  });

  it("has its limits on the whole user", async () => {
    await machine.write(
      "/etc/guestd/guestd.conf.d/limits.conf",
      "[Limits]\nMemoryMax=300M\nMemorySwapMax=1M\nTasksMax=111\nCPUWeight=50\nCPUQuota=150%\nIOWeight=20\n",
    );
    await machine.sh("guestctl reload");
    const guest = await machine.loginAsGhost();
    const slice = `user-${await guest.ask("id -u")}.slice`;
    const shown = await machine.sh(
      `systemctl show ${slice} -p MemoryMax -p MemorySwapMax -p TasksMax -p CPUWeight -p CPUQuotaPerSecUSec -p IOWeight | sort`,
    );
    expect(shown).toBe(
      "CPUQuotaPerSecUSec=1.500000s\nCPUWeight=50\nIOWeight=20\nMemoryMax=314572800\nMemorySwapMax=1048576\nTasksMax=111",
    );
    expect(await guest.ask("cat /proc/self/cgroup | grep ^0:")).toMatch(
      new RegExp(`^0::/user\\.slice/${slice}/session-`),
    );
    expect(await guest.ask("systemd-run --user --wait --pipe --quiet grep ^0: /proc/self/cgroup")).toMatch(
      new RegExp(`^0::/user\\.slice/${slice}/user@`),
    );
    await guest.logOut();
    await awaitNoSessions(machine);
    expect(
      await machine.sh(
        `systemctl show ${slice} -P MemoryMax; ls /run/systemd/transient /run/systemd/system.control 2>/dev/null | grep -c 60 || true`,
      ),
    ).toBe("infinity\n0");
    await machine.sh("rm /etc/guestd/guestd.conf.d/limits.conf; guestctl reload");
  });

  it("lets only a guest unlock their own screen, and only during their session", async () => {
    const guest = await machine.loginAsGhost();
    const other = await machine.loginAsGhost();
    const [user = "", uid = ""] = (await guest.ask("id -un; id -u")).split("\n");
    expect((await guest.askStatus("pamtester vlock $(id -un) authenticate </dev/null")).code).toBe(0);
    // A screen locker of root's, through its service.
    expect((await machine.run(["pamtester", "gdm-password", user, "authenticate"])).code).toBe(0);
    expect((await machine.run(["pamtester", "-I", "rhost=far", "gdm-password", user, "authenticate"])).code).not.toBe(
      0,
    );
    expect((await machine.run(["pamtester", "login", user, "authenticate"])).code).not.toBe(0);
    for (const [who, whom] of [
      [other, user],
      [guest, "alice"],
      [guest, "guest"],
      [guest, "root"],
    ] as const) {
      expect(`${whom} ${(await who.askStatus(`pamtester vlock ${whom} authenticate </dev/null`)).code}`).not.toBe(
        `${whom} 0`,
      );
    }
    // Also without guestd, and across its restart. Without the UID the mark cannot be found.
    const mark = `/run/guestd-unlock/${uid}`;
    expect((await guest.askStatus("ls /run/guestd-unlock")).code).not.toBe(0);
    await machine.sh("systemctl kill -s KILL guestd");
    expect((await guest.askStatus("pamtester vlock $(id -un) authenticate </dev/null")).code).toBe(0);
    await machine.sh(`guestctl status; test -f ${mark}`);
    // Like a session from before an upgrade, without a mark, and a mark without a session.
    await machine.sh(`systemctl kill -s KILL guestd; rm ${mark}; touch /run/guestd-unlock/4711; guestctl status`);
    await waitUntil(
      "the mark",
      () => machine.run(["test", "-f", mark]),
      (seen) => seen.code === 0,
    );
    await waitUntil(
      "a stale mark to go",
      () => machine.run(["test", "-e", "/run/guestd-unlock/4711"]),
      (seen) => seen.code !== 0,
    );
    expect(await machine.journal("GUEST_ACTION=forbid-unlock", "GUEST_UID=4711")).toHaveLength(1);
    await Promise.all([guest.logOut(), other.logOut()]);
    await awaitNoSessions(machine);
    expect(await machine.sh("ls -A /run/guestd-unlock")).toBe("");
  });

  it("leaves the machine unchanged, and no unexpected line in the journal", async () => {
    expect(await machine.snapshotLike(calm)).toEqual(calm);
    expect(await unexpectedLines(machine, /is not open/)).toEqual([]);
  });
});
