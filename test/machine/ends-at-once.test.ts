// Many sessions end at once: guestd survives, other users log in, and each session has its receipt.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { findDaemon } from "../helpers/fault.ts";
import { awaitNoSessions, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { answers } from "../helpers/recovery.ts";
import { waitFor } from "../helpers/wait.ts";
import { times } from "../helpers/walk.ts";

const SESSIONS = times(1000, 120);
/** Concurrent logins. More would delay each other, and pam_guest waits 5 s at most. */
const AT_A_TIME = 2;
const OPEN_LIMIT_MS = SESSIONS * 600;
const END_LIMIT_MS = 60_000 + SESSIONS * 300;

/** systemd is busy: a login that waits too long is refused, and a later one gets in. */
const KEPT_WAITING =
  /systemd1 does not answer StartTransientUnit|could not be started|OpenSession: Connection timed out/;

/** Opens sessions of three accounts, by number. Prints each that does not open. */
const OPEN = `
mkfifo /run/opened; exec 3<>/run/opened; rm /run/opened
for number in $(seq "$1"); do
  setsid su -l "guest$((number % 3 + 1))" -c 'echo open; exec sleep 86400' </dev/null >&3 2>&1 &
  if [ "$number" -gt "$2" ]; then read -r said <&3; [ "$said" = open ] || echo "$said"; fi
done
for number in $(seq "$2"); do read -r said <&3; [ "$said" = open ] || echo "$said"; done
`;

describeMachine("sessions that end together", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write(
      "/etc/guestd/guestd.conf.d/many.conf",
      "[Guests]\nMaxSessionsPerUser=\n[Daemon]\nKeepReceipts=10000\n",
    );
    await machine.sh("guestctl reload");
    await machine.write("/root/open", OPEN);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await machine.sh("systemctl restart guestd");
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function open(): Promise<readonly string[]> {
    expect(await machine.sh(`bash /root/open ${SESSIONS} ${AT_A_TIME}`, { timeoutMs: OPEN_LIMIT_MS })).toBe("");
    const sessions = await listSessions(machine);
    expect(sessions).toHaveLength(SESSIONS);
    await machine.write("/root/leaders", sessions.map(({ leader }) => leader).join("\n"));
    return sessions.map(({ id }) => id);
  }

  const endAll = () => machine.sh("xargs kill -KILL </root/leaders");

  async function logIn(): Promise<void> {
    // Logins wait for systemd and logind, which also end all these sessions.
    for (const user of ["guest4", "alice"]) {
      const { code, stdout, stderr } = await machine.run(["su", "-l", user, "-c", "id -un"], {
        timeoutMs: END_LIMIT_MS,
      });
      expect(`${code} ${stdout}${stderr}`).toBe(`0 ${user}\n`);
    }
  }

  /** Each was announced once, and left nothing. */
  async function expectReceipts(ids: readonly string[]): Promise<void> {
    const told = await machine.journal("GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service");
    const receipts = told.map((entry) => JSON.parse(entry["GUEST_RECEIPT"] ?? "{}") as { id: string; left: string[] });
    const theirs = receipts.filter(({ id }) => ids.includes(id));
    expect(theirs.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(theirs.filter(({ left }) => left.length > 0)).toEqual([]);
  }

  it(
    `all end (${SESSIONS}), and logins in between are served`,
    { timeout: OPEN_LIMIT_MS + 2 * END_LIMIT_MS },
    async () => {
      const ids = await open();
      const daemon = findDaemon(machine);
      await endAll();
      const isOver = async () => {
        await logIn();
        return (await listSessions(machine)).filter(({ id }) => ids.includes(id)).length === 0;
      };
      await expect.poll(isOver, { timeout: END_LIMIT_MS }).toBe(true);
      await awaitNoSessions(machine, END_LIMIT_MS);
      // The watchdog has not killed it.
      expect(findDaemon(machine)).toBe(daemon);
      await expectReceipts(ids);
      expect(await unexpectedLines(machine, KEPT_WAITING)).toEqual([]);
    },
  );

  it(
    `all end (${SESSIONS}) though guestd is killed in the middle`,
    { timeout: OPEN_LIMIT_MS + 2 * END_LIMIT_MS },
    async () => {
      const ids = await open();
      const daemon = findDaemon(machine) ?? 0;
      await endAll();
      const count = async () => (await listSessions(machine)).length;
      await expect.poll(count, { timeout: END_LIMIT_MS, interval: 1 }).toBeLessThan(SESSIONS);
      process.kill(daemon, "SIGKILL");
      const isBack = async () => ![undefined, daemon].includes(findDaemon(machine)) && (await answers(machine));
      await waitFor("guestd to be back", isBack, END_LIMIT_MS);
      await waitFor("logins to be served", () => logIn().then(() => true), END_LIMIT_MS);
      await awaitNoSessions(machine, END_LIMIT_MS);
      await expectReceipts(ids);
      expect(await unexpectedLines(machine, KEPT_WAITING)).toEqual([]);
    },
  );

  it("of one account are limited by MaxSessionsPerUser=, and other accounts are not affected", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/many.conf", "[Guests]\nMaxSessionsPerUser=2\n");
    await machine.sh("guestctl reload");
    const guests = [await machine.login("guest1"), await machine.login("guest1")];
    const { code, stdout, stderr } = await machine.ssh("guest1", "id -un");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("guest1 has as many sessions as this machine allows.");
    expect(await machine.sh("guestctl explain guest1")).toMatch(/^refused: guest1 has as many sessions/);
    expect(await machine.sh("guestctl status")).toContain(
      "guest1 has as many sessions as MaxSessionsPerUser= allows (2)",
    );
    await logIn();
    for (const guest of guests) await guest.logOut();
    await awaitNoSessions(machine);
    expect((await machine.ssh("guest1", "id -un")).stdout).toBe("guest1\n");
    await awaitNoSessions(machine);
    expect(
      await unexpectedLines(machine, new RegExp(`${KEPT_WAITING.source}|as many sessions as this machine allows`)),
    ).toEqual([]);
  });
});
