// Mixed logins in parallel, while guestd is killed and restarted. Compares the machine before and after, through the
// host's /proc, and detects lost sessions.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { findDaemon } from "../test/helpers/fault.ts";
import { awaitNoSessions } from "../test/helpers/guests.ts";
import { Machine } from "../test/helpers/machine.ts";
import { descendants, readDescriptors, readLink, readMounts } from "../test/helpers/processes.ts";
import { releases, type Release } from "../test/helpers/root.ts";
import { tmpfsBytes } from "../test/helpers/snapshot.ts";
import type { Terminal } from "../test/helpers/terminal.ts";
import { waitFor } from "../test/helpers/wait.ts";

const PATIENCE_MS = 60_000;
/** Before the first look: they cause everything that is created once. */
const WARM_UP = 24;
const RESTART_EVERY = 500;
const LOOK_EVERY = 100;
/** From here on, resident memory grows at most by this share. */
const WARM_LOGINS = 500;
const MOST_GROWTH = 0.1;
/** Logins at the moment of a kill are refused, so not all succeed. */
const LEAST_SHARE = 0.9;
/** In the view and outside it. */
const LITTER =
  "echo x >~/left; echo x >/tmp/left; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &); ipcmk -M 4096 >/dev/null 2>&1; ipcmk -Q >/dev/null 2>&1";

interface Login {
  /** Returns a prepared shell. */
  readonly begin: () => Promise<Terminal>;
  readonly end: (guest: Terminal, id: string) => Promise<unknown>;
}

const [asked = "", ...numbers] = process.argv.slice(2);
const NOBODY = 65_534;
const [logins = 2000, parallel = 8, killEvery = 50] = numbers.map(Number);
const release = releases.find((known) => known === asked) ?? ("trixie" satisfies Release);
const machine = await Machine.boot(release);
const root = `/proc/${machine.pid}/root`;
const counts = {
  opened: 0,
  "refused while guestd was away": 0,
  lost: 0,
  "ended dirty": 0,
  "guestd killed": 0,
  "guestd restarted": 0,
};
const resident: { readonly login: number; readonly kilobytes: number }[] = [];

const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
const findReceipt = (id: string) =>
  ["clean", "dirty"].map((place) => `${root}/var/lib/guestd/receipts/${place}/${id}.json`).find(existsSync);
const memoryOf = (pid: number) => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

/** Everything that a session could leave. */
async function look(): Promise<Readonly<Record<string, number>>> {
  const daemon = findDaemon(machine) ?? 0;
  const all = descendants(machine.pid);
  const lines = async (command: string) => Number(await machine.sh(`${command} | wc -l`));
  const namespaces = (kind: string) =>
    new Set([
      ...all.map(({ pid }) => readLink(pid, `ns/${kind}`)),
      ...readDescriptors(daemon).filter((target) => target.startsWith(`${kind}:`)),
    ]).size;
  return {
    mounts: readMounts(machine.pid).length,
    "mount namespaces": namespaces("mnt"),
    "PID namespaces": namespaces("pid"),
    "IPC namespaces": namespaces("ipc"),
    "processes of users": all.filter(({ uid }) => uid >= 1000 && uid !== NOBODY).length,
    reapers: all.filter(({ command }) => command === "guest-reaper").length,
    "descriptors of guestd": readDescriptors(daemon).length,
    "descriptors kept by systemd": Number(await machine.sh("systemctl show -P NFileDescriptorStore guestd")),
    "resident memory of guestd, kB": memoryOf(daemon),
    "tmpfs of guests": new Set(
      all
        .flatMap(({ pid }) => readMounts(pid))
        .filter((mount) => (mount[mount.indexOf("-") + 2] ?? "").startsWith("guest-"))
        .map((mount) => mount[2]),
    ).size,
    "bytes in /dev/shm": await tmpfsBytes({
      pid: machine.pid,
      run: () => machine.run(["df", "--output=used", "--block-size=1", "/dev/shm"]),
    }),
    "SysV objects": await lines("tail -qn +2 /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg"),
    "leased accounts": list(`${root}/run/userdb`).length,
    "records of sessions": list(`${root}/run/guestd/sessions`).length,
    "open in the ledger": list(`${root}/var/lib/guestd/open`).length,
    "uids quarantined": list(`${root}/var/lib/guestd/quarantine`).length,
    "units of guests": await lines(
      "systemctl list-units --all --plain --no-legend 'guest-*' 'user-[6-9]????.slice' 'user@[6-9]????.service' 'session-*'",
    ),
  };
}

const hangUp = (guest: Terminal) => {
  guest.hangUp();
  return Promise.resolve();
};

/** login, su or sshd: killed, it closes nothing. */
async function killLeader(_guest: Terminal, id: string): Promise<void> {
  const { session } = JSON.parse(readFileSync(`${root}/run/guestd/sessions/${id}.json`, "utf8")) as {
    session: { leader: { pid: number } };
  };
  await machine.run(["kill", "-KILL", String(session.leader.pid)]);
}

const LOGINS: readonly Login[] = [
  { begin: () => machine.loginAsGhost(), end: (guest) => guest.logOut(PATIENCE_MS) },
  { begin: () => machine.login("guest1"), end: (guest) => guest.logOut(PATIENCE_MS) },
  { begin: () => machine.sshSession("guest2"), end: (guest) => guest.logOut(PATIENCE_MS) },
  { begin: () => machine.loginAsGhost(), end: killLeader },
  { begin: () => machine.sshSession("guest"), end: killLeader },
  { begin: () => machine.login("guest3"), end: hangUp },
  { begin: () => machine.loginAsGhost(), end: hangUp },
  { begin: () => machine.loginAsGhost(), end: (_guest, id) => machine.run(["guestctl", "end", id]) },
];

/** One login, from its beginning to its receipt. */
async function play({ begin, end }: Login): Promise<void> {
  const guest = await begin().catch(() => undefined);
  if (guest === undefined) {
    counts["refused while guestd was away"]++;
    return;
  }
  const id = (await guest.ask(`${LITTER}; echo; echo $GUEST_SESSION`)).trim();
  counts.opened++;
  // A session is lost when it is gone while its leader lives.
  if (findReceipt(id) !== undefined || !existsSync(`${root}/run/guestd/sessions/${id}.json`)) counts.lost++;
  await end(guest, id);
  guest.hangUp();
  await waitFor(
    `the receipt of ${id}`,
    () => findReceipt(id) !== undefined && !existsSync(`${root}/run/guestd/sessions/${id}.json`),
    PATIENCE_MS,
  ).catch(() => counts.lost++);
  const receipt = findReceipt(id);
  const { left = ["no receipt"] } =
    receipt === undefined ? {} : (JSON.parse(readFileSync(receipt, "utf8")) as { left?: string[] });
  if (left.length === 0) return;
  counts["ended dirty"]++;
  console.log(`${id}: ${left.join("; ")}`);
}

async function disturb(login: number): Promise<void> {
  if (login % LOOK_EVERY === 0) resident.push({ login, kilobytes: memoryOf(findDaemon(machine) ?? 0) });
  if (killEvery > 0 && login % RESTART_EVERY === 0) {
    counts["guestd restarted"]++;
    await machine.run(["systemctl", "restart", "guestd"]);
  } else if (killEvery > 0 && login % killEvery === 0) {
    counts["guestd killed"]++;
    await machine.run(["systemctl", "kill", "--signal=KILL", "guestd"]);
  }
}

async function countAtRest(): Promise<Readonly<Record<string, number>>> {
  await waitFor("guestd to be there", async () => (await machine.run(["guestctl", "status"])).code === 0, PATIENCE_MS);
  await awaitNoSessions(machine, PATIENCE_MS);
  await waitFor(
    "uids to be found clean",
    () => list(`${root}/var/lib/guestd/quarantine`).length === 0,
    PATIENCE_MS,
  ).catch(() => undefined);
  // logind forgets a session of a shared account when its last process is gone.
  await waitFor("units to be gone", async () => (await look())["units of guests"] === 0, PATIENCE_MS).catch(
    () => undefined,
  );
  return look();
}

async function run(most: number, onLogin: (login: number) => Promise<void>): Promise<void> {
  let begun = 0;
  const goOn = async () => {
    for (let login = ++begun; login <= most; login = ++begun) {
      await play(LOGINS[login % LOGINS.length] as Login);
      await onLogin(login);
    }
  };
  await Promise.all(Array.from({ length: parallel }, goOn));
}

/** The mean of the last third over that of the first, from WARM_LOGINS on, for a guestd that was never restarted. */
function growth(): number {
  const late = resident.filter(({ login }) => login >= WARM_LOGINS).map(({ kilobytes }) => kilobytes);
  const third = Math.max(1, Math.floor(late.length / 3));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return mean(late.slice(-third)) / mean(late.slice(0, third));
}

/** Returns false when anything is left or lost. */
function report(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): boolean {
  const row = (...cells: (string | number)[]) => {
    console.log(
      cells.map((cell, index) => (index === 0 ? String(cell).padEnd(34) : String(cell).padStart(12))).join(""),
    );
  };
  row("", "before", "after");
  for (const [what, was] of Object.entries(before)) row(what, was, after[what] ?? 0);
  console.log();
  for (const [what, number] of Object.entries(counts)) row(what, number);
  console.log(
    `\nresident memory of guestd after logins, kB: ${resident.map(({ login, kilobytes }) => `${login}: ${kilobytes}`).join(", ")}`,
  );
  const isUndisturbed = counts["guestd killed"] === 0 && counts["guestd restarted"] === 0 && logins > WARM_LOGINS;
  if (isUndisturbed) console.log(`last looks to first ones, from login ${WARM_LOGINS} on: ${growth().toFixed(3)}`);
  // The two looks are of different guestds.
  const same = Object.entries(before)
    .filter(([what]) => !what.startsWith("resident"))
    .every(([what, was]) => (after[what] ?? 0) <= was);
  const isIn = counts.opened >= logins * LEAST_SHARE;
  const isFlat = !isUndisturbed || Math.abs(growth() - 1) <= MOST_GROWTH;
  return same && isIn && isFlat && counts.lost === 0 && counts["ended dirty"] === 0;
}

try {
  await machine.sh("guestctl status");
  await run(WARM_UP, () => Promise.resolve());
  const before = await countAtRest();
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) counts[key] = 0;
  console.log(
    `${logins} logins, ${parallel} at a time, on ${release}; ${killEvery > 0 ? `guestd is killed every ${killEvery}, restarted every ${RESTART_EVERY}` : "guestd is left alone"}`,
  );
  await run(logins, disturb);
  const isGood = report(before, await countAtRest());
  console.log(isGood ? "Nothing is left, and no session was lost." : "Something is left, or was lost.");
  process.exitCode = isGood ? 0 : 1;
} finally {
  await machine.stop();
}
