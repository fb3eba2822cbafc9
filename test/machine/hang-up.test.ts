// Guests lose their connection, and stop processes between it and the leader to stay: their sessions end within a
// minute.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitUntil } from "../helpers/wait.ts";

/** From the hang-up to the receipt. */
const LIMIT_MS = 60_000;
const TEST_LIMIT_MS = 2 * LIMIT_MS;
const DETACHED = (command: string) => `(setsid ${command} >/dev/null 2>&1 </dev/null &)`;
/** Ignores a hang-up. */
const STAY = `exec sh -c 'trap "" HUP TERM; while :; do sleep 1; done'`;

/** In some releases login and su end by themselves. */
const HUNG_UP = expect.stringMatching(/^(disconnected|leader-exited)$/) as string;

interface Way {
  readonly name: string;
  readonly logIn: (machine: Machine) => Promise<Terminal>;
  /** The guest's last input. */
  readonly trick: string;
}

const bySsh = (machine: Machine) => machine.sshSession("guest1");
const bySu = async (machine: Machine) => {
  const terminal = machine.terminal(["su", "-", "guest1"]);
  await terminal.prepareShell();
  return terminal;
};

const WAYS: readonly Way[] = [
  { name: "ssh, sshd stopped", logIn: bySsh, trick: "kill -STOP $PPID" },
  {
    name: "ssh, sshd stopped again and again by a process that is left",
    logIn: bySsh,
    trick: `${DETACHED(`sh -c "while :; do kill -STOP $PPID; done"`)}; ${STAY}`,
  },
  { name: "login at a terminal, no hang-up heard", logIn: (machine) => machine.login("guest1"), trick: STAY },
  { name: "login with a leased account, no hang-up heard", logIn: (machine) => machine.loginAsGhost(), trick: STAY },
  { name: "su at a terminal, no hang-up heard", logIn: bySu, trick: STAY },
];

describeMachine("a guest who hangs up", (release) => {
  let machine: Machine;
  const ids = new Map<string, string>();
  /** Open across a restart of guestd. */
  let restarted: string[];
  const there: Terminal[] = [];

  // All at once: guestd gives each half a minute.
  beforeAll(async () => {
    machine = await Machine.boot(release);
    const [ssh, su] = [await bySsh(machine), await bySu(machine)];
    const gone: Terminal[] = [ssh, su];
    restarted = await askForIds(gone);
    ssh.send("kill -STOP $PPID\n");
    su.send(`${STAY}\n`);
    await awaitTricks(1, 1);
    await machine.sh("systemctl restart guestd; while ! guestctl status; do :; done");
    for (const logIn of [bySsh, bySu]) there.push(await logIn(machine));
    for (const { name, logIn, trick } of WAYS) {
      const terminal = await logIn(machine);
      ids.set(name, await terminal.ask("echo $GUEST_SESSION"));
      terminal.send(`${trick}\n`);
      gone.push(terminal);
    }
    await awaitTricks(3, 5);
    for (const terminal of gone) terminal.hangUp();
  });
  afterAll(async () => {
    await machine.stop();
  });

  const askForIds = (terminals: readonly Terminal[]) =>
    Promise.all(terminals.map((terminal) => terminal.ask("echo $GUEST_SESSION")));

  /** Waits for stopped sshd, and shells that stay. */
  const awaitTricks = async (stopped: number, staying: number) => {
    const count = async (pattern: string) => {
      const { stdout } = await machine.run(["ps", "-eo", "stat=,args="]);
      return stdout.split("\n").filter((line) => new RegExp(pattern).test(line)).length;
    };
    await waitUntil(
      "sshd to be stopped",
      () => count("^T.*sshd"),
      (seen) => seen >= stopped,
    );
    await waitUntil(
      "shells that stay",
      () => count("trap .* HUP"),
      (seen) => seen >= staying,
    );
  };

  it.each(WAYS)(
    "has a session that ends within a minute: $name",
    async ({ name, logIn }) => {
      expect(await awaitReceipt(machine, ids.get(name) ?? "", LIMIT_MS)).toMatchObject({
        cause: logIn === bySsh ? "disconnected" : HUNG_UP,
        left: [],
      });
    },
    TEST_LIMIT_MS,
  );

  it(
    "has a session that ends across a restart of guestd, too",
    async () => {
      for (const id of restarted)
        expect(await awaitReceipt(machine, id, LIMIT_MS)).toMatchObject({ cause: HUNG_UP, left: [] });
    },
    TEST_LIMIT_MS,
  );

  it("does not affect the sessions of other guests", async () => {
    await expect.poll(async () => (await listSessions(machine)).length, { timeout: LIMIT_MS }).toBe(there.length);
    for (const terminal of there) {
      expect(await terminal.ask("echo alive")).toBe("alive");
      await terminal.logOut();
    }
    await awaitNoSessions(machine);
  });

  it(
    "has a session that ends though guestd was stopped: hung up before its next start, and after",
    async () => {
      const [before, after] = [await machine.login("guest1"), await machine.loginAsGhost()];
      const path = await before.ask("tty");
      const own = await askForIds([before, after]);
      for (const terminal of [before, after]) terminal.send(`${STAY}\n`);
      await awaitTricks(0, 2);
      await machine.sh("systemctl stop guestd");
      before.hangUp();
      await waitUntil(
        "its terminal to be closed",
        () => machine.run(["test", "-e", path]),
        (seen) => seen.code === 1,
      );
      await machine.sh("systemctl start guestd; while ! guestctl status; do :; done");
      after.hangUp();
      for (const id of own)
        expect(await awaitReceipt(machine, id, LIMIT_MS)).toMatchObject({ cause: HUNG_UP, left: [] });
    },
    TEST_LIMIT_MS,
  );

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
