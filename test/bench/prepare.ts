// Makes a machine ready for all stages: programs, PAM services, users and receipts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Machine } from "../helpers/machine.ts";
import { sharedArm } from "./arms.ts";
import { awaitCalm, placeOf, runArm } from "./stage.ts";

const PROGRAMS = ["pam-arm", "stamp", "floor", "crowd"];

/** PAM services, of one module or profile each. */
const SERVICES: Readonly<Record<string, string>> = {
  "bench-guestd": "auth required pam_guest.so\nsession required pam_guest.so\n",
  "bench-namespace": "session required pam_namespace.so\n",
  "bench-mkhomedir": "session required pam_mkhomedir.so\n",
  "bench-systemd": "session required pam_systemd.so\n",
  "bench-without": "session required pam_permit.so\n",
  "bench-session": "session optional pam_guest.so\nsession required pam_permit.so\n",
  "bench-both":
    "auth optional pam_guest.so\nauth required pam_permit.so\nsession optional pam_guest.so\nsession required pam_permit.so\n",
  "bench-permit": "auth required pam_permit.so\nsession required pam_permit.so\n",
};

/** The completion as a shell with an administrator has it. */
const COMPLETE_ID = `#!/bin/bash
. /usr/share/bash-completion/completions/guestctl
COMP_WORDS=(guestctl receipt "") COMP_CWORD=2
_guestctl
[ \${#COMPREPLY[@]} -gt 0 ]
`;

async function installPrograms(machine: Machine, project: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "guestd-bench-"));
  for (const program of PROGRAMS) {
    const built = join(directory, program);
    const source = join(project, "test/bench", `${program}.c`);
    execFileSync("gcc", ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-o", built, source, "-lpam"]);
    await machine.write(`/usr/local/bin/${program}`, readFileSync(built), "755");
  }
  rmSync(directory, { recursive: true });
  await machine.write("/usr/local/bin/complete-id", COMPLETE_ID, "755");
}

/** Copies a real receipt, as many times as are kept. */
function fillReceipts(machine: Machine, count: number): void {
  const directory = placeOf(machine, "/var/lib/guestd/receipts/clean");
  const [first = ""] = readdirSync(directory);
  const text = readFileSync(join(directory, first), "utf8");
  const own = first.replace(".json", "");
  for (let number = readdirSync(directory).length; number < count; number++) {
    const id = number
      .toString(26)
      .padStart(4, "0")
      .replaceAll(/[0-9]/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "q");
    writeFileSync(join(directory, `aaaaaa${id}.json`), text.replaceAll(own, `aaaaaa${id}`), { mode: 0o600 });
  }
}

export async function prepare(machine: Machine, project: string, receipts: number): Promise<void> {
  await installPrograms(machine, project);
  for (const [service, text] of Object.entries(SERVICES)) await machine.write(`/etc/pam.d/${service}`, text);
  await machine.write("/etc/security/namespace.d/bench.conf", "/tmp /tmp-inst/ user root\n");
  // No policy refuses a crowd.
  await machine.write(
    "/etc/guestd/guestd.conf.d/20-bench.conf",
    `[Guests]\nPasswordless=bench-guestd\nTerminals=*\nMaxSessionsPerUser=\n[Daemon]\nKeepReceipts=${receipts}\n`,
  );
  await machine.sh(`mkdir -m 000 /tmp-inst; useradd --uid 1010 bob; useradd --create-home --shell /bin/bash --uid 1011 carol
    passwd --quiet --delete carol; mount -t tmpfs -o mode=755 tmpfs /home; mkdir /home/carol; chown carol: /home/carol
    systemctl start user@1000; guestctl reload; guestctl status`);
  await runArm(machine, sharedArm("the first login"));
  await awaitCalm(machine);
  fillReceipts(machine, receipts);
}
