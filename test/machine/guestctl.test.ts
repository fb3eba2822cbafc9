// guestctl with the real guestd.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

describeMachine("guestctl", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("starts guestd through the bus when it is not running", async () => {
    expect(await machine.sh("systemctl is-active guestd || true")).toBe("inactive");
    expect(await machine.sh("guestctl status")).toMatch(
      /^guestd: +\d+\.\d+\.\d+\nguests: +can log in\nswitch: +on\nsessions: 0$/,
    );
    expect(await machine.sh("guestctl")).toBe("No guest sessions.");
  });

  it("is only for root, and says so to other users", async () => {
    for (const verb of ["list", "status", "config"]) {
      expect(await machine.run(["guestctl", verb], { user: "alice" })).toEqual({
        code: 1,
        stdout: "",
        stderr: "guestctl: only root may do this; try it with sudo\n",
      });
    }
  });

  it("checks configurations without guestd, and reports all errors with file and line", async () => {
    await machine.write("/root/bad.conf", "[Home]\nSize=lots\nNonsense=1\n[View]\nHide=home\n");
    const { code, stdout } = await machine.run(["guestctl", "config", "check", "/root/bad.conf"]);
    expect(code).toBe(1);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(": ")[0]),
    ).toEqual(["/root/bad.conf:2", "/root/bad.conf:3", "/root/bad.conf:5"]);
    expect(await machine.sh("guestctl config check; guestctl config check /etc/guestd/guestd.conf --json")).toContain(
      "in order",
    );
    expect(await machine.run(["guestctl", "config", "check"], { user: "alice" })).toMatchObject({ code: 0 });
  });

  it("keeps the configuration when a reload is bad, and reports the errors until they are fixed", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/10.conf", "[Home]\nSize=64M\n");
    await machine.sh("guestctl reload");
    await machine.write("/etc/guestd/guestd.conf.d/20.conf", "[Home]\nSize=lots\n");
    for (const reload of ["guestctl reload", "systemctl reload guestd"])
      expect((await machine.run(["sh", "-c", reload])).code, reload).toBe(1);
    expect(await machine.sh("guestctl config | grep -A1 conf.d/10.conf")).toBe(
      "# /etc/guestd/guestd.conf.d/10.conf:2\nSize=64M",
    );
    const status = await machine.run(["guestctl", "status"]);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain("/etc/guestd/guestd.conf.d/20.conf:2: Size=lots: expected a size");
    const guest = await machine.ssh("guest1", "df --output=size -h ~ | tail -1");
    expect(guest.stdout.trim()).toBe("64M");
    await machine.sh("rm /etc/guestd/guestd.conf.d/[12]0.conf; guestctl reload; guestctl status");
    await awaitNoSessions(machine);
  });

  it("config hides paths with blanks, quotes and # in their names", async () => {
    await machine.sh(
      `mkdir -p /srv/a '/srv/a b' '/srv/a#b' "/srv/a'b" '/mnt/x:y'; for path in /srv/*; do echo "$path" >"$path/file"; done`,
    );
    await machine.write(
      "/etc/guestd/guestd.conf.d/names.conf",
      `[View]\nHide="/srv/a b" -'/srv/no such' \\\n# and\n  /srv/a#b /srv/a\\'b\nBind="/srv/a b":"/mnt/x:y"\n`,
    );
    await machine.sh("guestctl config check; guestctl reload");
    expect((await machine.ssh("guest1", "cat /srv/*/file /mnt/*/file")).stdout).toBe("/srv/a\n/srv/a b\n");
    await machine.sh("rm -r /etc/guestd/guestd.conf.d/names.conf /srv/a* /mnt/x:y; guestctl reload");
    await awaitNoSessions(machine);
  });

  it("shows and ends a session by its id, and reports an unknown one", async () => {
    const guest = await machine.login("guest3");
    const id = await guest.ask("echo $GUEST_SESSION");
    expect(await machine.sh("guestctl list")).toMatch(
      new RegExp(`^SESSION .*\\n${id} +guest3 +1003 +login +\\S+ +\\d+ +\\d+s +open\\n\\n1 session\\.$`),
    );
    expect(await machine.sh(`guestctl show ${id}`)).toContain("tmpfs    /home/guest3 ");
    expect(await machine.sh(`guestctl show ${id} --json | grep -c '"kind"'`)).toMatch(/^[12]\d$/);
    expect(await machine.sh(`guestctl end ${id}`)).toMatch(
      new RegExp(`^Ended ${id} of guest3: \\d+ processes killed, \\d\\S* given back, nothing is left\\.$`),
    );
    for (const verb of ["show", "end"]) {
      expect(await machine.run(["guestctl", verb, id])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/There is no session .*guestctl list/s) as string,
      });
    }
    await guest.end();
  });

  it("explains a user who does not exist", async () => {
    expect(await machine.run(["guestctl", "explain", "nobody-here"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no user") as string,
    });
  });
});
