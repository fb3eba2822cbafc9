// The commands of README.md, "Install it", word for word and in their order, on a machine that has never had guestd.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { Machine } from "../helpers/machine.ts";
import { PACKAGE } from "../helpers/package.ts";
import { readProjectFile } from "../helpers/tree.ts";

const LIMIT_MS = 120_000;

const section = /^## Install it\n(.*?)^## /ms.exec(readProjectFile("README.md"))?.[1] ?? "";
/** Without the remarks. The first makes the package, which is there: the machine has no clone. */
const [MAKE, ...COMMANDS] = section
  .split("\n")
  .filter((line) => line.startsWith("    "))
  .map((line) => line.trim().replace(/ +#.*/, ""));

/** What must be true after a command. Each has one. */
const AFTER: Readonly<Record<string, readonly [look: string, expected: RegExp]>> = {
  "sudo apt install ./guestd_*.deb": [
    "dpkg-query -W -f '${db:Status-Status} ' guestd; su - guest -c id 2>&1 || true",
    /^installed .*switched off/s,
  ],
  "sudo guestctl enable": ["su - guest -c 'echo in $GUEST_SESSION'", /^in \w{10}$/],
  "sudo guestctl explain guest": ["guestctl list", /No guest sessions|1 session/],
  "echo 'guestd guestd/enable boolean true' | sudo debconf-set-selections": [
    "debconf-show guestd",
    /guestd\/enable: true/,
  ],
  "sudo dpkg-reconfigure guestd": ["guestctl status", /can log in/],
  "sudo apt remove guestd": [
    "getent passwd guest; grep -l pam_guest /etc/pam.d/*; ls /var/lib/guestd/switch.json",
    /^\/var\/lib\/guestd\/switch\.json$/,
  ],
  "sudo apt purge guestd": ["ls -d /var/lib/guestd /etc/guestd /usr/lib/guestd; getent group guests", /^$/],
};

describeMachine("the installation of the README", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release, "pristine");
    // Root needs no sudo, which this machine has not; and the package has the name that it is made with.
    await machine.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', "755");
    await machine.sh(`mv ${PACKAGE} /root/guestd_0_amd64.deb`);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("makes the package first, and says what to expect of each command", () => {
    expect(MAKE).toBe("sudo npm run package");
    expect(COMMANDS).toEqual(Object.keys(AFTER));
  });

  it.each(COMMANDS)("works: %s", { timeout: LIMIT_MS }, async (command) => {
    const { code, stderr } = await machine.run(["bash", "--norc", "-c", `cd /root; ${command}`], {
      input: "y\n",
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: LIMIT_MS,
    });
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    const [look, expected] = AFTER[command] ?? ["false", /$^/];
    expect((await machine.run(["bash", "--norc", "-c", look])).stdout.trim()).toMatch(expected);
  });
});
