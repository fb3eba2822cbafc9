// Times guestd and the alternatives, in turn, in one machine: only ratios of one run can be compared.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARMS, COLD_START, type Arm } from "../test/bench/arms.ts";
import { ENDS, timeEnd } from "../test/bench/ends.ts";
import { formatReport } from "../test/bench/targets.ts";
import { awaitNoSessions } from "../test/helpers/guests.ts";
import { Machine } from "../test/helpers/machine.ts";
import type { Release } from "../test/helpers/root.ts";

/** Given by packaging/bench. */
const [release, count, project] = process.argv.slice(2) as [Release, string, string];
const rounds = Number(count);
/** For what takes longest. */
const FEWER_ROUNDS = Math.ceil(rounds / 4);
const RECEIPTS = 1000;

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

async function prepare(machine: Machine): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "guestd-bench-"));
  for (const program of ["pam-arm", "stamp", "floor"]) {
    const built = join(directory, program);
    const source = join(project, "test/bench", `${program}.c`);
    execFileSync("gcc", ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-o", built, source, "-lpam"]);
    await machine.write(`/usr/local/bin/${program}`, readFileSync(built), "755");
  }
  rmSync(directory, { recursive: true });
  for (const [service, text] of Object.entries(SERVICES)) await machine.write(`/etc/pam.d/${service}`, text);
  await machine.write("/etc/security/namespace.d/bench.conf", "/tmp /tmp-inst/ user root\n");
  await machine.write(
    "/etc/guestd/guestd.conf.d/20-bench.conf",
    `[Guests]\nPasswordless=bench-guestd\nTerminals=*\n[Daemon]\nKeepReceipts=${RECEIPTS}\n`,
  );
  await machine.sh(`mkdir -m 000 /tmp-inst; useradd --uid 1010 bob; mount -t tmpfs -o mode=755 tmpfs /home
    systemctl start user@1000; guestctl reload; guestctl status`);
}

const placeOf = (machine: Machine, path: string) => `/proc/${machine.pid}/root${path}`;

/** Waits for the last trace of the arm before. */
async function awaitCalm(machine: Machine): Promise<void> {
  if (readdirSync(placeOf(machine, "/run/guestd/sessions")).length > 0) await awaitNoSessions(machine);
  await machine.run(["rm", "-rf", "--one-file-system", "/home/bob"]);
}

async function runArm(machine: Machine, { name: arm, command, counts }: Arm): Promise<number> {
  const { code, stdout, stderr } = await machine.run(["sh", "-c", command]);
  if (code !== 0) throw new Error(`${arm}: exit ${code}: ${stdout}${stderr}`);
  const numbers = stdout.trim().split(/\s+/).map(Number);
  return counts.reduce((sum, index) => sum + (numbers[index] ?? NaN), 0);
}

/** Copies a real receipt, as many times as are kept. */
function fillReceipts(machine: Machine): void {
  const directory = placeOf(machine, "/var/lib/guestd/receipts/clean");
  const [first = ""] = readdirSync(directory);
  const text = readFileSync(join(directory, first), "utf8");
  const own = first.replace(".json", "");
  for (let number = readdirSync(directory).length; number < RECEIPTS; number++) {
    const id = number
      .toString(26)
      .padStart(4, "0")
      .replaceAll(/[0-9]/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "q");
    writeFileSync(join(directory, `aaaaaa${id}.json`), text.replaceAll(own, `aaaaaa${id}`), { mode: 0o600 });
  }
}

const machine = await Machine.boot(release, "bench");
const figures = new Map<string, number[]>(ARMS.map((arm) => [arm.name, []]));
try {
  await prepare(machine);
  await runArm(machine, ARMS[0] as Arm);
  await awaitCalm(machine);
  fillReceipts(machine);
  for (let round = 0; round < rounds; round++)
    for (const arm of ARMS) {
      figures.get(arm.name)?.push(await runArm(machine, arm));
      await awaitCalm(machine);
    }
  for (const name of [COLD_START.name, ...Object.keys(ENDS)]) figures.set(name, []);
  for (let round = 0; round < FEWER_ROUNDS; round++) {
    await machine.sh("systemctl stop guestd");
    figures.get(COLD_START.name)?.push(await runArm(machine, COLD_START));
    for (const [name, doing] of Object.entries(ENDS)) figures.get(name)?.push(await timeEnd(machine, doing));
  }
  const resident = await machine.sh("grep VmRSS /proc/$(systemctl show -P MainPID guestd)/status");
  console.log(`${formatReport(figures)}\n\nguestd, resident: ${resident.replaceAll(/\D+/g, "")} kB`);
  mkdirSync(join(project, "build"), { recursive: true });
  writeFileSync(join(project, "build/bench.json"), `${JSON.stringify(Object.fromEntries(figures), undefined, 1)}\n`);
} finally {
  await machine.stop();
}
