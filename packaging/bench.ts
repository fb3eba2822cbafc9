// Measures the cost of guestd for other users, for a guest's login, and for the end of a session. The figures are from
// one run on one machine: ratios are meaningful, times only for that machine.
import { awaitReceipt, listSessions } from "../test/helpers/guests.ts";
import { Machine } from "../test/helpers/machine.ts";
import { releases, type Release } from "../test/helpers/root.ts";

const ROUNDS = 40;
const ENDS = 15;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function report(what: string, values: readonly number[], unit = "ms"): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
  console.log(`${what.padEnd(58)} median ${at(0.5)} ${unit}, 90 % ${at(0.9)} ${unit}, n ${values.length}`);
  return median(values);
}

/** Milliseconds of each of ROUNDS runs of a command, taken in the machine. */
async function time(machine: Machine, command: string, rounds = ROUNDS): Promise<number[]> {
  const loop = `for i in $(seq ${rounds}); do a=$(date +%s%N); ${command} >/dev/null; b=$(date +%s%N); echo $(( (b - a) / 1000 )); done`;
  return (await machine.sh(loop, { timeoutMs: 300_000 })).split("\n").map((line) => Number(line) / 1000);
}

/** The same with and without the module in PAM's stacks, alternating, so a noisy machine affects both. */
async function benchStrangers(machine: Machine): Promise<void> {
  const command = "su - alice -c true";
  const rounds: Record<"with" | "without", number[]> = { with: [], without: [] };
  for (let turn = 0; turn < 4; turn++) {
    await machine.sh("pam-auth-update --package --remove guestd");
    rounds.without.push(...(await time(machine, command, ROUNDS / 4)));
    await machine.sh("pam-auth-update --package --enable guestd");
    rounds.with.push(...(await time(machine, command, ROUNDS / 4)));
  }
  const without = report(`${command}, without pam_guest`, rounds.without);
  const withModule = report(`${command}, with pam_guest`, rounds.with);
  console.log(`  ratio ${(withModule / without).toFixed(2)}`);
}

async function benchLogins(machine: Machine): Promise<void> {
  const alice = report("su - alice -c true", await time(machine, "su - alice -c true"));
  const guest = report("su - guest1 -c true", await time(machine, "su - guest1 -c true"));
  console.log(`  ratio ${(guest / alice).toFixed(2)}`);
  const stamps = new Map<string, Record<string, number>>();
  for (const entry of await machine.journal("GUEST_RESULT=done", "_SYSTEMD_UNIT=guestd.service")) {
    const of = stamps.get(entry["GUEST_SESSION"] ?? "") ?? {};
    of[entry["GUEST_ACTION"] ?? ""] ??= Number(entry["_SOURCE_REALTIME_TIMESTAMP"]) / 1000;
    stamps.set(entry["GUEST_SESSION"] ?? "", of);
  }
  const between = (from: string, to: string) => [...stamps.values()].map((of) => (of[to] ?? 0) - (of[from] ?? 0));
  report("  of that: enclosing the leader (systemd)", between("watch-leader", "enclose-leader"));
  report("  of that: building the view", between("enclose-leader", "build-view"));
  report("  of that: record and answer", between("build-view", "answer"));
}

/** From the kill of a leader to the receipt, with a home of 100 MB and 20 processes. */
async function benchEnds(machine: Machine): Promise<void> {
  const latencies: number[] = [];
  for (let round = 0; round < ENDS; round++) {
    const guest = await machine.login("guest2");
    await guest.ask(
      "dd if=/dev/zero of=~/big bs=1M count=100 2>/dev/null; for i in $(seq 20); do setsid sleep 4711 >/dev/null 2>&1 </dev/null & done; sleep 0",
    );
    const session = (await listSessions(machine)).find(({ user }) => user === "guest2");
    const killed = Number(await machine.sh(`date +%s%N; kill -KILL ${session?.leader ?? 0}`)) / 1e6;
    await awaitReceipt(machine, session?.id ?? "");
    const [entry] = await machine.journal(`GUEST_SESSION=${session?.id ?? ""}`, "GUEST_ACTION=announce-closed");
    latencies.push(Number(entry?.["_SOURCE_REALTIME_TIMESTAMP"]) / 1000 - killed);
    await guest.end();
  }
  report("from the leader's end to the receipt (target: 500 ms)", latencies);
}

const release = releases.find((name) => name === process.argv[2]) ?? ("trixie" satisfies Release);
const machine = await Machine.boot(release);
try {
  await machine.sh("guestctl status");
  await benchStrangers(machine);
  await benchLogins(machine);
  await benchEnds(machine);
  const resident = await machine.sh("grep VmRSS /proc/$(systemctl show -P MainPID guestd)/status");
  console.log(`guestd: ${resident.replaceAll(/\s+/g, " ")}`);
} finally {
  await machine.stop();
}
