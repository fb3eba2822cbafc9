// The whole fault table: guestd is killed before and after each effect of opening and of ending a session, and each effect
// fails with each plausible error. The effects are those of src/policy/stages.ts: a new one is in the table by itself.
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EffectKind } from "../../src/policy/effects.ts";
import { MESSAGE_IDS } from "../../src/policy/messages.ts";
import { ALLOCATING, ENDING, ENDING_LEASED, OPENING } from "../helpers/stages.ts";
import { installFaulty } from "../helpers/faults.ts";
import { awaitNoSessions, leftovers } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { releases, requireRoot } from "../helpers/root.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor } from "../helpers/wait.ts";

const LOGIND_LIMIT_MS = 20_000;
/** Of the range, and of nobody. */
const UID = 61183;
const KILLS = ["before kill", "after kill"] as const;
const ERRNOS = ["ENOSPC", "ENOMEM", "EPERM", "EBUSY", "EIO", "ETIMEDOUT"] as const;
/** Not done, with each error; and done, but for all that guestd knows not. */
const FAILURES = [...ERRNOS.map((errno) => `before ${errno}` as const), "after EIO"] as const;

/** The two sorts of sessions, and what opening and ending one does, in order; logind's scope of a shared one is limited beside that. */
const SORTS = {
  leased: [...new Set<EffectKind>([...ALLOCATING, ...OPENING, ...ENDING_LEASED])],
  shared: [...new Set<EffectKind>([...OPENING, "limit-login", ...ENDING])],
} as const;

/** What is done about a uid in quarantine. */
const QUARANTINE = ["sweep-uid", "release-uid"] as const satisfies EffectKind[];

/** Effects that are no stage of a session's way: each is named with where it is tested, or why it is not here. */
const ELSEWHERE: Partial<Record<EffectKind, string>> = {
  refuse: "answers a call: what does not arrive is a login refused by pam_guest itself (test/pam/outage.test.ts)",
  "note-close": "writes to the journal alone",
  "write-switch": "the switch (test/machine/switch.test.ts)",
};

/** Kills on both, all errors on one: what an error is called is no business of the release's. */
const tableOf = (release: string) => [...KILLS, ...(release === "trixie" ? FAILURES : [])];

describe.skipIf(!requireRoot("machine tests")).each(releases)("faults on %s", (release) => {
  let machine: Machine;
  let before: Snapshot;
  let host: string;
  let cases = 0;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await installFaulty(machine);
    // A login that is refused waits for three seconds: that is no part of what is tried here.
    await machine.sh("sed -i '/pam_faildelay/d' /etc/pam.d/login; echo 'FAIL_DELAY 0' >>/etc/login.defs");
    await machine.sh("guestctl status");
    host = await machine.sh("readlink /proc/1/ns/mnt");
    for (const sort of ["leased", "shared"] as const) await leave(await logIn(sort));
    await awaitNoSessions(machine);
    await machine.sh("mkdir -p /var/lib/guestd/quarantine");
    // logind forgets the user of a shared account some seconds after his last session.
    await waitFor("logind to forget guest1", () => list("/run/user").length === 0, LOGIND_LIMIT_MS);
    before = await machine.calmSnapshot();
  });
  afterAll(async () => {
    process.stdout.write(
      `${release}: ${SORTS.leased.length} + ${SORTS.shared.length} + ${QUARANTINE.length} effects x ${tableOf(release).length} faults = ${cases} cases\n`,
    );
    await machine.stop();
  });

  const logIn = (sort: keyof typeof SORTS) => (sort === "leased" ? machine.loginAsGhost() : machine.login("guest1"));

  async function leave(guest: Terminal): Promise<void> {
    // A login waits for nothing of guestd's: its own end is none of the session's.
    await guest.logOut();
  }

  /** What came of a login: the id of the session that it is in, or the sentence that it was refused with. */
  async function attempt(sort: keyof typeof SORTS): Promise<{ id: string; guest: Terminal } | { refused: string }> {
    const guest = await logIn(sort).catch((error: unknown) => String(error));
    if (typeof guest === "string") return { refused: guest };
    const [namespace, home, id = ""] = (
      await guest.ask("readlink /proc/self/ns/mnt; findmnt -n -o FSTYPE -T ~; echo $GUEST_SESSION")
    ).split("\n");
    expect(namespace, "a guest who is in is in a view").not.toBe(host);
    expect(home, "its home is in memory").toBe("tmpfs");
    return { id, guest };
  }

  // From outside, whatever guestd says: asking it would take longer than all else.
  const list = (path: string): string[] => readdirSync(`/proc/${machine.pid}/root${path}`);
  const receipt = (id: string) => `/proc/${machine.pid}/root/var/lib/guestd/receipts/${id}.json`;
  const PLACES = ["/run/guestd/sessions", "/var/lib/guestd/open", "/var/lib/guestd/quarantine", "/run/userdb"];

  async function expectNothing(): Promise<void> {
    await waitFor(
      "the session to be ended, and its uid to be free",
      () => PLACES.every((path) => list(path).length === 0),
      30_000,
    );
    let left = "";
    await waitFor("nothing to be left", async () => (left = await leftovers(machine)) === "", 20_000).catch(
      () => undefined,
    );
    expect(left).toBe("");
  }

  /** How often the journal has the receipt; it is kept as well, whatever became of telling others. */
  async function receiptsOf(id: string): Promise<number> {
    return (
      await machine.journal(
        `GUEST_SESSION=${id}`,
        "GUEST_ACTION=announce-closed",
        "GUEST_RESULT=done",
        "_SYSTEMD_UNIT=guestd.service",
      )
    ).length;
  }

  describe.each(Object.keys(SORTS) as (keyof typeof SORTS)[])("%s account", (sort) => {
    // What was answered cannot fail any more.
    const isPossible = (kind: EffectKind, fault: string) => kind !== "answer" || fault !== "after EIO";
    const rows = SORTS[sort].flatMap((kind) =>
      tableOf(release)
        .filter((fault) => isPossible(kind, fault))
        .map((fault) => ({ kind, fault })),
    );

    it.each(rows)("$fault at $kind: the guest is in or refused, and nothing is left", async ({ kind, fault }) => {
      cases++;
      const [when = "", what = ""] = fault.split(" ");
      await machine.write("/run/guestd-fault", `${when} ${kind} ${what}`);
      const result = await attempt(sort);
      if ("refused" in result) expect(result.refused).toMatch(/guest session|guest account|Guest sessions/i);
      else await leave(result.guest);
      await expectNothing();
      expect(await machine.sh("cat /run/guestd-fault 2>/dev/null || true"), "the fault was met").toBe("");
      if (!("id" in result)) return;
      const isKept = kind !== "write-receipt" || what === "kill" || when === "after";
      expect(existsSync(receipt(result.id)), "a receipt is kept").toBe(isKept);
      // Told once, also by two guestds.
      if (what === "kill" || !isKept) expect(await receiptsOf(result.id), "receipts in the journal").toBe(1);
    });

    it("leaves the machine as it was, after all of them", async () => {
      expect(await machine.snapshotLike(before, LOGIND_LIMIT_MS)).toEqual(before);
    });
  });

  describe("a uid that is kept back", () => {
    const rows = QUARANTINE.flatMap((kind) => tableOf(release).map((fault) => ({ kind, fault })));

    it.each(rows)("$fault at $kind: it is found clean all the same, and free", async ({ kind, fault }) => {
      cases++;
      const [when = "", what = ""] = fault.split(" ");
      const kept = JSON.stringify({ uid: UID, user: "guest-zzzz", session: "aaaaaaaaaa", reason: "files: /tmp/x" });
      await machine.write(`/var/lib/guestd/quarantine/${UID}`, kept, "600");
      await machine.write("/run/guestd-fault", `${when} ${kind} ${what}`);
      await machine.sh(`touch /tmp/x; chown ${UID} /tmp/x; systemctl restart guestd`);
      await expectNothing();
      expect(
        await machine.sh("ls /tmp/x /run/guestd-fault 2>/dev/null || true"),
        "the file is gone, the fault was met",
      ).toBe("");
    });
  });

  it("are tried at every effect that there is", () => {
    const known = new Set<string>([...SORTS.leased, ...SORTS.shared, ...QUARANTINE, ...Object.keys(ELSEWHERE)]);
    const isEffect = (action: string) => !/^(daemon|config|record-rejected|switch-rejected|orphan|call)/.test(action);
    expect(Object.keys(MESSAGE_IDS).filter((action) => isEffect(action) && !known.has(action))).toEqual([]);
  });
});
