// The power is cut while a guest is in and others have just ended. A container's disk would have even what was not
// synced.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FullMachine } from "../helpers/full-machine.ts";
import { askForRows, listSessions } from "../helpers/guests.ts";
import { requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";

/** Emulation is slow. */
const LIMIT_MS = 60_000;

describe.skipIf(!requireRoot("full machine tests"))("the power of a full machine", () => {
  let machine: FullMachine;

  beforeAll(async () => {
    machine = await FullMachine.boot("trixie");
  });
  afterAll(async () => {
    await machine.stop();
  });

  const find = async (method: string, field: string, value: unknown) =>
    (await askForRows<Readonly<Record<string, unknown>>>(machine, method)).find((row) => row[field] === value);

  async function logIn() {
    const terminal = await machine.loginAsGhost();
    const [id = "", uid = "", user = ""] = (await terminal.ask("echo $GUEST_SESSION; id -u; id -un", LIMIT_MS)).split(
      "\n",
    );
    return { terminal, id, uid: Number(uid), user };
  }

  it(
    "may fail at any time: every session has a receipt, and each UID that left something stays quarantined",
    { timeout: 600_000 },
    async () => {
      const [ended, dirty] = [await logIn(), await logIn()];
      // From here on only synced data reaches the disk.
      await machine.sh("sync; mount -o remount,commit=600 /; echo 600000 >/proc/sys/vm/dirty_writeback_centisecs");
      await ended.terminal.logOut(LIMIT_MS);
      await machine.sh(`mkdir /media/${dirty.user} && touch /media/${dirty.user}/of-root && sync`);
      await dirty.terminal.logOut(LIMIT_MS);
      for (const { id } of [ended, dirty])
        await waitFor("the receipt", () => find("ListReceipts b false", "id", id), LIMIT_MS);
      expect(await find("ListLeases", "uid", dirty.uid)).toMatchObject({ state: "quarantined" });
      const open = await logIn();
      await machine.sh("touch /root/unsure");
      await machine.cutPower();

      open.terminal.hangUp();
      expect(await machine.sh("ls /root/unsure 2>&1 || true")).toContain("No such file");
      expect(await find("ListReceipts b false", "id", ended.id)).toMatchObject({ cause: "logout", clean: true });
      expect(await find("ListReceipts b false", "id", dirty.id)).toMatchObject({ cause: "logout", clean: false });
      expect(await find("ListReceipts b false", "id", open.id)).toMatchObject({ cause: "lost-power", clean: true });
      expect(await find("ListLeases", "uid", dirty.uid)).toMatchObject({ state: "quarantined", user: dirty.user });
      expect(await listSessions(machine)).toEqual([]);
      expect(await find("ListLeases", "uid", open.uid)).toMatchObject({ state: "rested" });
    },
  );
});
