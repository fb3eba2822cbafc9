// Other users' files must not delay ends or logins, and UIDs become free again. Files that a guest hid with their help
// are found before the UID is leased again.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { awaitState, endLease, findOwned, listLeases, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const STRANGER = 54321;
/** Empty directories: more than an end looks at. */
const MANY = 50_000;
const QUARANTINE = "/var/lib/guestd/quarantine";
/** Quarantined at startup. */
const UIDS = Array.from({ length: 150 }, (_, index) => 70_000 + index);

describeMachine("other users of the machine", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const as = (uid: number, script: string) =>
    machine.sh(`cd /var/tmp && setpriv --reuid=${uid} --regid=${uid} --clear-groups sh -euc '${script}'`);
  const receiptOf = async (id: string) =>
    JSON.parse((await machine.run(["guestctl", "receipt", id, "--json"])).stdout) as Readonly<Record<string, unknown>>;

  /** Saves a UID while guestd is down. If its last session is unknown, an administrator must release it. */
  const putInto = (entry: { readonly uid: number; readonly waits?: boolean }) =>
    machine.write(
      `${QUARANTINE}/${entry.uid}`,
      JSON.stringify({ reason: "test", user: "guest-aaaa", session: "aaaaaaaaaa", ...entry }),
    );

  it(
    "make no end longer and no receipt unclean, with any number of directories; UIDs are free again",
    { timeout: 240_000 },
    async () => {
      await as(
        STRANGER,
        `umask 077; mkdir many; perl -e "mkdir qq{many/\\$_} or die for 1..${MANY}; mkdir qq{d\\$_} or die for 1..15000; mkdir q{deep}; chdir q{deep}; for (1..1500) { mkdir q{d} or die; chdir q{d} or die }"`,
      );
      const guest = await startLease(machine);
      expect(await endLease(machine, guest)).toMatchObject({ left: [], unseen: ["/var/tmp"] });
      await awaitNoSessions(machine);
      await awaitState(machine, guest.uid, "rested", 120_000);
      expect(await receiptOf(guest.id)).toMatchObject({
        clean: true,
        unseen: [],
        cleared: expect.any(Number) as number,
      });
      expect(Number((await receiptOf(guest.id))["cleared"])).toBeGreaterThan(0);
      expect(await machine.sh(`ls /var/tmp/many | wc -l; ls ${QUARANTINE}`)).toBe(String(MANY));
      await machine.sh(
        "rm -rf --one-file-system /var/tmp/many /var/tmp/deep; cd /var/tmp; ls | grep ^d | xargs rm -rf",
      );
    },
  );

  it(
    "cannot help a guest leave a program for the next one with the UID: it is found before, and reported in the receipt",
    { timeout: 240_000 },
    async () => {
      await as(STRANGER, "mkdir -m 777 den");
      const guest = await startLease(machine);
      await as(guest.uid, "mkdir den/d; cp /bin/true den/d/program; chmod 4755 den/d/program");
      await as(STRANGER, "chmod 700 den");
      expect(await endLease(machine, guest)).toMatchObject({ left: [], unseen: ["/var/tmp"] });
      await waitUntil(
        "the walk to have found it",
        () => findOwned(machine, guest.uid),
        (seen) => seen === "",
        60_000,
      );
      await awaitState(machine, guest.uid, "rested", 120_000);
      const receipt = await receiptOf(guest.id);
      expect(receipt).toMatchObject({
        clean: false,
        left: [],
        unseen: [],
        found_later: ["files: 2 files were found later, and taken away"],
      });
      expect(Number(receipt["cleared"])).toBeGreaterThan(0);
      expect(await machine.sh(`guestctl receipts | grep ${guest.id}`)).toMatch(/later$/);
      expect(await machine.sh("guestctl receipts --failed")).not.toContain(guest.id);
    },
  );

  it("keep no UID quarantined forever when guestd is killed", { timeout: 240_000 }, async () => {
    const [uid = 0] = UIDS;
    await machine.sh("systemctl stop guestd");
    await putInto({ uid, waits: true });
    await machine.sh("guestctl status; systemctl kill --signal=KILL guestd; while ! guestctl status; do :; done");
    await awaitState(machine, uid, "rested", 60_000);
  });

  it("whose files quarantine 150 UIDs block no login when guestd starts", { timeout: 240_000 }, async () => {
    await machine.sh("systemctl stop guestd");
    await Promise.all(UIDS.map((uid) => putInto({ uid })));
    const guest = await startLease(machine);
    const looks = (await machine.journal("GUEST_ACTION=sweep-uid")).length;
    expect(looks).toBeLessThan(UIDS.length / 2);
    const isBack = async () => {
      const kept = (await listLeases(machine)).filter(({ uid, state }) => UIDS.includes(uid) && state !== "rested");
      return kept.length <= UIDS.length - 3;
    };
    await waitFor("some to be back, one after the other", isBack, 120_000);
    await endLease(machine, guest);
    await awaitNoSessions(machine);
    await machine.sh(`systemctl stop guestd; rm ${QUARANTINE}/*`);
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /found later, and taken away/)).toEqual([]);
  });
});
