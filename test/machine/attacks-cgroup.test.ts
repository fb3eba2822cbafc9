// Guests misuse systemd, logind and cgroups to stay, or to reach each other.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";

const LOGIND = "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager";

/**
 * Each line ends as `sleep 4711` in a cgroup that is hard to read. A guest owns the cgroups below their user manager.
 */
const CGROUPS: Readonly<Record<string, string>> = {
  "a threaded cgroup":
    "mkdir -p $U/x/y; echo threaded >$U/x/y/cgroup.type; echo $$ >$U/x/cgroup.procs; echo $$ >$U/x/y/cgroup.threads",
  "a tree as deep as it may be":
    "n=$(printf %0200d 0); d=$U; while mkdir $d/$n 2>/dev/null; do d=$d/$n; done; echo $$ >$d/cgroup.procs; mkdir $d/t && echo threaded >$d/t/cgroup.type && echo $$ >$d/t/cgroup.threads",
  "a tree as wide as it may be":
    "i=0; while mkdir $U/w$i 2>/dev/null; do i=$((i + 1)); done; echo $$ >$U/w0/cgroup.procs",
  "a frozen cgroup":
    "mkdir $U/f; echo $$ >$U/f/cgroup.procs; (sleep 4711 & wait) & while ! pgrep -x sleep; do :; done; echo 1 >$U/f/cgroup.freeze",
};

describeMachine("tricks of guests", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
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

  it.each(Object.keys(CGROUPS))("%s keeps no process alive", async (cgroup) => {
    const guest = await machine.loginAsGhost();
    const id = await guest.ask("echo $GUEST_SESSION");
    const script = `U=$(dirname $(dirname $(sed -n 's#^0::#/sys/fs/cgroup#p' /proc/self/cgroup))); [ -d $U ] || U=/sys/fs/cgroup/unified\${U#/sys/fs/cgroup}; ${CGROUPS[cgroup] ?? ""}; exec sleep 4711`;
    await guest.ask(`cat >~/trick <<'END'\n${script}\nEND`);
    await guest.ask("systemd-run --user --quiet sh ~/trick");
    await waitUntil(
      "the process in its cgroup",
      () => findPids(machine, "sleep 4711"),
      (seen) => seen.length > 0,
      20_000,
    );
    await guest.logOut();
    expect(await awaitReceipt(machine, id, 20_000)).toMatchObject({ left: [] });
  });

  it.each(["login", "ssh"])("a session by %s ends with its leader, which its guest cannot stop", async (way) => {
    const guest = way === "login" ? await machine.loginAsGhost() : await machine.sshSession("guest1");
    const [session] = await listSessions(machine);
    const logindSession = await guest.ask(
      "loginctl show-user $(id -u) -P Sessions --value 2>/dev/null || loginctl show-user $(id -u) -P Sessions",
    );
    for (const call of [`KillSession ssi ${logindSession.split(" ")[0] ?? ""} leader 19`, "KillUser ui $(id -u) 19"]) {
      expect((await guest.askStatus(`${LOGIND} ${call}`)).stdout).toMatch(/Access denied|rejected send message/);
    }
    expect(await machine.sh(`ps -o stat= -p ${session?.leader ?? 0}`)).not.toContain("T");
    guest.hangUp();
  });

  it("one session of an account cannot end another of the same account", async () => {
    const [one, two] = [await machine.sshSession("guest1"), await machine.sshSession("guest1")];
    const sessions = (await machine.sh("loginctl list-sessions --no-legend | awk '$3 == \"guest1\" {print $1}'")).split(
      "\n",
    );
    expect(sessions.length).toBeGreaterThanOrEqual(2);
    for (const name of sessions) {
      expect((await one.askStatus(`${LOGIND} TerminateSession s ${name}`)).stdout).toMatch(
        /Access denied|rejected send message/,
      );
      expect((await one.askStatus(`loginctl kill-session ${name}; loginctl terminate-user guest1`)).code).not.toBe(0);
    }
    expect(await two.ask("echo here")).toBe("here");
    await Promise.all([one.logOut(), two.logOut()]);
  });

  it("systemd tells no guest what /proc hides", async () => {
    const guest = await machine.sshSession("guest1");
    for (const unit of ["system.slice", "user.slice", "ssh.service"]) {
      const call = `busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager GetUnitProcesses s ${unit}`;
      expect((await guest.askStatus(call)).stdout).toMatch(/Access denied|rejected send message/);
    }
    await guest.logOut();
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
