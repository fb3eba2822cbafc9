// Filling a path that a guest can write to does not fill the host's memory.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";

/** As packages create them: screen without and with set-group-ID, php, samba. */
const PATHS = [
  ["/run/screen", "0775", "utmp"],
  ["/var/lib/php/sessions", "1733", "root"],
  ["/var/spool/samba", "1777", "root"],
] as const;

/** Each writable directory, after the source of its file system. */
const LIST_WRITABLE = `find / -xdev -type d -writable ! -path '/proc*' 2>/dev/null | while read -r path; do
  echo "$(findmnt --noheadings --output SOURCE --target "$path" | tail -n 1) $path"; done; awk '{ print $2 }' /proc/self/mounts | while read -r path; do
  [ -d "$path" ] && [ -w "$path" ] && echo "$(findmnt --noheadings --output SOURCE --mountpoint "$path" | tail -n 1) $path"; done`;

describeMachine("a guest who fills every writable directory", (release) => {
  let machine: Machine;
  let guest: Terminal;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    for (const [path, mode, group] of PATHS)
      await machine.sh(`mkdir -p ${path}; chgrp ${group} ${path}; chmod ${mode} ${path}`);
    guest = await machine.loginAsGhost();
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("finds none of the host's", async () => {
    const lines = (await guest.ask(LIST_WRITABLE)).split("\n").filter((line) => line !== "");
    expect(lines.some((line) => line.endsWith(" /var/spool/samba"))).toBe(true);
    // logind limits its own tmpfs for a user. The queues are in a separate IPC namespace.
    expect(
      lines.filter(
        (line) => !/^guest-[a-z0-9]+ |^tmpfs \/run\/user\/\d+(\/|$)|^guestd \/dev\/mqueue$|^\S+ \/proc/.test(line),
      ),
    ).toEqual([]);
  });

  it("leaves the host's /run unchanged, and other users log in", async () => {
    await machine.sh("chmod 1777 /run/screen");
    const second = await machine.loginAsGhost();
    const before = Number(await machine.sh("df --output=avail /run | tail -n 1"));
    for (const path of ["/run/screen", "/var/lib/php/sessions", "/var/spool/samba", "/run/lock"])
      await second.ask(
        `head -c 1G /dev/zero >${path}/full 2>/dev/null; i=0; while [ $i -lt 300 ] && mkdir ${path}/$i 2>/dev/null; do i=$((i+1)); done`,
      );
    expect(Number(await machine.sh("df --output=avail /run | tail -n 1"))).toBeGreaterThan(before - 4096);
    for (const [path] of PATHS) expect(await machine.sh(`ls -A ${path}`)).toBe("");
    expect(await (await machine.login("alice")).ask("id -un")).toBe("alice");
    await second.logOut();
  });

  it("has screen's directory with the host's mode and group", async () => {
    expect(await guest.ask("stat -c '%a %U %G' /run/screen /var/spool/samba")).toBe("775 root utmp\n1777 root root");
  });

  it("finds only those that status reports as world-writable", async () => {
    expect(await machine.sh("guestctl status")).not.toContain("can write to");
    await machine.sh(
      "mkdir -p /srv/scratch /var/lib/shut/open; chmod 1777 /srv/scratch /var/lib/shut/open; chmod 700 /var/lib/shut; systemctl restart guestd",
    );
    expect(await machine.sh("guestctl status")).toMatch(
      /Guests can write to \/srv\/scratch on the host, and fill it: /,
    );
    await guest.logOut();
    await awaitNoSessions(machine);
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
