// A core dump is still being written at the session's end. The kernel gives a container's dumps to the host.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FullMachine } from "../helpers/full-machine.ts";
import { requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";

/** Emulation is slow. */
const LIMIT_MS = 120_000;
const DUMPS = "/var/lib/systemd/coredump";

/** Incompressible contents, so the dump takes time. */
const CRASH = `ulimit -c unlimited; (setsid perl -e 'open my $random, "<", "/dev/urandom"; read $random, my $data, 128 << 20;
  kill SEGV => $$' >/dev/null 2>&1 </dev/null &)`;

/** The PID of the service that writes the dump, once it has opened the file. */
const FIND_WRITER = `for pid in $(pgrep -x systemd-coredum); do
  if readlink /proc/$pid/fd/* | grep -q "^${DUMPS}/"; then echo $pid; fi; done`;

interface Receipt {
  readonly left: readonly string[];
  readonly cleared: number;
}

describe.skipIf(!requireRoot("full machine tests"))("the core dump of a guest's process on a full machine", () => {
  let machine: FullMachine;

  beforeAll(async () => {
    machine = await FullMachine.boot("trixie");
  });
  afterAll(async () => {
    await machine.stop();
  });

  const readReceipt = (id: string, isWanted: (receipt: Receipt) => boolean) =>
    waitFor(
      "the receipt",
      async () => {
        // It also exits with 1 for an unclean one.
        const { stdout } = await machine.run(["guestctl", "receipt", "--json", id]);
        if (stdout === "") return undefined;
        const receipt = JSON.parse(stdout) as Receipt;
        return isWanted(receipt) && receipt;
      },
      LIMIT_MS,
    );

  it("is in the receipt while it is written, and removed later", { timeout: 600_000 }, async () => {
    const shell = await machine.loginAsGhost();
    const [id = "", uid = ""] = (await shell.ask("echo $GUEST_SESSION; id -u", LIMIT_MS)).split("\n");
    await shell.ask(CRASH, LIMIT_MS);
    const writer = await waitFor("the dump to be written", () => machine.sh(FIND_WRITER), LIMIT_MS);
    await machine.sh(`kill -STOP ${writer}`);
    await shell.logOut(LIMIT_MS);
    const { left } = await readReceipt(id, () => true);
    expect(left).toEqual([`coredumps: process ${writer} (systemd-coredum) may still be writing a dump`]);

    await machine.sh(`kill -CONT ${writer}`);
    await readReceipt(id, ({ cleared }) => cleared > 0);
    expect(await machine.sh("journalctl -q -o cat SYSLOG_IDENTIFIER=systemd-coredump")).toContain("dumped core");
    expect(await machine.sh(`ls -A ${DUMPS}; find / -xdev -uid ${uid}`)).toBe("");
  });
});
