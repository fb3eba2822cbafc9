// The ghost gets a new leased account at each login, without a password, and only where allowed.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

/** root's account files must not change. */
const CHECKSUM = "sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow";

/** SysV objects owned and created by UID 61107. */
const COUNT_IPC = "cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | grep -cE ' 61107 .* 61107 ' || true";
const PUBLISHED = ["_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=publish-account"] as const;

describeMachine("a login as guest", (release) => {
  let machine: Machine;
  let files: string;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    files = await machine.sh(CHECKSUM);
    // Stops a login between authentication and session while a pipe is open.
    await machine.write(
      "/etc/pam.d/stopped",
      "@include common-auth\naccount required pam_exec.so /bin/cat /run/stop\n@include common-session\n",
    );
    await machine.sh("mkfifo /run/stop");
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    await machine.sh("rm -f /etc/guestd/guestd.conf.d/test.conf; guestctl reload");
    expect(await machine.sh("ls -A /run/userdb 2>/dev/null || true")).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function configure(...lines: string[]): Promise<void> {
    await machine.write("/etc/guestd/guestd.conf.d/test.conf", `${lines.join("\n")}\n`);
    await machine.sh("guestctl reload");
  }

  /** Types a name at login's prompt. */
  async function typeName(name: string, expected: RegExp, argv = ["login"]): Promise<Terminal> {
    const terminal = machine.terminal(argv);
    if (argv.length === 1) {
      await terminal.expect(/login: /);
      terminal.send(`${name}\n`);
    }
    await terminal.expect(expected);
    return terminal;
  }

  it("is refused with a sentence when all accounts are in use, and possible again when one is free", async () => {
    await configure("[Guests]", "LeaseRange=61100-61101");
    const [first, second] = [await machine.loginAsGhost(), await machine.loginAsGhost()];
    const third = await typeName("guest", /All guest accounts of this machine are in use\. Please try again later\.\n/);
    third.hangUp();
    await first.logOut();
    await waitUntil(
      "the account to be back",
      () => listSessions(machine),
      (seen) => seen.length === 1,
      30_000,
    );
    const fourth = await machine.loginAsGhost();
    expect(await fourth.ask("id -u")).toBe("61100");
    await Promise.all([second.logOut(), fourth.logOut()]);
  });

  it.each([
    { who: "anybody from a remote host", argv: ["login", "-h", "far.example", "guest"], name: "guest" },
    { who: "a guest with an account", argv: ["login"], name: "guest1" },
    { who: "somebody who is no guest", argv: ["login"], name: "alice" },
    { who: "a name that does not exist", argv: ["login"], name: "guest-aaaa" },
  ])("asks $who for a password", async ({ argv, name }) => {
    const terminal = await typeName(name, /Password: /, argv);
    expect(await listSessions(machine)).toEqual([]);
    terminal.hangUp();
  });

  it("asks for a password for the name of a leased account", async () => {
    const guest = await machine.loginAsGhost();
    const thief = await typeName(await guest.ask("id -un"), /Password: /);
    thief.hangUp();
    await guest.logOut();
  });

  it("is refused when the authentication was skipped", async () => {
    const terminal = await typeName("guest", /guest needs an account of its own here/, ["login", "-f", "guest"]);
    await terminal.end(20_000);
  });

  it("does not let root become a guest who is logged in", async () => {
    const guest = await machine.loginAsGhost();
    const { code, stderr } = await machine.run(["su", "-", await guest.ask("id -un"), "-c", "id"]);
    expect(code).toBe(1);
    expect(stderr).toContain("belongs to another guest");
    await guest.logOut();
  });

  it("never gets a UID or name that is taken", async () => {
    await machine.sh("useradd --uid 61102 --no-create-home squatter");
    await configure("[Guests]", "LeaseRange=61102-61103");
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("id -u")).toBe("61103");
    await guest.logOut();
    await machine.sh("userdel squatter");
  });

  it("returns the account when it ends before a session or takes too long", async () => {
    await configure("[Guests]", "Passwordless=login stopped", "LeaseTimeout=1", "LeaseRange=61105-61105");
    const stopped = machine.terminal([
      "pamtester",
      "-I",
      "tty=tty1",
      "stopped",
      "guest",
      "authenticate",
      "acct_mgmt",
      "open_session",
    ]);
    // The session may be over, and not listed.
    const id = await waitFor(
      "the account",
      async () =>
        (await machine.journal(...PUBLISHED)).find((entry) => entry["GUEST_UID"] === "61105")?.["GUEST_SESSION"],
    );
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "never-opened", leased: true, left: [] });
    // A late login gets no session.
    await machine.sh("echo >/run/stop");
    await stopped.end();
    expect(stopped.transcript).not.toContain("opened a session");

    await configure("[Guests]", "Passwordless=login stopped", "LeaseTimeout=600");
    const { code } = await machine.run(["pamtester", "-I", "tty=tty1", "stopped", "guest", "authenticate"]);
    expect(code).toBe(0);
    await awaitNoSessions(machine);
  });

  it("gets the account that has rested longest", async () => {
    await configure("[Guests]", "LeaseRange=61110-61112");
    const uids: string[] = [];
    for (let count = 0; count < 7; count++) {
      const guest = await machine.loginAsGhost();
      uids.push(await guest.ask("id -u"));
      await guest.logOut();
      await awaitNoSessions(machine);
      if (count === 3) await machine.sh("systemctl kill --signal=KILL guestd; while ! guestctl status; do :; done");
    }
    expect(uids).toEqual(["61110", "61111", "61112", "61110", "61111", "61112", "61110"]);
  });

  it("finds its own session and units through libsystemd, and can mount its own /proc", async () => {
    const guest = await machine.loginAsGhost();
    const [uid, session] = [await guest.ask("id -u"), await guest.ask("echo $XDG_SESSION_ID")];
    expect(await guest.ask("echo $(ps -o lsession=,unit=,slice=,ouid= -p $$)")).toBe(
      `${session} session-${session}.scope user-${uid}.slice ${uid}`,
    );
    expect(await guest.ask("echo $(systemd-run --user --quiet --pipe ps -o uunit= -C ps)")).toMatch(
      /^run-.*\.service$/,
    );
    expect(await guest.ask("unshare --user --map-root-user --pid --fork --mount-proc ps -o pid=")).toMatch(/^\s*1$/);
    await guest.logOut();
  });

  it("is a valid account for all programs, without an entry in any account file", async () => {
    const guest = await machine.loginAsGhost();
    const [name, uid] = [await guest.ask("id -un"), await guest.ask("id -u")];
    expect(name).toMatch(/^guest-[a-z2-7]{4}$/);
    expect(await guest.ask("id")).toMatch(/^uid=(\d+)\(\S+\) gid=(\d+)\(guests\) groups=\2\(guests\)$/);
    const entry = new RegExp(`^${name}:x:${uid}:\\d+:${name.replace("guest-", "Guest ")}:/home/${name}:/bin/bash$`);
    for (const key of [name, uid]) {
      expect(await guest.ask(`getent passwd ${key}`)).toMatch(entry);
      expect(await machine.sh(`getent passwd ${key}`)).toMatch(entry);
    }
    expect(await guest.ask("pwd; echo $HOME $USER $LOGNAME")).toBe(`/home/${name}\n/home/${name} ${name} ${name}`);
    expect(await machine.sh(`loginctl show-user ${name} -P UID`)).toBe(uid);
    expect(await machine.sh(CHECKSUM)).toBe(files);
    await guest.logOut();
    await awaitNoSessions(machine);
    expect((await machine.run(["getent", "passwd", name, uid])).code).toBe(2);
  });

  it("ends with a complete receipt", async () => {
    const begun = performance.now();
    const guest = await machine.loginAsGhost();
    const [id, user, uid] = (await guest.ask("echo $GUEST_SESSION; id -un; id -u")).split("\n");
    await guest.ask(
      "head -c 5000000 /dev/zero >~/large; (trap '' TERM HUP; setsid sleep 4711 >/dev/null 2>&1 </dev/null &)",
    );
    await guest.logOut();
    const receipt = await awaitReceipt(machine, id ?? "");
    expect(receipt).toMatchObject({ user, uid: Number(uid), leased: true, cause: "logout", left: [] });
    expect(receipt.tmpfsBytes).toBeGreaterThanOrEqual(5_000_000);
    expect(receipt.processesKilled).toBeGreaterThanOrEqual(1);
    expect(receipt.seconds).toBeLessThanOrEqual((performance.now() - begun) / 1000 + 1);
    await awaitNoSessions(machine);
    const order = (await machine.journal(`GUEST_SESSION=${id ?? ""}`)).map((entry) => entry["GUEST_ACTION"]);
    expect(order.slice(-4)).toEqual(["sweep-account", "write-receipt", "announce-closed", "remove-record"]);
    expect(order.indexOf("withdraw-account")).toBe(order.indexOf("sweep-account") - 1);
  });

  it("ends what root has started as the account, outside its slice and its view", async () => {
    await configure("[Guests]", "LeaseRange=61107-61107");
    const guest = await machine.loginAsGhost();
    const id = await guest.ask("echo $GUEST_SESSION");
    await machine.sh("systemd-run --quiet --collect --uid=61107 sleep 4711");
    const ofRoot = "pgrep -u 61107 -f 'sleep 4711$'";
    const pid = await waitFor("the process", async () => (await machine.run(["sh", "-c", ofRoot])).stdout.trim());
    expect(await machine.sh(`grep ^0: /proc/${pid}/cgroup`)).toMatch(/^0::\/system\.slice\//);
    expect(await machine.sh(`readlink /proc/${pid}/ns/mnt`)).toBe(await machine.sh("readlink /proc/1/ns/mnt"));
    await machine.sh("systemd-run --quiet --wait --uid=61107 ipcmk --shmem 4096 --semaphore 1 --queue");
    expect(await machine.sh(COUNT_IPC)).toBe("3");
    await guest.logOut();
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    expect((await machine.run(["sh", "-c", ofRoot])).stdout).toBe("");
    await awaitNoSessions(machine);
    const next = await machine.loginAsGhost();
    expect(await next.ask("id -u")).toBe("61107");
    expect(await machine.sh(COUNT_IPC)).toBe("0");
    await next.logOut();
  });

  it("survives a restart of guestd, and ends normally", async () => {
    await configure("[Guests]", "Passwordless=login stopped");
    const stopped = machine.terminal([
      "pamtester",
      "-I",
      "tty=tty1",
      "stopped",
      "guest",
      "authenticate",
      "acct_mgmt",
      "open_session",
    ]);
    await waitUntil(
      "the account",
      () => listSessions(machine),
      ([session]) => session?.state === "allocated",
    );
    const guest = await machine.loginAsGhost();
    const inOrder = async () => (await listSessions(machine)).sort((a, b) => a.uid - b.uid);
    const before = await inOrder();
    for (const how of ["systemctl restart guestd", "systemctl kill --signal=KILL guestd"]) {
      await machine.sh(`${how}; while ! guestctl status; do :; done`);
      expect(await inOrder()).toEqual(before);
      expect(await guest.ask("id -un; systemd-run --user --wait --pipe --quiet readlink /proc/self/ns/mnt")).toBe(
        await guest.ask("id -un; readlink /proc/self/ns/mnt"),
      );
    }
    // A login in progress continues with its account.
    await machine.sh("echo >/run/stop");
    await stopped.end();
    expect(stopped.transcript).toContain("successfully opened a session");
    await guest.logOut();
  });

  it("is a guest where the group had another number before guestd was installed", async () => {
    // groupmod only knows accounts in files.
    await machine.sh("sed -i 's/^guests:x:[0-9]*:/guests:x:990:/' /etc/group");
    expect(await machine.sh("getent passwd guest")).toContain(":60000:60000:");
    await machine.sh("dpkg-reconfigure --frontend=noninteractive guestd");
    expect(await machine.sh("getent passwd guest; getent passwd 60000")).toMatch(/^(guest:x:60000:990:.*)\n\1$/);
    await machine.sh("systemctl mask --runtime --now guestd");
    const { code, stdout } = await machine.run(["su", "-", "guest", "-c", "echo in"]);
    await machine.sh("systemctl unmask --runtime guestd");
    expect(`${code} ${stdout}`).toBe("1 ");
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("id -gn; id -g; id -un")).toMatch(/^guests\n990\nguest-[a-z2-7]{4}$/);
    await guest.logOut();
    expect(await machine.sh("su - guest -c 'id -g; echo $GUEST_SESSION'")).toMatch(/^990\n[a-z2-7]{10}$/);
  });

  it("leaves no unexpected line in the journal", async () => {
    const refusals = [
      /All guest accounts/,
      /needs an account of its own here/,
      /belongs to another guest/,
      /has been taken back/,
      /guestd.service is masked/,
    ];
    expect(await unexpectedLines(machine, ...refusals)).toEqual([]);
  });
});
