// Hundreds of logins over a few UIDs: none is shared or lost.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { awaitForgotten } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import { times } from "../helpers/walk.ts";

const LOGINS = { bookworm: times(200, 60), trixie: times(600, 60) } as const;
const AT_A_TIME = 5;
const RANGE = { first: 61000, last: 61007 };
const CHECKSUM = "sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow";
const PATIENCE_MS = 20_000;

describeMachine("many logins as guest", (release) => {
  let machine: Machine;
  let calm: Snapshot;
  let files: string;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/etc/guestd/guestd.conf.d/range.conf", `[Guests]\nLeaseRange=${RANGE.first}-${RANGE.last}\n`);
    await machine.sh("guestctl reload");
    await logInAndOut();
    await awaitNoSessions(machine);
    [calm, files] = [await machine.calmSnapshot(), await machine.sh(CHECKSUM)];
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Waits until the UID is free again. */
  async function logInAndOut(): Promise<void> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    await terminal.expect(/\$ $/, PATIENCE_MS);
    terminal.send(
      "echo session:$GUEST_SESSION; ls -A ~ /tmp | grep -c left; echo x >~/left; echo x >/tmp/left; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)\nexit\n",
    );
    await terminal.end(PATIENCE_MS);
    expect(terminal.transcript).toMatch(/^0$/m);
    const [, id] = /^session:([a-z0-9]+)$/m.exec(terminal.transcript) ?? [];
    expect(id).toBeDefined();
    await awaitForgotten(machine, id ?? "", PATIENCE_MS);
  }

  it(
    `(${LOGINS[release]} over 8 UIDs) all succeed, and leave the machine unchanged`,
    { timeout: 600_000 },
    async () => {
      let begun = 0;
      const logInAgain = async () => {
        while (begun++ < LOGINS[release]) await logInAndOut();
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, logInAgain));
      await awaitNoSessions(machine);
      expect(await machine.sh(CHECKSUM)).toBe(files);
      expect(await machine.snapshotLike(calm, PATIENCE_MS)).toEqual(calm);
    },
  );

  it("never shared an account, and used each UID", async () => {
    const told = await machine.journal(
      "_SYSTEMD_UNIT=guestd.service",
      "GUEST_ACTION=publish-account",
      "GUEST_ACTION=withdraw-account",
    );
    expect(told).toHaveLength(2 * (LOGINS[release] + 1));
    const turns = new Map<string, string[]>();
    for (const entry of told) {
      const uid = entry["GUEST_UID"] ?? "";
      turns.set(uid, [...(turns.get(uid) ?? []), entry["GUEST_ACTION"] ?? ""]);
    }
    const uids = Array.from({ length: RANGE.last - RANGE.first + 1 }, (_, index) => String(RANGE.first + index));
    expect([...turns.keys()].sort()).toEqual(uids);
    for (const actions of turns.values()) {
      expect(actions).toEqual(actions.map((_, index) => (index % 2 === 0 ? "publish-account" : "withdraw-account")));
      expect(actions.length).toBeGreaterThan(LOGINS[release] / uids.length);
    }
  });

  it("all have a clean receipt", async () => {
    const receipts = await machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=announce-closed");
    const read = receipts.map(
      (entry) => JSON.parse(entry["GUEST_RECEIPT"] ?? "{}") as { left: string[]; cause: string },
    );
    expect(read).toHaveLength(LOGINS[release] + 1);
    expect(read.filter(({ left, cause }) => left.length > 0 || cause !== "logout")).toEqual([]);
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
