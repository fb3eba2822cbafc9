// Ways of guests to stay, and harm that an end must not do. Each attack has worked once.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { View } from "../../src/policy/session.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { execute } from "../helpers/execute.ts";
import { awaitNoSessions, awaitReceipt, listSessions } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";

const PROGRAMS = ["hopper", "leaderless", "shed"] as const;

const STAYERS = {
  "hops from pid to pid": "hopper 60",
  "hops slowly": "hopper 60 3000",
  "has no first thread any more": "leaderless 60",
  "has shed the view": "shed 60",
} as const;

/** Ways to run $COMMAND as guest1. */
const WAYS = {
  ssh: 'ssh guest1@localhost "$COMMAND"',
  "root's su": 'su guest1 -c "$COMMAND"',
  "alice's su": `ssh alice@localhost "echo ${PASSWORD} | su guest1 -c '$COMMAND'"`,
} as const;

const CASES = Object.entries(WAYS).flatMap(([way, line]) =>
  Object.entries(STAYERS).map(([what, program]) => ({ way, line, what, program })),
);

describeMachine("attacks of guests", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    const directory = mkdtempSync(join(tmpdir(), "guestd-attacks-"));
    for (const name of PROGRAMS) {
      const built = await execute([
        "gcc",
        "-static",
        "-O1",
        "-pthread",
        "-o",
        join(directory, name),
        join(import.meta.dirname, "attacks", `${name}.c`),
      ]);
      expect(built).toMatchObject({ code: 0 });
      await machine.write(`/usr/local/bin/${name}`, readFileSync(join(directory, name)), "755");
    }
    rmSync(directory, { recursive: true });
    await machine.sh("guestctl status");
  });
  afterAll(async () => {
    await machine.stop();
  });

  afterEach(async () => {
    await machine.sh("if rm /etc/guestd/guestd.conf.d/bind.conf 2>/dev/null; then guestctl reload; fi");
  });

  /** Test machines are on an overlayfs, and the kernel refuses three layers. */
  async function bindEtc(): Promise<void> {
    await machine.write("/etc/guestd/guestd.conf.d/bind.conf", "[Etc]\nMode=bind\n");
    await machine.sh("guestctl reload");
  }

  // A single look can miss a process that changes its PID.
  const look = (name: string) => `for i in $(seq 100); do ps -eLo comm= | grep -x ${name} | head -1; done | head -1`;

  it.each(CASES)("$way: nothing is left of a process that $what", async ({ line, program }) => {
    const name = program.split(" ")[0] ?? "";
    const command = `${program} </dev/null >/dev/null 2>&1 & ${look(name)}; echo $GUEST_SESSION`;
    const { stdout } = await machine.run(["bash", "--norc", "-c", line], { env: { COMMAND: command } });
    const [seen, id = ""] = stdout.replace("Password: ", "").trim().split("\n").slice(-2);
    expect(seen).toBe(name);
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    expect(await machine.sh(look(name))).toBe("");
    await awaitNoSessions(machine);
  });

  it.each(Object.entries(STAYERS))(
    "login as guest: nothing is left of a process that %s, as a child or as a unit",
    async (_, program) => {
      const name = program.split(" ")[0] ?? "";
      const guest = await machine.loginAsGhost();
      const id = await guest.ask("echo $GUEST_SESSION");
      await guest.ask(
        `(${program} </dev/null >/dev/null 2>&1 &); systemd-run --user --quiet -p KillMode=none -p SendSIGKILL=no ${program}`,
      );
      expect(await machine.sh(look(name))).toBe(name);
      await guest.logOut();
      expect(await awaitReceipt(machine, id)).toMatchObject({ leased: true, left: [] });
      expect(await machine.sh(look(name))).toBe("");
      await awaitNoSessions(machine);
    },
  );

  it("an open directory of the host does not enter the view through su", async () => {
    await machine.sh("echo of-host >/tmp/of-host; chmod 644 /tmp/of-host");
    const { code, stdout } = await machine.ssh(
      "alice",
      `exec 9</; echo ${PASSWORD} | su guest1 -c 'ls /proc/self/fd/9/; cat /proc/self/fd/9/tmp/of-host; touch /proc/self/fd/9/tmp/by-guest; echo in'`,
    );
    expect(`${code} ${stdout}`).toMatch(/^0 (Password: )?in\n$/);
    const refused = await machine.ssh("alice", `(echo ${PASSWORD} | su guest1 -c 'echo in') 2</`);
    expect(`${refused.code} ${refused.stdout}`).not.toContain("in\n");
    expect((await machine.run(["ls", "/tmp/by-guest"])).code).not.toBe(0);
    await awaitNoSessions(machine);
  });

  it("a session that a guest starts inside their own with su ends with it", async () => {
    await bindEtc();
    const guest = await machine.loginAsGhost();
    guest.send(
      `(echo ${PASSWORD}; sleep 4711) | setsid su guest2 -c 'setsid sleep 4712 & sleep 4711' >/dev/null 2>&1 &\n`,
    );
    await waitUntil(
      "the inner session",
      () => listSessions(machine),
      (sessions) => sessions.filter(({ state }) => state === "open").length === 2,
    );
    await waitUntil(
      "its process",
      () => machine.run(["pgrep", "-u", "guest2", "-f", "sleep 4712"]),
      (seen) => seen.code === 0,
    );
    const inner = (await listSessions(machine)).find(({ user }) => user === "guest2");
    await guest.logOut();
    expect(await awaitReceipt(machine, inner?.id ?? "")).toMatchObject({ cause: "outer-ended", left: [] });
    await awaitNoSessions(machine);
    expect((await machine.run(["pgrep", "-f", "sleep 471"])).stdout).toBe("");
  });

  it("no guest becomes another one where guestd cannot see their PID", async () => {
    await bindEtc();
    const guest = await machine.login("guest1");
    const { stdout } = await guest.askStatus(`echo ${PASSWORD} | su guest2 -c 'echo in'`);
    expect(stdout).toContain("Guest sessions are not available");
    expect(stdout).not.toMatch(/^in$/m);
    await waitUntil(
      "the refused session to be gone",
      () => listSessions(machine),
      (seen) => seen.length === 1,
    );
    await guest.logOut();
    await awaitNoSessions(machine);
  });

  it("the end of a session does not touch a unit of the same name elsewhere", async () => {
    const guest = await machine.login("guest1");
    const scope = await guest.ask("sed -n 's/^0:://p' /proc/self/cgroup | xargs basename");
    const id = await guest.ask("echo $GUEST_SESSION");
    // Like a container: a whole user.slice below a unit.
    await machine.sh("systemd-run --quiet --unit=box -p Delegate=yes sleep 4713");
    await machine.sh(`root=/sys/fs/cgroup; [ -e $root/unified ] && root=$root/unified; for name in ${scope} guest-${id}.scope; do
      d=$root/system.slice/box.service/user.slice/$name; mkdir -p $d; sleep 4714 >/dev/null 2>&1 & echo $! >$d/cgroup.procs; done`);
    await guest.logOut();
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    expect((await machine.run(["pgrep", "-fc", "sleep 4714"])).stdout.trim()).toBe("2");
    await machine.sh("pkill -f '^sleep 4714'; systemctl stop box");
  });

  it("a guestd that was down while a session ended kills no process that has reused its numbers", async () => {
    // Leased: only processes in the view hold it.
    const guest = await machine.loginAsGhost();
    const [id = "", uid = ""] = (await guest.ask("echo $GUEST_SESSION; id -u")).split("\n");
    const session = (await listSessions(machine)).find((candidate) => candidate.id === id);
    await machine.sh(`systemctl mask --runtime --now guestd 2>/dev/null; kill -KILL ${session?.leader ?? 0}`);
    await waitUntil(
      "the user's processes to be gone",
      () => machine.run(["pkill", "-KILL", "-u", uid]),
      (seen) => seen.code === 1,
    );
    await guest.end();
    const alice = await machine.login("alice");
    await machine.sh("mkdir /mnt/again; mount -t tmpfs again /mnt/again");
    await machine.sh("for i in $(seq 20); do systemd-run --quiet --unit=svc$i -p PrivateMounts=yes sleep 4715; done");
    // The kernel numbers namespaces across all machines, so this one may never get the number again. The record
    // pretends that it did.
    const [device = "", namespace = ""] = (
      await machine.sh(`awk '/ \\/mnt\\/again / { print $3 }' /proc/self/mountinfo
        stat -Lc %i /proc/$(systemctl show -P MainPID svc1)/ns/mnt`)
    ).split("\n");
    const path = `/run/guestd/sessions/${id}.json`;
    const record = JSON.parse(await machine.sh(`cat ${path}`)) as { session: { view: View } };
    expect(record.session.view.devices).not.toEqual([]);
    const view = { ...record.session.view, inode: Number(namespace), devices: [device] };
    await machine.write(path, JSON.stringify({ ...record, session: { ...record.session, view } }), "600");
    await machine.sh("systemctl unmask --runtime guestd; systemctl start guestd");
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "leader-exited", processesKilled: 0, left: [] });
    expect(await alice.ask("echo here")).toBe("here");
    expect((await machine.run(["pgrep", "-fc", "sleep 4715"])).stdout.trim()).toBe("20");
    expect(await machine.sh("systemctl --failed --no-legend")).toBe("");
    await alice.logOut();
    await machine.sh("for i in $(seq 20); do systemctl stop svc$i; done; umount /mnt/again; rmdir /mnt/again");
  });
});
