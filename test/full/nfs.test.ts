// Homes are on an NFS server that root may not read (root_squash), or that is down. A container's processes would hang
// on the host.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FullMachine } from "../helpers/full-machine.ts";
import { askForRow, askForRows, listSessions } from "../helpers/guests.ts";
import { requireRoot } from "../helpers/root.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

/** Emulation is slow. */
const LIMIT_MS = 120_000;

/** The machine serves itself, and mounts its export at two paths. */
const SERVE = `mkdir -p /srv/homes /mnt/second; cp -a /home/. /srv/homes; echo secret >/srv/homes/alice/secret
  chmod 700 /srv/homes/alice; echo '/srv/homes 127.0.0.1(rw,sync,root_squash,no_subtree_check)' >/etc/exports
  systemctl start nfs-server
  for place in /home /mnt/second; do mount -t nfs4 -o vers=4.2,sec=sys,noac 127.0.0.1:/srv/homes $place; done`;
/** The exported directory is no mount, so guestd cannot see that it is the same. */
const HIDE_EXPORT = "echo '[View]\nHide=/srv/homes' >/etc/guestd/guestd.conf.d/nfs.conf; guestctl reload";

const faultOf = (user: string) =>
  `/home/${user} could not be looked at in 3 s; repair the file server of /home (127.0.0.1:/srv/homes, nfs4), or unmount it`;

interface Receipt {
  readonly id: string;
  readonly clean: boolean;
  readonly left: readonly string[];
}

describe.skipIf(!requireRoot("full machine tests"))("guests on a machine with homes on an NFS server", () => {
  let machine: FullMachine;

  beforeAll(async () => {
    machine = await FullMachine.boot("trixie");
    await machine.sh(SERVE);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const findDaemon = () => machine.sh("systemctl show -P MainPID guestd");
  const findFault = async () => (await askForRow<{ fault: string }>(machine, "CheckLogins")).fault;
  const logIn = async () => {
    const terminal = await machine.loginAsGhost();
    return { terminal, id: await terminal.ask("echo $GUEST_SESSION", LIMIT_MS) };
  };
  const end = async ({ terminal, id }: { readonly terminal: Terminal; readonly id: string }) => {
    await terminal.logOut(LIMIT_MS);
    const find = async () => (await askForRows<Receipt>(machine, "ListReceipts b false")).find((one) => one.id === id);
    return waitFor("the receipt", find, LIMIT_MS);
  };
  const tryLogin = async () => {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /, LIMIT_MS);
    terminal.send("guest\n");
    await terminal.expect(/Your guest session could not be started.*Login incorrect/s, LIMIT_MS);
    terminal.hangUp();
  };
  const logInAsRoot = async () => (await machine.login("root")).logOut(LIMIT_MS);

  it("have a home in memory, see no other at any path, and leave nothing", { timeout: 2 * LIMIT_MS }, async () => {
    expect(await machine.sh("cat /home/alice/secret 2>&1 || true")).toContain("Permission denied");
    // An emulated machine's first views can take longer than a login waits.
    await waitUntil("status to find no fault", findFault, (fault) => fault === "", LIMIT_MS);
    await machine.sh(HIDE_EXPORT);
    const guest = await logIn();
    expect(await guest.terminal.ask("touch ~/file; ls /home /mnt/second /srv/homes | grep -v $USER", LIMIT_MS)).toBe(
      "/home:\n\n/mnt/second:\n\n/srv/homes:",
    );
    expect(await guest.terminal.ask("stat -f -c %T ~", LIMIT_MS)).toBe("tmpfs");
    expect(await end(guest)).toMatchObject({ clean: true, left: [] });
    expect(await machine.sh("ls /srv/homes")).not.toContain("guest-");
  });

  it(
    "are refused while the server is down, and end; root logs in, and guestd keeps running",
    { timeout: 4 * LIMIT_MS },
    async () => {
      const [guest, daemon] = [await logIn(), await findDaemon()];
      const user = await guest.terminal.ask("id -un", LIMIT_MS);
      await machine.sh("systemctl stop nfs-server");
      const [fault, { left }] = await Promise.all([findFault(), end(guest), tryLogin(), logInAsRoot()]);
      expect(fault).toBe(`No account can be leased: ${faultOf("guest-xxxx")}.`);
      expect(left).toEqual([`home: ${faultOf(user)}`]);
      expect(await listSessions(machine)).toEqual([]);

      await machine.sh("systemctl start nfs-server");
      expect(await end(await logIn())).toMatchObject({ clean: true, left: [] });
      expect(await findDaemon()).toBe(daemon);
    },
  );
});
