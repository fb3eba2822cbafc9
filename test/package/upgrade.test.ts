// Sessions continue when a newer, the same or an older version takes over.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import {
  awaitNoSessions,
  awaitNothingLeft,
  awaitReceipt,
  listSessions,
  unexpectedLines,
  type GuestSession,
} from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import {
  allowTerminals,
  apt,
  logInMeanwhile,
  makeVersion,
  PACKAGE,
  packageStatus,
  preseed,
  runApt,
  saidByScripts,
} from "../helpers/package.ts";
import { mainPid } from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitUntil } from "../helpers/wait.ts";

describeMachine("another version of the package", (release) => {
  let machine: Machine;
  /** The first has a leased account, the second is the ghost itself. */
  let guests: readonly Terminal[];
  let before: readonly GuestSession[];

  beforeAll(async () => {
    machine = await Machine.boot(release, "dependencies");
    await preseed(machine, true);
    await apt(machine, "install", PACKAGE);
    await allowTerminals(machine);
    guests = [await machine.loginAsGhost(), await machine.sshSession("guest")];
    for (const guest of guests) await guest.ask("echo mine >~/mine");
  });
  beforeEach(async () => {
    before = await inOrder();
  });
  afterAll(async () => {
    await machine.stop();
  });

  const inOrder = async () => (await listSessions(machine)).sort((a, b) => a.id.localeCompare(b.id));

  /** The same sessions, unnoticed by guests and administrators. */
  async function expectSessionsGoOn(): Promise<void> {
    expect(await inOrder()).toEqual(before);
    expect(before.map(({ user }) => user).sort()).toEqual(["guest", expect.stringMatching(/^guest-/)]);
    for (const guest of guests) {
      expect(await guest.ask("cat ~/mine; echo $GUEST_SESSION")).toMatch(
        new RegExp(`^mine\n(${before.map(({ id }) => id).join("|")})$`),
      );
    }
    for (const { leader } of before) expect(await machine.sh(`cat /proc/${leader}/comm`)).toMatch(/^(login|sshd)/);
  }

  it.each([
    ["a newer one", "99.0", () => makeVersion(machine, "99.0"), "install"],
    ["the same one", "99.0", () => Promise.resolve("/root/guestd-99.0.deb"), "reinstall"],
    ["an older one", "0.0.1", () => makeVersion(machine, "0.0.1"), "install"],
  ] as const)("takes over open sessions: %s", async (_, version, make, verb) => {
    const archive = await make();
    const pid = await mainPid(machine);
    let output = "";
    const logins = await logInMeanwhile(machine, async () => {
      output = await apt(machine, verb, "--allow-downgrades", archive);
    });
    expect(saidByScripts(output)).toEqual([]);
    expect(await packageStatus(machine)).toBe(`${version} installed`);
    expect(logins).toMatchObject({ outs: 0 });
    expect(logins.ins).toBeGreaterThan(0);
    await expectSessionsGoOn();
    expect([pid, "0"]).not.toContain(await mainPid(machine));
    // The new version lets in a new guest.
    expect(await machine.ssh("guest", "id -un")).toMatchObject({ code: 0, stdout: "guest\n" });
    await waitUntil(
      "that login to end",
      () => inOrder(),
      (seen) => seen.length === before.length,
    );
  });

  it("is refused where it could not take over open sessions, and names them", async () => {
    const status = await packageStatus(machine);
    const archive = await makeVersion(
      machine,
      "99.1",
      "sed -i 's/^RECORD_VERSION=.*/RECORD_VERSION=1000/' DEBIAN/preinst",
    );
    const { code, stdout } = await runApt(machine, "install", archive);
    expect(code).toBe(100);
    const named = before.map(({ id }) => id).join(" ");
    expect(stdout).toContain(
      `guestd: this version cannot take over sessions that are open; when they have ended, try again. To end them: guestctl end ${named}\n`,
    );
    expect(await packageStatus(machine)).toBe(status);
    expect(await machine.sh("dpkg --verify guestd; dpkg --audit")).toBe("");
    await expectSessionsGoOn();
  });

  it("ends those sessions clean", async () => {
    for (const guest of guests) await guest.logOut();
    for (const { id } of before) expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "logout", left: [] });
    await awaitNoSessions(machine);
    // systemd 252 sometimes keeps an empty slice that it has read again.
    await machine.sh("if pgrep --uid 60000; then exit 1; fi; systemctl stop user-60000.slice");
    await awaitNothingLeft(machine);
  });

  it.each([
    ["off, though the installation was answered with yes", "disable", true, "refused"],
    ["on, though the installation was answered with no", "enable", false, "can log in"],
  ])("leaves the switch %s", async (_, verb, answer, said) => {
    await preseed(machine, answer);
    await machine.sh(`guestctl ${verb}`);
    for (const archive of ["/root/guestd-99.0.deb", "/root/guestd-0.0.1.deb"]) {
      await apt(machine, "install", "--allow-downgrades", archive);
      expect(await machine.sh("guestctl status")).toMatch(new RegExp(`^guests: +${said}`, "m"));
    }
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
