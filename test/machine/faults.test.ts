// guestd fails, hangs and is killed at each effect of a login. The effects are the policy's own
// (test/helpers/fault-table.ts).
import { existsSync, readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { rowOf } from "../../src/policy/effects.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { describeRow, rowsFor, TABLE, toldOf, type Row, type Way } from "../helpers/fault-table.ts";
import { awaitFault, clearFault, installFaulty, killDaemon, setFault } from "../helpers/faults.ts";
import { askForRows, awaitNoSessions, awaitNothingLeft } from "../helpers/guests.ts";
import type { Lease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor } from "../helpers/wait.ts";

const LOGIND_LIMIT_MS = 20_000;
const HOOK_LIMIT_MS = 60_000;
/** In the range, and free. */
const UID = 98303;
const TYPES = ["leased", "shared"] as const;
type Type = (typeof TYPES)[number];

const isFailure = ({ fault }: Row) => fault === "before" || fault === "after";

const isFatal = (row: Row) => isFailure(row) && rowOf(row.kind).fails === "end";

/** guestd repeats it, even if nothing on the disk is left to do. */
const isDoneAgain = (row: Row) => isFailure(row) && rowOf(row.kind).fails === "retry";

/** Leaves the login to other modules. No session knows the call, to refuse it. */
const isUntold = ({ way, kind, nth }: Row) => way === "shared" && kind === "answer" && nth === 1;

describeMachine("faults of guestd", (release) => {
  let machine: Machine;
  let before: Snapshot;
  let host: string;
  const rows = rowsFor(release);
  const struck = new Set<Row>();

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await installFaulty(machine);
    await setSwitch();
    host = await machine.sh("readlink /proc/1/ns/mnt");
    for (const type of TYPES) await leave(await logIn(type));
    await awaitNoSessions(machine);
    await machine.sh("mkdir -p /var/lib/guestd/quarantine");
    // logind forgets a user some seconds after the last session.
    await waitFor("logind to forget guest1", () => list("/run/user").length === 0, LOGIND_LIMIT_MS);
    before = await machine.calmSnapshot();
  });
  afterAll(async () => {
    await machine.stop();
  });

  // A failed case must not affect the next one.
  afterEach(async () => {
    if (isTidy()) return;
    clearFault(machine);
    // A hanging effect blocks the session's end.
    await machine.sh("systemctl kill --signal=KILL guestd || true; systemctl restart guestd");
    for (const id of sessionsLeft()) await machine.run(["guestctl", "end", id]);
    for (const uid of list(QUARANTINE)) await machine.run(["guestctl", "lease", "release", uid]);
    await waitFor("the machine to be tidy again", isTidy, 20_000);
  }, HOOK_LIMIT_MS);

  const logIn = (type: Type) => (type === "leased" ? machine.loginAsGhost() : machine.login("guest1"));

  async function leave(guest: Terminal): Promise<void> {
    // login does not wait for guestd's end of the session.
    await guest.logOut();
  }

  /** Expects that the guest is still in the view. */
  async function leaveView(guest: Terminal): Promise<void> {
    expect(await guest.ask("readlink /proc/self/ns/mnt"), "the guest is in the view still").not.toBe(host);
    await leave(guest);
  }

  /** The session's id, or the sentence of the refusal. */
  async function attempt(type: Type): Promise<{ id: string; guest: Terminal } | { refused: string }> {
    const guest = await logIn(type).catch((error: unknown) => String(error));
    if (typeof guest === "string") return { refused: guest };
    const [namespace, home, id = ""] = (
      await guest.ask("readlink /proc/self/ns/mnt; findmnt -n -o FSTYPE -T ~; echo $GUEST_SESSION")
    ).split("\n");
    expect(namespace, "a guest who is in is in a view").not.toBe(host);
    expect(home, "its home is in memory").toBe("tmpfs");
    return { id, guest };
  }

  // Read from outside: calling guestd is slow.
  const list = (path: string): string[] => readdirSync(`/proc/${machine.pid}/root${path}`);
  const isReceiptKept = (id: string) =>
    ["clean", "dirty"].some((place) =>
      existsSync(`/proc/${machine.pid}/root/var/lib/guestd/receipts/${place}/${id}.json`),
    );
  const RECORDS = "/run/guestd/sessions";
  const QUARANTINE = "/var/lib/guestd/quarantine";
  const PATHS = [RECORDS, "/var/lib/guestd/open", QUARANTINE, "/run/userdb"];
  const isTidy = () => PATHS.every((path) => list(path).length === 0);
  const sessionsLeft = () => list(RECORDS).map((name) => name.replace(/\.json.*/, ""));

  async function expectNothing(row?: Row): Promise<void> {
    await waitFor("the session to be ended, and its uid to be free", isTidy, 30_000);
    if (row !== undefined && isDoneAgain(row)) await awaitDoneAgain();
    await awaitNothingLeft(machine);
  }

  /** Otherwise the next fault would hit a retry of this effect. */
  async function awaitDoneAgain(): Promise<void> {
    await awaitNoSessions(machine);
    const isFree = async () =>
      (await askForRows<Lease>(machine, "ListLeases")).every(({ state }) => state !== "quarantined");
    await waitFor("guestd to know that no uid is quarantined", isFree, 20_000);
  }

  /** An effect that belongs to no session. */
  const setSwitch = () => machine.sh('busctl call org.guestd1 /org/guestd1 org.guestd1.Manager SetEnabled bs true ""');

  /** A hang blocks no other session. The next guestd continues. */
  async function expectStruck(row: Row): Promise<void> {
    await awaitFault(machine);
    struck.add(row);
    if (row.fault !== "hang") return;
    await setSwitch();
    await killDaemon(machine);
  }

  /** Stored, and announced once, even by two guestds. */
  async function expectReceipt(id: string, row: Row): Promise<void> {
    const isKept = row.kind !== "write-receipt" || row.fault !== "before";
    expect(isReceiptKept(id), "a receipt is kept").toBe(isKept);
    if (isFailure(row) && isKept) return;
    const told = await machine.journal(
      `GUEST_SESSION=${id}`,
      "GUEST_ACTION=announce-closed",
      "GUEST_RESULT=done",
      "_SYSTEMD_UNIT=guestd.service",
    );
    expect(told, "receipts in the journal").toHaveLength(1);
  }

  /** In order, since boot. */
  async function effectsDone(): Promise<(string | undefined)[]> {
    const entries = await machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_RESULT=done");
    return entries.map((entry) => entry["GUEST_ACTION"]);
  }

  const rowsOf = (way: Way) => rows.filter((row) => row.way === way).map((row) => ({ row, name: describeRow(row) }));

  describe.each(TYPES)("%s account", (type) => {
    it("the effects of a login are those of the table", async () => {
      const { start, end } = toldOf(type);
      const earlier = (await effectsDone()).length;
      const guest = await logIn(type);
      await expect.poll(async () => (await effectsDone()).slice(earlier)).toEqual(start);
      await leave(guest);
      await expectNothing();
      expect((await effectsDone()).slice(earlier)).toEqual([...start, ...end]);
    });

    it.each(rowsOf(type))("$name: the guest is in or refused, and nothing is left", async ({ row, name }) => {
      setFault(machine, name);
      const result = await attempt(type);
      if ("refused" in result) {
        expect(result.refused).toMatch(/guest session|guest account|Guest sessions/i);
        if (isFailure(row) && !isUntold(row)) expect(result.refused, "it is told at once").not.toMatch(/ in time/);
        expect(row.isOfEnd, `a login is refused only by what is done for it: ${result.refused}`).toBe(false);
      } else {
        if (!row.isOfEnd) await awaitFault(machine);
        await leave(result.guest);
      }
      await expectStruck(row);
      await expectNothing(row);
      if ("id" in result) await expectReceipt(result.id, row);
    });

    it.each(rowsOf(`${type}, taken up`))(
      "$name of the next guestd: the session continues or ends",
      async ({ row, name }) => {
        const result = await attempt(type);
        if ("refused" in result) throw new Error(result.refused);
        setFault(machine, name);
        await killDaemon(machine);
        await expectStruck(row);
        if (isFatal(row)) await result.guest.end();
        else await leaveView(result.guest);
        await expectNothing(row);
        await expectReceipt(result.id, row);
      },
    );

    it("the machine is unchanged after all of them", async () => {
      expect(await machine.snapshotLike(before, LOGIND_LIMIT_MS)).toEqual(before);
    });
  });

  describe("a quarantined UID", () => {
    it.each(rowsOf("quarantined"))("$name: it is still found clean, and free", async ({ row, name }) => {
      const kept = JSON.stringify({ uid: UID, user: "guest-zzzz", session: "aaaaaaaaaa", reason: "files: /tmp/x" });
      await machine.write(`/var/lib/guestd/quarantine/${UID}`, kept, "600");
      setFault(machine, name);
      await machine.sh(`touch /tmp/x; chown ${UID} /tmp/x; systemctl restart guestd`);
      await expectStruck(row);
      await expectNothing(row);
      expect(await machine.sh("ls /tmp/x 2>/dev/null || true"), "the file is gone").toBe("");
    });
  });

  it("all faults have happened", () => {
    expect(rows.filter((row) => !struck.has(row)).map(describeRow)).toEqual([]);
    const count = (part: readonly Row[], type: string) => part.filter(({ way }) => way.startsWith(type)).length;
    const counts = [...TYPES, "quarantined"].map(
      (type) => `${type} ${count([...struck], type)} of ${count(TABLE, type)}`,
    );
    process.stdout.write(`faults on ${release}, (effect, occurrence, fault): ${counts.join(", ")}\n`);
  });
});
