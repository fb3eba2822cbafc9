// Follows docs/getting-started.md word for word on a pristine machine.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { commandsOf, filesOf, readInstructions } from "../helpers/document.ts";
import { Machine } from "../helpers/machine.ts";
import { PACKAGE } from "../helpers/package.ts";
import { readProjectFile } from "../helpers/tree.ts";

const LIMIT_MS = 120_000;

const INSTRUCTIONS = readInstructions(readProjectFile("docs/getting-started.md"));
/** The first command makes the package, which exists. The machine has no clone. */
const [MAKE, ...COMMANDS] = commandsOf(INSTRUCTIONS);

/** The visible result of each command. */
const AFTER: Readonly<Record<string, readonly [look: string, expected: RegExp]>> = {
  "sudo apt install ./guestd_*.deb": [
    "dpkg-query -W -f '${db:Status-Status} ' guestd; su - guest -c id 2>&1 || true",
    /^installed .*switched off/s,
  ],
  "sudo guestctl enable": ["su - guest -c 'echo in $GUEST_SESSION'", /^in \w{10}$/],
  "sudo guestctl explain guest": ["guestctl list", /No guest sessions|1 session/],
  "sudo guestctl receipts": ["guestctl receipts", / guest .* yes\n\n/],
  "sudo guestctl config check": ["guestctl config", /^Size=25%$/m],
  "sudo guestctl reload": ["guestctl config; su - guest -c 'df -h --output=size ~'", /^Size=512M$[^]* 512M$/m],
  "sudo usermod -aG guests student": ["su - student -c 'echo in $GUEST_SESSION'", /^in \w{10}$/],
  "echo 'guestd guestd/enable boolean true' | sudo debconf-set-selections": [
    "debconf-show guestd",
    /guestd\/enable: true/,
  ],
  "sudo DEBIAN_FRONTEND=noninteractive apt-get -y install ./guestd_*.deb": ["guestctl status", /can log in/],
  "sudo dpkg-reconfigure guestd": ["guestctl status", /can log in/],
  "sudo apt remove guestd": [
    "getent passwd guest; grep -l pam_guest /etc/pam.d/*; ls /var/lib/guestd/switch.json",
    /^\/var\/lib\/guestd\/switch\.json$/,
  ],
  "sudo apt purge guestd": [
    "ls -d /var/lib/guestd /etc/guestd /usr/lib/guestd; getent group guests",
    /^guests:x:\d+:student$/,
  ],
};

describeMachine("the first steps in the documentation", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release, "pristine");
    // The machine lacks sudo. The package gets the build's name.
    await machine.write("/usr/local/bin/sudo", '#!/bin/sh\nexec env "$@"\n', "755");
    await machine.sh(`mv ${PACKAGE} /root/guestd_0_amd64.deb; mkdir /srv/private /srv/course; useradd -m student`);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("make the package first, and have a result for each command", () => {
    expect(MAKE).toBe("sudo npm run package");
    expect(COMMANDS).toEqual(Object.keys(AFTER));
  });

  it.each(COMMANDS)("work: %s", { timeout: LIMIT_MS }, async (command) => {
    if (command === "sudo guestctl config check") await writeConfiguration();
    const { code, stderr } = await machine.run(["bash", "--norc", "-c", `cd /root; ${command}`], {
      input: "y\n",
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: LIMIT_MS,
    });
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    const [look, expected] = AFTER[command] ?? ["false", /$^/];
    // A session ends after its command.
    await expect.poll(async () => (await machine.run(["bash", "--norc", "-c", look])).stdout.trim()).toMatch(expected);
  });

  async function writeConfiguration(): Promise<void> {
    const files = filesOf(INSTRUCTIONS);
    expect(files.map(({ path }) => path)).toEqual(["/etc/guestd/guestd.conf.d/lab.conf"]);
    for (const { path, text } of files) await machine.write(path, text);
  }
});
