// Guest logins are off until switched on. The switch survives all outages of guestd.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { injectFault } from "../helpers/fault.ts";
import { awaitNoSessions, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const REFUSAL_LIMIT_MS = 30_000;
const FILE = "/var/lib/guestd/switch.json";
const OFF = "Guest logins are switched off on this machine";
const NEVER = `${OFF}: they have not been switched on yet. Please ask the administrator of this machine.`;

describeMachine("the switch of guest logins", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  beforeEach(async () => {
    await machine.sh("guestctl enable");
  });
  afterEach(async ({ task }) => {
    // Cleans up after a failed test.
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** The ghost gets the sentence, and is not asked for a password. */
  async function refuseGhost(sentence: string): Promise<void> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    const [said] = await terminal.expect(/Password: |Guest logins [^\n]*(?=\n)/, REFUSAL_LIMIT_MS);
    terminal.hangUp();
    expect(said).toBe(sentence);
    expect(terminal.transcript).not.toMatch(/[$#] $/);
  }

  /** Not for alice and root. */
  async function expectOff(sentence: string): Promise<void> {
    await refuseGhost(sentence);
    for (const password of [false, true]) {
      const ssh = await machine.ssh("guest1", "echo in", { password, timeoutMs: REFUSAL_LIMIT_MS });
      expect(ssh.code, "ssh").not.toBe(0);
      expect(ssh.stdout).not.toContain("in\n");
    }
    const su = await machine.run(["su", "-", "guest1", "-c", "echo in"], { timeoutMs: REFUSAL_LIMIT_MS });
    expect(su.code, "su").not.toBe(0);
    expect(su.stdout).not.toContain("in\n");
    expect(su.stdout + su.stderr).toContain(sentence);
    expect(await machine.sh("guestctl explain guest")).toBe(`refused: ${sentence}`);
    expect(await machine.ssh("alice", "id -un")).toMatchObject({ code: 0, stdout: "alice\n" });
    expect(await machine.sh("su - alice -c 'id -un'")).toBe("alice");
    expect(await listSessions(machine)).toEqual([]);
  }

  async function expectOn(): Promise<void> {
    const ghost = await machine.loginAsGhost();
    expect(await ghost.ask("id -un")).toMatch(/^guest-/);
    await ghost.logOut();
    expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    await awaitNoSessions(machine);
  }

  it.each([
    ["that nobody has touched", "rm -f", NEVER],
    [
      "that cannot be read",
      "printf '{' >",
      `${OFF}: ${FILE} cannot be read. Please ask the administrator of this machine.`,
    ],
  ])("keeps only guests out when it is one %s", async (_, damage, sentence) => {
    await machine.sh(`systemctl stop guestd; ${damage} ${FILE}`);
    await expectOff(sentence);
    const status = await machine.sh("guestctl status");
    expect(status).toMatch(/^guests: +refused: they are switched off$/m);
    expect(status).toContain('"guestctl enable" lets guests log in.');
    expect(await machine.sh("guestctl enable")).toBe("Guests can log in.");
    await expectOn();
    expect(await machine.sh("guestctl status")).toMatch(/^guests: +can log in\nswitch: +on$/m);
  });

  it("shows a refused guest the reason, and can be on again", async () => {
    const reason = 'There is an "examination" until noon: 100% sure, Prüfung.';
    await machine.run(["guestctl", "disable", `--reason=${reason}`]).then((result) => {
      expect(result).toMatchObject({
        code: 0,
        stdout: `Guests are refused: guest logins are switched off: ${reason.replace(/\.$/, "")}.\n`,
      });
    });
    await expectOff(`${OFF}: ${reason} Please ask the administrator of this machine.`);
    await machine.sh("guestctl disable");
    await expectOff(`${OFF}. Please ask the administrator of this machine.`);
    await machine.sh("guestctl enable");
    await expectOn();
    const entries = await machine.journal("GUEST_ACTION=write-switch", "_SYSTEMD_UNIT=guestd.service");
    expect(entries.slice(-3).map((entry) => entry["MESSAGE"])).toEqual([
      `Switched guest logins off: ${reason}`,
      "Switched guest logins off.",
      "Switched guest logins on.",
    ]);
  });

  it.each([
    ["guestd is started anew", "systemctl restart guestd"],
    ["guestd is killed", "systemctl kill -s KILL guestd"],
    ["/run is emptied", "systemctl stop guestd; rm -rf /run/guestd /run/guestd-polkit"],
  ])("stays as it is when %s", async (_, command) => {
    await machine.sh(`guestctl disable --reason='No guests today.'; ${command}`);
    await expectOff(`${OFF}: No guests today. Please ask the administrator of this machine.`);
    await machine.sh(`guestctl enable; ${command}`);
    await expectOn();
  });

  it("leaves open sessions alone, and names them", async () => {
    const [ghost, guest] = await Promise.all([machine.loginAsGhost(), machine.login("guest1")]);
    const ids = (await listSessions(machine)).map(({ id }) => id);
    expect(await machine.sh("guestctl disable")).toBe(
      `Guests are refused: guest logins are switched off.\n2 sessions go on; "guestctl end ${ids.join(" ")}" ends them.`,
    );
    await refuseGhost(`${OFF}. Please ask the administrator of this machine.`);
    await machine.sh("systemctl restart guestd; guestctl status");
    expect((await listSessions(machine)).map(({ id, state }) => `${id} ${state}`).sort()).toEqual(
      ids.map((id) => `${id} open`).sort(),
    );
    expect(await ghost.ask("echo mine >~/mine; cat ~/mine; systemd-run --user --quiet --wait --pipe cat ~/mine")).toBe(
      "mine\nmine",
    );
    expect(await guest.ask("echo mine >~/mine; cat ~/mine")).toBe("mine");
    // Like a screen locker that runs as the guest.
    expect((await ghost.askStatus("pamtester vlock $(id -un) authenticate </dev/null")).code).toBe(0);
    await Promise.all([ghost.logOut(), guest.logOut()]);
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
  });

  it("does not change when it cannot be saved, and says so", async () => {
    await machine.sh("guestctl disable --reason='No guests today.'");
    const stop = await injectFault(machine, "fsync:when=1+:error=EIO");
    const enabled = await machine.run(["guestctl", "enable"]);
    await stop();
    expect(enabled.code).toBe(1);
    expect(enabled.stderr).toMatch(
      /^guestctl: The switch could not be written down, guest logins are off as before: .*EIO/,
    );
    await refuseGhost(`${OFF}: No guests today. Please ask the administrator of this machine.`);
    await machine.sh("systemctl restart guestd");
    await refuseGhost(`${OFF}: No guests today. Please ask the administrator of this machine.`);
  });

  it("is only for root, and takes no reason that would control a terminal", async () => {
    for (const user of ["alice", "guest1"]) expect((await machine.run(["guestctl", "disable"], { user })).code).toBe(1);
    const bad = await machine.run(["guestctl", "disable", "--reason=\u001b[2J"]);
    expect(bad).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "guestctl: The reason has a character that cannot be printed.\n",
    });
    await expectOn();
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [
      /Guest logins are switched off/,
      /Guests are refused until they are switched on or off again/,
      /Failed at write-switch/,
      /The switch could not be written down/,
      /(AllocateAccount|OpenSession): org\.guestd1\.Error\.Refused/,
    ];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
