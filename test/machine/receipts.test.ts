// Unclean receipts stay as long as an administrator wants, whatever guests log in later.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, unexpectedLines } from "../helpers/guests.ts";
import { awaitState, endLease, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";

const KEPT = 2;
const DIRECTORY = "/var/lib/guestd/receipts";

describeMachine("stored receipts", (release) => {
  let machine: Machine;
  let dirty = { id: "", uid: 0 };

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/etc/guestd/guestd.conf.d/keep.conf", `[Daemon]\nKeepReceipts=${KEPT}\n`);
    await machine.sh("guestctl reload");
  });
  afterAll(async () => {
    expect(await unexpectedLines(machine, new RegExp(`session ${dirty.id} .*left|${dirty.uid}`))).toEqual([]);
    await machine.stop();
  });

  const idsOf = async (...options: string[]) => {
    const { stdout } = await machine.run(["guestctl", "receipts", "--json", ...options]);
    return (JSON.parse(stdout) as { readonly id: string }[]).map(({ id }) => id);
  };

  /** By default more than are stored. */
  async function endCleanly(count = KEPT + 2): Promise<string[]> {
    const ids = [];
    for (let index = 0; index < count; index++) {
      const guest = await startLease(machine);
      expect(await endLease(machine, guest)).toMatchObject({ left: [] });
      ids.push(guest.id);
    }
    await awaitNoSessions(machine);
    return ids;
  }

  it("are not displaced by clean ones while something is left", async () => {
    const guest = await startLease(machine);
    dirty = guest;
    await guest.terminal.ask("echo mine >~/file");
    await machine.sh(
      `systemd-run --quiet --collect --unit=holder --property=Type=exec sh -c 'exec 9<${guest.home}/file; exec sleep 4711'`,
    );
    await waitUntil(
      "root to hold it",
      () => findPids(machine, "sleep 4711"),
      (seen) => seen.length > 0,
    );
    expect((await endLease(machine, guest)).left).toHaveLength(1);
    const later = await endCleanly();
    expect(await idsOf("--failed")).toEqual([guest.id]);
    expect(await idsOf()).toEqual([...later.slice(-KEPT).reverse(), guest.id]);
  });

  it("are not displaced by clean ones when nothing is left any more", async () => {
    await machine.sh("systemctl stop holder");
    await awaitState(machine, dirty.uid, "rested", 60_000);
    await endCleanly();
    expect(await idsOf()).toHaveLength(KEPT + 1);
    expect(await idsOf()).toContain(dirty.id);
    expect(await idsOf("--failed")).toEqual([]);
    expect(await machine.sh(`guestctl receipts | grep ${dirty.id}`)).toMatch(/later$/);
  });

  it("in one directory, from an earlier version, are not displaced either", async () => {
    const before = await idsOf();
    await machine.sh(`systemctl stop guestd; cd ${DIRECTORY}; mv clean/* dirty/* .; rmdir clean dirty`);
    expect(await idsOf()).toEqual(before);
    expect(await machine.sh(`ls ${DIRECTORY} ${DIRECTORY}/dirty`)).toBe(
      `${DIRECTORY}:\nclean\ndirty\n\n${DIRECTORY}/dirty:\n${dirty.id}.json`,
    );
    await endCleanly();
    expect(await idsOf()).toContain(dirty.id);
  });
});
