// Limits apply only to guests. Only a machine with its own kernel shows that.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeFullMachine } from "../helpers/describe-full-machine.ts";
import type { FullMachine } from "../helpers/full-machine.ts";
import { listSessions, type GuestSession } from "../helpers/guests.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const MEMORY_MAX = 100;
const TASKS_MAX = 60;
const CONFIGURATION = "/etc/guestd/guestd.conf.d/limits.conf";
/** Emulation is slow, and the guest uses all resources. */
const ANSWER_LIMIT_MS = 60_000;

/** Endless memory in one process: a line that never ends. */
const MEMORY_HOG = "tail /dev/zero";
/** More than the guest's memory limit, but less than the size of the home. */
const HOME_HOG = "head -c 200M /dev/zero >~/hog";
/** Each starts two more and waits for them. A nested shell spares the one at the prompt. */
const FORK_BOMB = "(bomb() { bomb | bomb & }; bomb) 2>/dev/null";

/** Limits apply to the session's scope, or to the user's slice. */
const guests = [
  {
    sort: "of a shared account",
    login: (machine: FullMachine) => machine.sshSession("guest1"),
    unit: /session-\d+\.scope$/,
  },
  { sort: "of a leased account", login: (machine: FullMachine) => machine.loginAsGhost(), unit: /user-\d+\.slice$/ },
];

describeFullMachine("limits of guests on a full machine", (boot) => {
  let machine: FullMachine;
  let other: Terminal;

  beforeAll(async () => {
    machine = boot();
    const lines = ["[Limits]", `MemoryMax=${MEMORY_MAX}M`, `TasksMax=${TASKS_MAX}`];
    await machine.sh(`printf '%s\\n' ${lines.join(" ")} >${CONFIGURATION}; guestctl reload`);
    other = await machine.sshSession("guest2");
  });
  afterEach(async () => {
    for (const { id, user } of await listSessions(machine))
      if (user !== "guest2") await machine.run(["guestctl", "end", id]);
    // The next test should not wait for systemd to handle the fork bomb.
    await waitUntil(
      "systemd to have done its jobs",
      () => machine.sh("systemctl list-jobs"),
      (jobs) => jobs.startsWith("No jobs"),
      ANSWER_LIMIT_MS,
    );
  });
  afterAll(async () => {
    await other.logOut(ANSWER_LIMIT_MS);
    // A scope fails when the kernel kills its process.
    await machine.sh(`rm ${CONFIGURATION}; guestctl reload; systemctl reset-failed`);
  });

  async function awaitOthers(): Promise<GuestSession[]> {
    return waitUntil(
      "the guest's session to end",
      () => listSessions(machine),
      (sessions) => sessions.length === 1,
      ANSWER_LIMIT_MS,
    );
  }

  /** The cgroup of the shell, or one above it, that has the task limit. It may be set soon after the login. */
  async function findLimited(shell: Terminal): Promise<string> {
    const own = `/sys/fs/cgroup${(await shell.ask("cat /proc/self/cgroup", ANSWER_LIMIT_MS)).replace("0::", "")}`;
    const look = `path=${own}
      while [ -e $path/pids.max ]; do
        if [ "$(cat $path/pids.max)" = ${TASKS_MAX} ]; then echo $path; break; fi
        path=\${path%/*}
      done`;
    return waitFor("the limits to be set", () => machine.sh(look), ANSWER_LIMIT_MS);
  }

  async function expectNobodyHarmed(): Promise<void> {
    expect(await other.ask("id -un; touch ~/file && echo made", ANSWER_LIMIT_MS)).toBe("guest2\nmade");
    expect((await listSessions(machine)).map(({ user }) => user)).toContain("guest2");
    expect(await machine.sh("systemctl show -P NRestarts -P ActiveState guestd")).toBe("0\nactive");
  }

  it("apply: every controller is there, and the system is up", async () => {
    expect(await machine.sh("systemctl is-system-running")).toBe("running");
    const controllers = await machine.sh("cat /sys/fs/cgroup/user.slice/cgroup.controllers");
    expect(controllers.split(" ")).toEqual(expect.arrayContaining(["cpu", "memory", "pids"]));
  });

  describe.each(guests)("a guest $sort", ({ login, unit }) => {
    it("gets the configured limits, and ends clean", async () => {
      const shell = await login(machine);
      const limited = await findLimited(shell);
      expect(limited).toMatch(unit);
      expect(await machine.sh(`cat ${limited}/memory.max`)).toBe(String(MEMORY_MAX * 2 ** 20));
      const id = await shell.ask("echo $GUEST_SESSION");
      await shell.logOut(ANSWER_LIMIT_MS);
      await awaitOthers();
      const entry = await machine.sh(`journalctl --output=json GUEST_SESSION=${id} GUEST_ACTION=announce-closed`);
      expect(JSON.parse((JSON.parse(entry) as { GUEST_RECEIPT: string }).GUEST_RECEIPT)).toMatchObject({
        cause: "logout",
        left: [],
      });
    });

    it("loses the process that takes too much memory, and nothing else", async () => {
      const shell = await login(machine);
      expect(await shell.askStatus(MEMORY_HOG, ANSWER_LIMIT_MS)).toMatchObject({ code: 137 });
      expect(await shell.ask("echo here")).toBe("here");
      await expectNobodyHarmed();
    });

    it("cannot fill the machine's memory with files", async () => {
      const shell = await login(machine);
      const limited = await findLimited(shell);
      shell.send(`${HOME_HOG}\n`);
      // Files cannot be freed: the kernel kills the guest's processes, perhaps including the session's leader.
      await waitFor(
        "the kernel to stop it",
        async () =>
          machine.sh(`[ ! -d ${limited} ] || grep -q '^oom_kill [1-9]' ${limited}/memory.events && echo stopped`),
        ANSWER_LIMIT_MS,
      );
      await expectNobodyHarmed();
    });

    it("cannot exceed the number of processes, and a fork bomb can be ended", async () => {
      const shell = await login(machine);
      const limited = await findLimited(shell);
      const id = await shell.ask("echo $GUEST_SESSION");
      shell.send(`${FORK_BOMB}\n`);
      await waitFor(
        "the limit to be met",
        () => machine.sh(`grep -v '^max 0$' ${limited}/pids.events`),
        ANSWER_LIMIT_MS,
      );
      expect(Number(await machine.sh(`cat ${limited}/pids.current`))).toBeLessThanOrEqual(TASKS_MAX);
      await expectNobodyHarmed();
      expect(await machine.sh(`guestctl end ${id}`)).toContain("nothing is left");
      expect(await awaitOthers()).toMatchObject([{ user: "guest2" }]);
    });
  });
});
