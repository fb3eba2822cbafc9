// Remote guests: all ways through ssh lead into the session's view.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const NAMESPACE = "readlink /proc/self/ns/mnt";

describeMachine("a guest by ssh", (release) => {
  let machine: Machine;
  let host: string;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    host = await machine.sh("readlink /proc/1/ns/mnt");
    await machine.sh("echo of-host >/home/guest1/of-host; echo of-host >/tmp/of-host");
  });
  afterEach(async () => {
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it.each([{ password: false }, { password: true }])("has a view for a command, %j", async (options) => {
    const { code, stdout } = await machine.ssh("guest1", `${NAMESPACE}; pwd; ls ~ /tmp; echo $GUEST_SESSION`, options);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mnt:\[\d+\]\n\/home\/guest1\n\/home\/guest1:\n\n\/tmp:\n[a-z2-7]{10}\n$/);
    expect(stdout).not.toContain(host);
  });

  it("has a view for a shell", async () => {
    const shell = await machine.sshSession("guest1");
    expect(await shell.ask(NAMESPACE)).not.toBe(host);
    expect(await shell.ask("ls ~ /tmp | grep -c of-host")).toBe("0");
    await shell.logOut();
  });

  it("gets the command's exit code, and passes its input on", async () => {
    expect(await machine.ssh("guest4", "cat; exit 7", { input: "typed" })).toMatchObject({ code: 7, stdout: "typed" });
  });

  it("has a view for sftp and scp, and transferred files are gone afterwards", async () => {
    const sftp = await machine.run(["sftp", "-q", "-b", "-", "guest1@localhost"], {
      input: "ls -1\nput /etc/hostname brought\nls -1\nget /etc/issue /root/got\n",
    });
    expect(sftp.code).toBe(0);
    expect(sftp.stdout).not.toContain("of-host");
    expect(sftp.stdout).toContain("brought");
    expect((await machine.run(["scp", "-q", "/etc/hostname", "guest1@localhost:brought"])).code).toBe(0);
    await awaitNoSessions(machine);
    expect(await machine.sh("ls /home/guest1")).toBe("of-host");
    expect((await machine.ssh("guest1", "ls ~")).stdout).toBe("");
  });

  it("has one view for all channels of a connection", async () => {
    const control = ["-o", "ControlPath=/root/control", "-o", "ControlMaster=auto"];
    const shell = await machine.sshSession("guest1", control);
    const first = await shell.ask(NAMESPACE);
    expect((await machine.ssh("guest1", `${NAMESPACE}; touch ~/second`, { options: control })).stdout).toBe(
      `${first}\n`,
    );
    expect(await shell.ask("ls ~")).toBe("second");
    expect(await listSessions(machine)).toHaveLength(1);
    await shell.logOut();
  });

  it("ends with all of the connection's channels, and what they left running", async () => {
    const shell = await machine.sshSession("guest2");
    await shell.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await shell.logOut();
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it("cannot affect guestd through the environment", async () => {
    await machine.sh("printf 'AcceptEnv *\\n' >/etc/ssh/sshd_config.d/env.conf; systemctl restart ssh");
    const names = [
      "DBUS_SYSTEM_BUS_ADDRESS",
      "LD_PRELOAD",
      "GCONV_PATH",
      "TMPDIR",
      "NOTIFY_SOCKET",
      "LISTEN_FDS",
      "SYSTEMD_BUS_TIMEOUT",
      "GUEST_SESSION",
    ];
    const env = Object.fromEntries(names.map((name) => [name, "unix:path=/nonexistent"]));
    const send = names.flatMap((name) => ["-o", `SendEnv=${name}`]);
    const { code, stdout } = await machine.run(
      ["ssh", ...send, "guest1@localhost", `${NAMESPACE}; echo $GUEST_SESSION`],
      { env },
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mnt:\[\d+\]\n[a-z2-7]{10}\n$/);
    await machine.sh("rm /etc/ssh/sshd_config.d/env.conf; systemctl restart ssh");
  });

  it("with wrong passwords from a remote host starts no guestd, and writes no line of its", async () => {
    await machine.sh("systemctl stop guestd");
    const since = (await machine.journal()).length;
    const wrong = "printf '#!/bin/sh\\necho wrong\\n' >/root/wrong; chmod 700 /root/wrong";
    await machine.sh(wrong);
    const env = { SSH_ASKPASS: "/root/wrong", SSH_ASKPASS_REQUIRE: "force" };
    for (const user of ["guest", "guest1"]) {
      const options = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=3"];
      expect((await machine.run(["ssh", ...options, `${user}@localhost`, "id"], { env })).code).toBe(255);
    }
    const entries = (await machine.journal()).slice(since);
    expect(
      entries.filter(({ MESSAGE = "" }) => /Failed password for (invalid user )?guest1? /.test(MESSAGE)),
    ).not.toEqual([]);
    const isOurs = (entry: (typeof entries)[number]) =>
      entry["_SYSTEMD_UNIT"] === "guestd.service" || /pam_guest|guestd/.test(entry["MESSAGE"] ?? "");
    expect(entries.filter(isOurs).map(({ MESSAGE }) => MESSAGE)).toEqual([]);
    expect(await machine.sh("systemctl show -P ActiveState guestd")).toBe("inactive");
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
