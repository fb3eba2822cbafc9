// Users from a directory service: one that does not answer, and homes on other volumes.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

describeMachine("users of a directory", (release) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("who are logged in while the directory does not answer keep their UID and their processes", async () => {
    await machine.sh(`useradd -u 66600 -m dora; echo dora:secret | chpasswd
      printf '[Guests]\\nLeaseRange=66600-66601\\n' >/etc/guestd/guestd.conf.d/z.conf; guestctl reload`);
    const dora = await machine.login("dora");
    await dora.ask("sleep 7777 & true");
    // Like a restarted nslcd, or sssd without a cache: it knows only local accounts.
    await machine.sh("cp -a /etc/passwd /root/passwd; sed -i '/^dora:/d' /etc/passwd; systemctl restart guestd");
    try {
      const guest = await machine.loginAsGhost();
      expect.soft(await guest.ask("id -u")).toBe("66601");
      await guest.logOut();
      await awaitNoSessions(machine);
      expect((await machine.run(["pgrep", "-f", "^sleep 7777$"])).code).toBe(0);
    } finally {
      await machine.sh("cp -a /root/passwd /etc/passwd; rm /etc/guestd/guestd.conf.d/z.conf; guestctl reload");
      dora.hangUp();
    }
  });

  it("whose homes are links in /home have a home as guests, and explain says so", async () => {
    await machine.sh("mkdir -p /srv/vol1; mv /home/guest2 /srv/vol1; ln -s /srv/vol1/guest2 /home/guest2");
    try {
      expect(await machine.sh("guestctl explain guest2")).toMatch(/^admitted: /);
      const guest = await machine.login("guest2");
      expect(
        await guest.ask("pwd; touch ~/mine && echo written; touch /srv/vol1/guest2/his 2>/dev/null || echo hidden"),
      ).toBe("/home/guest2\nwritten\nhidden");
      await guest.logOut();
    } finally {
      await machine.sh("rm /home/guest2; mv /srv/vol1/guest2 /home");
    }
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
