// The story packaging/demo tells: a guest logs in, leaves all sorts of things, logs out, and nothing is left.
// It drives a test machine, never the host, and exits non-zero when the story does not hold.
import { Machine } from "../test/helpers/machine.ts";
import { releases, type Release } from "../test/helpers/root.ts";
import type { Snapshot } from "../test/helpers/snapshot.ts";
import type { Terminal } from "../test/helpers/terminal.ts";

/** logind keeps a user's runtime directory for ten seconds. */
const CALM_LIMIT_MS = 20_000;

const ISSUE = "Welcome, guest. Nothing you do here stays.\n";

/** What all tmpfs hold together; on a machine in a container, the host's as well. */
const SHARED_MEMORY = "grep Shmem: /proc/meminfo";
const MEMORY_NOISE_KB = 50 * 1024;

const INSIDE = ["id", "getent passwd $(id -u)", "df -h --output=source,size,used,target ~", "cat /etc/issue", "ls -A /home", "ps -e -o user,pid,args"];

/** Programs that are no children of the login: systemd starts them. All of a guest's are in one view. */
const ONE_VIEW = ["readlink /proc/self/ns/mnt", "systemd-run --user --quiet --wait --pipe readlink /proc/self/ns/mnt", "systemd-run --user --quiet --wait --pipe ls -A ~"];

const LEFT_BEHIND = [
  "echo secret > ~/diary; echo secret > /tmp/diary; echo secret > /var/tmp/diary; echo secret > /dev/shm/diary",
  "dd if=/dev/zero of=~/large bs=1M count=200 status=none; du -sh ~/large",
  "setsid nohup sleep 1000 > ~/nohup.out 2>&1 < /dev/null &",
];

function tell(text: string): void {
  console.log(`\n== ${text}`);
}

function show(prompt: string, command: string, output: string): void {
  console.log(`${prompt} ${command}\n${output.replaceAll(/^/gm, "    ")}`);
}

/** Runs a command on the machine, as its administrator. */
async function asRoot(machine: Machine, command: string): Promise<string> {
  const output = await machine.sh(command);
  show("root#", command, output);
  return output;
}

async function asGuest(guest: Terminal, command: string): Promise<void> {
  show("guest$", command, await guest.ask(command));
}

async function sharedMemory(machine: Machine): Promise<number> {
  return Number(/\d+/.exec(await machine.sh(SHARED_MEMORY))?.[0]);
}

/** What one look has more or less than the other, one a line. */
function differences(before: Snapshot, after: Snapshot): string[] {
  return (Object.keys(before) as (keyof Snapshot)[]).flatMap((part) => {
    const was = [before[part]].flat().map(String);
    const is = [after[part]].flat().map(String);
    return [
      ...is.filter((line) => !was.includes(line)).map((line) => `${part}: + ${line}`),
      ...was.filter((line) => !is.includes(line)).map((line) => `${part}: - ${line}`),
    ];
  });
}

/** The guest's session, from login to the last thing left behind. Returns the id and the guest's terminal. */
async function visit(machine: Machine): Promise<{ id: string; uid: number; guest: Terminal }> {
  tell("Somebody logs in as guest through login(1): no password, an account of his own, and a look around");
  const guest = await machine.loginAsGhost();
  for (const command of INSIDE) await asGuest(guest, command);

  tell("What systemd runs for the guest sees what the login sees: one view");
  for (const command of ONE_VIEW) await asGuest(guest, command);

  tell("The administrator, outside, sees the host as it always was, and the guest's session");
  await asRoot(machine, "cat /etc/issue");
  await asRoot(machine, "guestctl list");
  const [session] = JSON.parse(await machine.sh("guestctl list --json")) as { id: string; uid: number }[];
  if (session === undefined) throw new Error("guestctl lists no session");
  await asRoot(machine, `guestctl show ${session.id}`);
  await asRoot(machine, "readlink /proc/1/ns/mnt");
  await asRoot(machine, `systemctl show user-${session.uid}.slice --property=MemoryMax --property=TasksMax`);

  tell("The guest leaves files and a process behind");
  for (const command of LEFT_BEHIND) await asGuest(guest, command);
  await asRoot(machine, `ps -u ${session.uid} -o pid,args`);
  await asRoot(machine, SHARED_MEMORY);
  return { ...session, guest };
}

async function tellStory(machine: Machine): Promise<string[]> {
  tell("A machine with guestd; its administrator has a word for guests");
  await machine.write("/etc/guestd/etc/issue", ISSUE);
  await asRoot(machine, "guestctl status");
  const before = await machine.snapshot();
  const memory = await sharedMemory(machine);

  const { id, uid, guest } = await visit(machine);

  tell("The guest logs out");
  await guest.logOut();
  const after = await machine.snapshotLike(before, CALM_LIMIT_MS);
  await asRoot(machine, "guestctl list");
  await asRoot(machine, `ps -u ${uid} -o pid,args || true`);
  await asRoot(machine, `getent passwd ${uid} || echo "nobody has the uid ${uid}"`);
  await asRoot(machine, SHARED_MEMORY);
  const kept = (await sharedMemory(machine)) - memory;
  await asRoot(machine, `find / -xdev -uid ${uid}; ls -A /tmp/diary /var/tmp/diary /dev/shm/diary || true`);

  tell("What the journal has of it");
  await asRoot(machine, `journalctl --quiet --no-pager --output=short GUEST_SESSION=${id}`);
  return [...differences(before, after), ...(kept > MEMORY_NOISE_KB ? [`memory: + ${kept} kB`] : [])];
}

const release = releases.find((name) => name === process.argv[2]) ?? ("trixie" satisfies Release);
const machine = await Machine.boot(release);
try {
  const left = await tellStory(machine);
  if (left.length > 0) throw new Error(`the machine is not as it was before:\n${left.join("\n")}`);
  tell("The machine holds what it held before: no process, mount, file, memory, IPC object or session of the guest is left");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  tell("What guestd said");
  console.error((await machine.run(["journalctl", "--quiet", "--no-pager", "--unit=guestd.service"])).stdout);
  process.exitCode = 1;
} finally {
  await machine.stop();
}
