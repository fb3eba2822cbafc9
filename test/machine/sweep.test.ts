// A leased account leaves one thing of each class of src/policy/receipt.ts. Each is found, reported and removed. Other
// users' files are unchanged.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { execute } from "../helpers/execute.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import type { LeasedGuest, Swept } from "../helpers/leases.ts";
import { awaitState, endLease, findOwned, foundIn, listLeases, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import { waitFor } from "../helpers/wait.ts";

const CONFIG = "/etc/guestd/guestd.conf.d/sweep.conf";

/** From leave-things: found, removed, left. */
const LEFT_THINGS = {
  ipc: [3, 3, 0],
  queues: [2, 2, 0],
  jobs: [2, 2, 0],
  linger: [1, 1, 0],
  mail: [2, 2, 0],
  media: [1, 1, 0],
  connections: [1, 1, 0],
  "print-jobs": [1, 1, 0],
  runtime: [4, 4, 0],
  home: [3, 3, 0],
  files: [23, 23, 0],
  coredumps: [2, 2, 0],
} as const;

const CLASSES = [
  "processes",
  "mounts",
  "open-files",
  "media",
  "connections",
  "pairings",
  "print-jobs",
  "ipc",
  "queues",
  "jobs",
  "linger",
  "mail",
  "runtime",
  "home",
  "files",
  "keys",
  "coredumps",
  "journal",
];

/** They hold a file of the home: a shell line that ends in `sleep 4711`, and its description in the receipt. */
const HOLDERS = {
  "a descriptor of root's": { line: "exec 9<HOME/file; exec sleep 4711", how: "descriptor" },
  "a descriptor that alice was given": {
    line: "exec 9<HOME/file; exec setpriv --reuid alice --regid alice --clear-groups sleep 4711",
    how: "descriptor",
  },
  "root's working directory": { line: "cd HOME; exec sleep 4711", how: "directory" },
  "a program that root runs": { line: "exec HOME/program 4711", how: "program" },
  "a descriptor of a file that has no name any more": {
    line: "exec 9<HOME/file; rm HOME/file; exec sleep 4711",
    how: "descriptor",
  },
} as const;

/** open_tree(2) in another process's namespace, move_mount(2) in this one. */
const CLONE_MOUNT = `use Fcntl; my ($pid, $from, $to) = @ARGV; my $empty = "";
open(my $here, "<", "/proc/self/ns/mnt") and open(my $there, "<", "/proc/$pid/ns/mnt") or die "open: $!";
syscall(308, fileno($there), 0x20000) == 0 or die "setns there: $!";
(my $tree = syscall(428, -100, $from, 1)) >= 0 or die "open_tree: $!";
syscall(308, fileno($here), 0x20000) == 0 or die "setns here: $!";
syscall(429, $tree, $empty, -100, $to, 4) == 0 or die "move_mount: $!";`;

describeMachine("the sweep", (release) => {
  let machine: Machine;
  let before: Snapshot;
  let others: string;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/root/leave-things", readFileSync(new URL("../helpers/leave-things", import.meta.url)), "755");
    await machine.write("/root/clone-mount", CLONE_MOUNT);
    await buildGive();
    // Otherwise logind removes the files in /dev/shm and the IPC objects first.
    await machine.write("/etc/systemd/logind.conf.d/test.conf", "[Login]\nRemoveIPC=no\n");
    await machine.sh("systemctl restart systemd-logind; /root/leave-things others");
    await endLease(machine, await startLease(machine));
    await awaitNoSessions(machine);
    before = await machine.calmSnapshot();
    others = await machine.sh("/root/leave-things look");
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await machine.sh(`systemctl stop holder 2>/dev/null || true; rm -f ${CONFIG}; guestctl reload`);
    await awaitNoSessions(machine);
    for (const { uid, state } of await listLeases(machine))
      if (state === "quarantined") await machine.run(["guestctl", "lease", "release", String(uid)]);
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function buildGive(): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "guestd-give-"));
    const built = await execute([
      "gcc",
      "-static",
      "-O1",
      "-pthread",
      "-o",
      join(directory, "give"),
      `${import.meta.dirname}/../native/give.c`,
    ]);
    expect(built).toMatchObject({ code: 0 });
    await machine.write("/usr/local/bin/give", readFileSync(join(directory, "give")), "755");
    rmSync(directory, { recursive: true });
  }

  async function configure(...lines: string[]): Promise<void> {
    await machine.write(CONFIG, `[Sweep]\n${lines.join("\n")}\n`);
    await machine.sh("guestctl reload");
  }

  /** A service of root's, in the machine's own namespaces. */
  async function startHolder(line: string, { home }: LeasedGuest): Promise<string> {
    const script = line.replaceAll("HOME", home);
    await machine.run([
      "systemd-run",
      "--quiet",
      "--collect",
      "--unit=holder",
      "--property=Type=exec",
      "sh",
      "-c",
      script,
    ]);
    const pid = await machine.sh("systemctl show -P MainPID holder");
    expect(Number(pid)).toBeGreaterThan(0);
    await waitFor(
      "it to hold what it is to hold",
      async () => !/^(sh|setpriv)$/.test(await machine.sh(`cat /proc/${pid}/comm`)),
    );
    return pid;
  }

  it.each([
    { how: "logs out", cause: "logout", leave: ({ terminal }: LeasedGuest) => terminal.logOut() },
    {
      how: "has its leader killed",
      cause: "leader-exited",
      leave: ({ leader }: LeasedGuest) => machine.sh(`kill -KILL ${leader}`),
    },
  ])("removes a thing of each class when the guest $how", async ({ cause, leave }) => {
    const guest = await startLease(machine);
    await machine.sh(`/root/leave-things guest ${guest.user} ${guest.uid}`);
    expect((await findOwned(machine, guest.uid)).split("\n").length).toBeGreaterThan(30);
    await leave(guest);
    const announced = (await awaitReceipt(machine, guest.id)) as Awaited<ReturnType<typeof endLease>>;
    await guest.terminal.end();

    expect(announced).toMatchObject({ cause, left: [] });
    expect(announced.swept.map(({ kind }) => kind).sort()).toEqual(CLASSES.toSorted());
    expect(foundIn(announced.swept)).toMatchObject(LEFT_THINGS);
    const kept = JSON.parse(await machine.sh(`guestctl receipt ${guest.id} --json`)) as {
      clean: boolean;
      swept: readonly Swept[];
    };
    expect(kept).toMatchObject({ clean: true, left: [], cause });
    expect(foundIn(kept.swept)).toEqual(foundIn(announced.swept));

    expect(await findOwned(machine, guest.uid)).toBe("");
    // The guest's directory is root's now. Only her file in it is hers.
    expect(await machine.sh("stat -c '%U %a' /var/tmp/deep/mixed; ls -A /var/tmp/deep /var/tmp/deep/mixed")).toBe(
      "root 700\n/var/tmp/deep:\nmixed\n\n/var/tmp/deep/mixed:\nhers",
    );
    await machine.sh("rm -r /var/tmp/deep/mixed");
    expect(await machine.sh("/root/leave-things look")).toBe(others);
    await awaitNoSessions(machine);
    expect(await machine.snapshotLike(before)).toEqual(before);
    await awaitState(machine, guest.uid, "rested");
  });

  it("names the process that keeps a stick busy, and unmounts it when that has closed it", async () => {
    const guest = await startLease(machine);
    const stick = `/media/${guest.user}/A STICK`;
    await machine.sh(`install -d -m 750 /media/${guest.user}; mkdir '${stick}'; mount -t tmpfs stick '${stick}'`);
    const seen = "findmnt --noheadings --output TARGET stick";
    expect(await guest.terminal.ask("grep -c 'A.040STICK' /proc/self/mountinfo")).toBe("1");
    const pid = await startHolder(`cd '${stick}'; exec sleep 4711`, guest);
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toContain(
      `media: ${stick} is still mounted: process ${pid} (sleep) holds a file of it (directory)`,
    );
    await awaitState(machine, guest.uid, "quarantined");
    expect(await machine.sh(seen)).toContain(guest.user);
    await machine.sh("systemctl stop holder");
    await awaitState(machine, guest.uid, "rested");
    expect(await machine.sh(`${seen}; ls -A /media`)).toBe("/media/alice/STICK\nalice");
  });

  it("leaves a core dump where so configured", async () => {
    await configure("Coredumps=keep");
    const guest = await startLease(machine);
    const dump = `/var/lib/systemd/coredump/core.sh.${guest.uid}.0123456789abcdef0123456789abcdef.42.1700000000000000.zst`;
    await machine.write(dump, "core");
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([]);
    expect(foundIn(receipt.swept)).toMatchObject({ coredumps: [1, 0, 0] });
    expect(await machine.sh(`cat ${dump}; rm ${dump}`)).toBe("core");
  });

  it("searches the configured paths, and crosses no mount", async () => {
    await configure("Paths=", "Paths=/srv/scratch -/srv/missing");
    await machine.sh("mkdir -p /srv/scratch/mounted; mount -t tmpfs tmpfs /srv/scratch/mounted");
    const guest = await startLease(machine);
    const files = ["/srv/scratch/file", "/srv/scratch/mounted/file", "/tmp/file"];
    await machine.sh(`touch ${files.join(" ")}; chown ${guest.uid} ${files.join(" ")}`);
    const receipt = await endLease(machine, guest);
    // A view's private directories are searched whatever Paths= says.
    expect(foundIn(receipt.swept)["files"]).toEqual([2, 2, 0]);
    expect(await findOwned(machine, guest.uid)).toBe("/srv/scratch/mounted/file");
    await machine.sh("umount /srv/scratch/mounted; rm -r /srv/scratch");
  });

  it.each(Object.entries(HOLDERS))("names %s that holds a file of the home", async (_, { line, how }) => {
    const guest = await startLease(machine);
    await guest.terminal.ask("echo mine >~/file; cp /bin/sleep ~/program");
    const pid = await startHolder(line, guest);
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([
      expect.stringMatching(new RegExp(`^open-files: .*${pid}.* holds a file of it \\(${how}\\)$`)),
    ]);
    expect(foundIn(receipt.swept)["open-files"]).toEqual([1, 0, 1]);

    const { code, stdout } = await machine.run(["guestctl", "receipt", guest.id, "--json"]);
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { clean: false, left: receipt.left }]);
    const failed = JSON.parse(await machine.sh("guestctl receipts --failed --json")) as { id: string }[];
    expect(failed[0]?.id).toBe(guest.id);
    await awaitState(machine, guest.uid, "quarantined");
    // Only root may end it.
    expect(await machine.sh("systemctl show -P MainPID holder")).toBe(pid);
  });

  it("names a copy of the home's mount on the machine, which is empty", async () => {
    const guest = await startLease(machine);
    await machine.sh(
      `mkdir -p /mnt/copy; perl /root/clone-mount ${guest.leader} /home/${guest.user} /mnt/copy; touch /mnt/copy/there`,
    );
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual(
      expect.arrayContaining([expect.stringMatching(/^mounts: .* has \/mnt\/copy mounted$/)]),
    );
    expect(foundIn(receipt.swept)["mounts"]?.[2]).toBeGreaterThan(0);
    await awaitState(machine, guest.uid, "quarantined");
    expect(await machine.sh("ls -A /mnt/copy; umount /mnt/copy; rmdir /mnt/copy")).toBe("");
  });

  it("names another user who has the home mounted in their own namespace", async () => {
    const guest = await startLease(machine);
    const pid = await startHolder(
      `exec unshare --mount --propagation private sh -c 'mkdir -p /mnt/copy; perl /root/clone-mount ${guest.leader} /home/${guest.user} /mnt/copy
      exec setpriv --reuid alice --regid alice --clear-groups sleep 4711'`,
      guest,
    );
    await waitFor("her program", () => machine.sh(`grep -q sleep /proc/${pid}/comm && echo there`));
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([`mounts: process ${pid} (sleep) has /mnt/copy mounted`]);
    await awaitState(machine, guest.uid, "quarantined");
  });

  it.each([
    [
      "a mount namespace",
      "unshare -Urm sh -c 'mount -t tmpfs x /mnt; echo secret >/mnt/secret; exec sleep 4712'",
      "mnt",
    ],
    ["an IPC namespace", "unshare -Uri sh -c 'ipcmk --shmem 4096; exec sleep 4712'", "ipc"],
  ])("names another user who has %s created by the guest", async (_, line, kind) => {
    const guest = await startLease(machine);
    await guest.terminal.ask(`(setsid ${line} >/dev/null 2>&1 </dev/null &)`);
    await waitFor("the guest's program", () => machine.sh("pgrep -f '^sleep 4712$'"));
    const pid = await startHolder(
      `exec 9</proc/$(pgrep -f '^sleep 4712$')/ns/${kind}; exec setpriv --reuid alice --regid alice --clear-groups sleep 4711`,
      guest,
    );
    await waitFor("her program", () => machine.sh(`grep -q sleep /proc/${pid}/comm && echo there`));
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([`open-files: process ${pid} (sleep) holds a namespace of it (namespace)`]);
    await awaitState(machine, guest.uid, "quarantined");
  });

  it("names another user who has the guest's connection to the bus, which would be the next guest's", async () => {
    const guest = await startLease(machine);
    const pid = await startHolder(`exec give ${guest.uid} bus`, guest);
    await waitFor("the connection", () => machine.sh(`journalctl -q --output=cat _PID=${pid} | grep -x ready`));
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([`open-files: process ${pid} (give) holds a file of it (descriptor)`]);
    await awaitState(machine, guest.uid, "quarantined");
  });

  it("ends what root runs in a copy of the view", async () => {
    const guest = await startLease(machine);
    await machine.run([
      "systemd-run",
      "--quiet",
      "--collect",
      "--unit=holder",
      "--property=Type=exec",
      "nsenter",
      `--target=${guest.leader}`,
      "--mount",
      "unshare",
      "--mount",
      "sleep",
      "4711",
    ]);
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([]);
    expect((await machine.run(["pgrep", "-f", "sleep 4711$"])).stdout).toBe("");
  });

  describe("when logind's program that unmounts /run/user/UID is killed, as by a memory limit,", () => {
    const DROP_IN = "/run/systemd/system/user-runtime-dir@.service.d/killed.conf";

    beforeAll(async () => {
      await machine.write(DROP_IN, "[Service]\nExecStop=\n");
      await machine.sh("systemctl daemon-reload");
    });
    afterAll(async () => {
      await machine.sh(`rm -r ${DROP_IN.replace("/killed.conf", "")}; systemctl daemon-reload`);
    });

    it("removes the directory itself, with its contents", async () => {
      const guest = await startLease(machine);
      await guest.terminal.ask("echo secret >$XDG_RUNTIME_DIR/diary");
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([]);
      expect(foundIn(receipt.swept)["runtime"]).toEqual([1, 1, 0]);
      expect(
        await machine.sh(
          `ls -d /run/user/${guest.uid} 2>/dev/null || grep /run/user/${guest.uid} /proc/mounts || true`,
        ),
      ).toBe("");
      await awaitState(machine, guest.uid, "rested");
    });

    it("names the directory while a process is in it, and removes it later", async () => {
      const guest = await startLease(machine);
      await startHolder(`cd /run/user/${guest.uid}; exec sleep 4711`, guest);
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toContain(`runtime: /run/user/${guest.uid} is still there: EBUSY`);
      await awaitState(machine, guest.uid, "quarantined");
      await machine.sh("systemctl stop holder");
      await awaitState(machine, guest.uid, "rested");
    });
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [/is not quarantined/, /^Closed session .*: left (open-files|mounts): /, /holds a file of it/];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
    expect(await machine.sh("/root/leave-things look")).toBe(others);
  });
});
