// The package is removed while guests are in: their sessions end with a receipt, and a purge leaves the machine as it
// was.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, IS_GUEST, listSessions } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import {
  allowTerminals,
  apt,
  logInMeanwhile,
  PACKAGE,
  preseed,
  saidByScripts,
  SWITCH,
  wiredStacks,
} from "../helpers/package.ts";
import { mainPid } from "../helpers/recovery.ts";
import { compareStates, takeState } from "../helpers/system-state.ts";

describeMachine("removing the package", (release) => {
  let machine: Machine;
  let pristine: readonly string[];

  beforeAll(async () => {
    machine = await Machine.boot(release, "dependencies");
    pristine = await takeState(machine);
    await preseed(machine, true);
    await apt(machine, "install", PACKAGE);
    await allowTerminals(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Processes, directories and accounts of guests, found without guestd. */
  const remains = () =>
    machine.sh(`ps -eo uid=,args= | awk '${IS_GUEST} || /guest(d|ctl|-reaper|-holders)/ && !/awk/'
    ls -A /run/userdb 2>/dev/null || true
    find /run/guestd /var/lib/guestd/open -type f 2>/dev/null || true
    getent passwd guest 60000 || true
    systemctl --failed --plain --no-legend`);

  it("from a chroot that shows the machine's /run, such as an image build, changes nothing on the machine", async () => {
    const guest = await machine.sshSession("guest");
    const [before, pid] = [await listSessions(machine), await mainPid(machine)];
    await machine.sh(`mkdir /tmp/image /tmp/upper /tmp/work
      mount -t overlay -o lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work overlay /tmp/image
      for shown in proc dev run; do mount --rbind /$shown /tmp/image/$shown; mount --make-rslave /tmp/image/$shown; done`);
    await machine.sh("chroot /tmp/image dpkg --purge guestd; ! chroot /tmp/image getent group guests", {
      env: { DEBIAN_FRONTEND: "noninteractive" },
    });
    await machine.sh("umount --lazy /tmp/image; rm -r --one-file-system /tmp/image /tmp/upper /tmp/work");
    expect(await mainPid(machine)).toBe(pid);
    // Not only in guestd's memory.
    await machine.sh("systemctl restart guestd");
    expect(await listSessions(machine)).toEqual(before);
    expect(await guest.ask("echo $GUEST_SESSION")).toBe(before[0]?.id);
    expect(await machine.sh("guestctl status")).toMatch(/^guests: +can log in$/m);
    await guest.logOut();
    await awaitNoSessions(machine);
  });

  it.each(["remove", "purge"])(
    "ends every session with a receipt, while all other users log in: apt-get %s",
    async (verb) => {
      const guests = [await machine.loginAsGhost(), await machine.sshSession("guest")];
      const root = await machine.login("alice");
      for (const guest of guests) await guest.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
      const sessions = await listSessions(machine);
      expect(sessions.map(({ user }) => user).sort()).toEqual(["guest", expect.stringMatching(/^guest-/)]);
      let output = "";
      const logins = await logInMeanwhile(machine, async () => {
        output = await apt(machine, verb, "guestd");
      });
      const ends = sessions.map(({ id, user }) => `Ended ${id} of ${user}: `);
      expect(
        saidByScripts(output)
          .map((line) => line.replace(/(?<=: ).*(?<= nothing is left\.)$/, ""))
          .sort(),
      ).toEqual(ends.sort());
      expect(logins).toMatchObject({ outs: 0 });
      expect(logins.ins).toBeGreaterThan(0);
      for (const guest of guests) await guest.end();
      for (const { id } of sessions)
        expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "ended-by-admin", left: [] });
      expect(await wiredStacks(machine)).toEqual([]);
      expect(await remains()).toBe("");
      expect(await root.ask("id -un")).toBe("alice");
      await root.logOut();
      for (const [code, ghost] of [
        [1, await machine.run(["su", "-", "guest", "-c", "true"])],
        [255, await machine.ssh("guest", "true")],
      ] as const) {
        expect(ghost.code).toBe(code);
      }
      if (verb === "remove") {
        expect(await machine.sh(`cat ${SWITCH} /etc/guestd/guestd.conf.d/terminals.conf`)).toContain('"enabled":true');
        // Configuration and switch were kept.
        await apt(machine, "install", PACKAGE);
        expect(await machine.sh("guestctl status")).toMatch(/^guests: +can log in$/m);
      }
    },
  );

  it("leaves nothing behind after a purge", async () => {
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
  });

  it("starts over after a purge: the next installation asks again", async () => {
    await apt(machine, "install", PACKAGE);
    expect(await machine.sh("guestctl status")).toMatch(/^guests: +refused: they are switched off$/m);
    expect((await machine.ssh("guest", "echo in")).stdout).not.toContain("in\n");
    // A removed package can be purged later, without its programs.
    await apt(machine, "remove", "guestd");
    await apt(machine, "purge", "guestd");
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
  });

  it("leaves no guestd that was started by a call after it was stopped", async () => {
    await apt(machine, "install", PACKAGE);
    // setup's last call before the files are removed.
    await machine.write(
      "/usr/local/sbin/getent",
      '#!/bin/sh\nbusctl --quiet call org.guestd1 /org/guestd1 org.freedesktop.DBus.Peer Ping && echo called >>/run/stop-logins\nexec /usr/bin/getent "$@"\n',
      "755",
    );
    await machine.sh("dpkg --remove guestd; rm /usr/local/sbin/getent", { env: { DEBIAN_FRONTEND: "noninteractive" } });
    expect(await machine.sh("cat /run/stop-logins; rm /run/stop-logins")).toContain("called");
    expect(await machine.sh("systemctl is-active guestd || true; busctl status org.guestd1 2>/dev/null || true")).toBe(
      "inactive",
    );
  });

  it("by a purge also works where no program can remove the group", async () => {
    await machine.sh("mv /usr/sbin/groupdel /root/");
    await apt(machine, "purge", "guestd");
    await machine.sh("mv /root/groupdel /usr/sbin/; groupdel guests");
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
  });
});
