// Guests' data in memory does not reach a disk through swap: the kernel or a limit prevents it.
import { readFileSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { execute } from "../helpers/execute.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const CONFIG = "/etc/guestd/guestd.conf.d/swap.conf";
const DROP_IN = "/run/systemd/system/guestd.service.d/old.conf";
const SWAPS = "Filename Type Size Used Priority\n/dev/vda2 partition 1000 0 -2\n";

describeMachine("files of guests", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/root/swaps", SWAPS);
    await machine.sh("mount --bind /root/swaps /proc/swaps");
  });
  afterEach(async () => {
    await machine.sh(`rm -f ${CONFIG}; guestctl reload`);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
    await machine.stop();
  });

  const configure = async (line: string) => {
    await machine.write(CONFIG, `[Limits]\n${line}\n`);
    await machine.sh("guestctl reload");
  };
  const shown = () => machine.sh("guestctl config | grep -B1 ^MemorySwapMax=");
  const warnings = () => machine.sh("guestctl status | grep 'get into swap space' || true");

  /** The home's mount options, and the guest's swap limit. */
  async function look() {
    const guest = await machine.loginAsGhost();
    const options = await guest.ask("findmnt -n -o OPTIONS -T ~");
    const max = await machine.sh(`systemctl show -P MemorySwapMax user-${await guest.ask("id -u")}.slice`);
    await guest.logOut();
    return { noswap: options.split(",").includes("noswap"), max };
  }

  it("are kept out of swap by this kernel, or by a limit", async () => {
    const tried = await machine.run(["sh", "-c", "mount -t tmpfs -o noswap tried /mnt && umount /mnt"]);
    const noswap = tried.code === 0;
    expect(await look()).toEqual({ noswap, max: noswap ? "infinity" : "0" });
    expect(await shown()).toBe(noswap ? "# default\nMemorySwapMax=" : "# default of this kernel\nMemorySwapMax=0");
  });

  describe("on a kernel that cannot keep a tmpfs out of swap", () => {
    beforeAll(async () => {
      const library = `/tmp/no-noswap-${process.pid}.so`;
      const source = `${import.meta.dirname}/attacks/no-noswap.c`;
      expect(await execute(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source])).toMatchObject({ code: 0 });
      await machine.write("/usr/local/lib/no-noswap.so", readFileSync(library), "755");
      rmSync(library);
      await machine.write(DROP_IN, "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/no-noswap.so\n");
      await machine.sh("systemctl daemon-reload; systemctl restart guestd; guestctl status");
    });

    it("are kept out by a limit, by default", async () => {
      expect(await shown()).toBe("# default of this kernel\nMemorySwapMax=0");
      expect(await look()).toEqual({ noswap: false, max: "0" });
    });

    it.each([
      ["MemorySwapMax=", "infinity", "is empty"],
      ["MemorySwapMax=1M", String(1024 ** 2), "is 1m"],
    ])("can get into it where an administrator allows that, and status says so: %s", async (line, max, said) => {
      await configure(line);
      expect(await shown()).toBe(`# ${CONFIG}:2\n${line}`);
      expect(await look()).toEqual({ noswap: false, max });
      // guestd reports a missing cgroup v2 first.
      const isLimitable = (await machine.run(["test", "-e", "/sys/fs/cgroup/system.slice/memory.swap.max"])).code === 0;
      expect(await warnings()).toContain(
        isLimitable ? `MemorySwapMax= in [Limits] ${said}; set it to 0` : "MemorySwapMax= does nothing",
      );
      await machine.sh("umount /proc/swaps");
      expect(await warnings()).toBe("");
      await machine.sh("mount --bind /root/swaps /proc/swaps");
    });
  });
});
