// Busy homes at the session's end, and processes that stand still. end.test.ts and attacks-cgroup.test.ts have more
// cases.
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { execute } from "../helpers/execute.ts";
import { awaitNoSessions, findPids, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { awaitReturn, expectOneReceipt, listRecords, mainPid } from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const QUIET = ">/dev/null 2>&1 </dev/null";

/** A traced process stops at once, so this waits for its program. */
const TRACED = "sleep 4711 & p=$!; until grep -q sleep /proc/$p/comm; do :; done; tracer $p";

/** Each line ends as `sleep 4711` that uses the home, or a file in it. */
const BUSY: Readonly<Record<string, string>> = {
  "an open file": `(exec 9>~/open; setsid sleep 4711 ${QUIET} &)`,
  "a file that is open and has no name": `(exec 9>~/open; rm ~/open; setsid sleep 4711 ${QUIET} &)`,
  "a working directory": `(mkdir ~/in && cd ~/in && setsid sleep 4711 ${QUIET} &)`,
  "a nested namespace that holds the home": `(setsid unshare -Urm sleep 4711 ${QUIET} &)`,
  "a working directory in a nested namespace": `(mkdir -p ~/in; setsid unshare -Urm sh -c 'cd ~/in; exec sleep 4711' ${QUIET} &)`,
  "a home bound elsewhere in a nested namespace": `(setsid unshare -Urm sh -c 'mount --rbind ~ /mnt; cd /mnt; exec sleep 4711' ${QUIET} &)`,
  "a namespace below a namespace below a namespace": `(setsid unshare -Urm unshare -Urm unshare -Urm sleep 4711 ${QUIET} &)`,
  "a FUSE mount that nobody serves, and a process that hangs in it": `(setsid unshare -Urm sh -c 'mkdir -p ~/fuse; exec 8<>/dev/fuse; mount -t fuse -o fd=8,rootmode=40000,user_id=0,group_id=0 hung ~/fuse || exit 1; (ls ~/fuse &); exec sleep 4711' ${QUIET} &)`,
  "a process that is traced": `(setsid sh -c '${TRACED} & wait' ${QUIET} &)`,
  "a process that traces, itself stopped": `(setsid sh -c '${TRACED} & t=$!; until grep -q "TracerPid:.$t" /proc/$p/status; do :; done; kill -STOP $t $$' ${QUIET} &)`,
};

const TYPES = [
  { type: "shared", logIn: (machine: Machine) => machine.login("guest1") },
  { type: "leased", logIn: (machine: Machine) => machine.loginAsGhost() },
] as const;

const ENDS = {
  "guestctl end": ({ id }) => `guestctl end ${id}`,
  "the death of the leader": ({ leader }) => `kill -KILL ${leader}`,
  "guestctl end after a restart of guestd": ({ id }) => `systemctl restart guestd; guestctl end ${id}`,
} as const satisfies Record<string, (session: { id: string; leader: number }) => string>;

describeMachine("a busy session", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    const built = await execute([
      "gcc",
      "-static",
      "-O1",
      "-o",
      `/tmp/tracer-${process.pid}`,
      `${import.meta.dirname}/attacks/tracer.c`,
    ]);
    expect(built).toMatchObject({ code: 0 });
    await machine.write("/usr/local/bin/tracer", readFileSync(`/tmp/tracer-${process.pid}`), "755");
    await execute(["rm", `/tmp/tracer-${process.pid}`]);
    // A container lacks /dev/fuse. A desktop gives all users access.
    await machine.sh("mknod -m 666 /dev/fuse c 10 229; guestctl status");
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await leftovers(machine)).toBe("");
    expect(await listRecords(machine)).toBe("");
    expect((await machine.snapshot()).namespaces.filter((names) => /sleep|bash|node|ls|tracer/.test(names))).toEqual(
      [],
    );
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe.each(TYPES)("of a $type account", ({ logIn }) => {
    async function start(command: string): Promise<{ guest: Terminal; id: string; leader: number }> {
      const guest = await logIn(machine);
      const id = await guest.ask("echo $GUEST_SESSION");
      await guest.ask(command);
      const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
      return { guest, id, leader };
    }

    it.each(Object.entries(BUSY))("ends completely with %s", async (what, command) => {
      const { guest, id } = await start(command);
      await waitUntil(
        "what keeps it busy",
        () => findPids(machine, "sleep 4711"),
        (seen) => seen.length > 0,
      );
      if (what.includes("FUSE"))
        await waitUntil(
          "a process that hangs",
          () => machine.run(["pgrep", "-x", "ls"]),
          (seen) => seen.code === 0,
        );
      if (what.includes("trace"))
        await waitFor("the tracer", () =>
          machine.sh("grep -l '^TracerPid:.[1-9]' /proc/[0-9]*/status 2>/dev/null || true"),
        );
      guest.send("exit 0\n");
      expect(await expectOneReceipt(machine, id)).toMatchObject({ left: [] });
      guest.hangUp();
    });

    describe.each(Object.entries(ENDS))("with a stopped leader ends by %s", (_, end) => {
      it("when its cgroup is frozen", async () => {
        const { guest, id, leader } = await start(`(setsid sleep 4711 ${QUIET} &)`);
        const directory = await machine.sh(
          `p=$(sed -n 's/^0:://p' /proc/${leader}/cgroup); r=/sys/fs/cgroup; [ -e $r/unified ] && r=$r/unified; echo $r$p`,
        );
        await machine.sh(`echo 1 >${directory}/cgroup.freeze`);
        await waitFor("it to be frozen", () => machine.sh(`grep '^frozen 1$' ${directory}/cgroup.events || true`));
        const before = await mainPid(machine);
        await machine.sh(end({ id, leader }));
        if (end({ id, leader }).includes("restart")) await awaitReturn(machine, before);
        expect(await expectOneReceipt(machine, id)).toMatchObject({ left: [] });
        guest.hangUp();
      });

      it("when it and all it has started are stopped", async () => {
        const { guest, id, leader } = await start(`(setsid sleep 4711 ${QUIET} &)`);
        await machine.sh(`kill -STOP ${leader} $(pgrep -f '^sleep 4711$')`);
        await machine.sh(end({ id, leader }));
        expect(await expectOneReceipt(machine, id)).toMatchObject({ left: [] });
        guest.hangUp();
      });
    });
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
