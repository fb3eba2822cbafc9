// The story of packaging/demo: a guest logs in, leaves all kinds of things, logs out, and nothing is left.
import type { Machine } from "../test/helpers/machine.ts";
import type { Terminal } from "../test/helpers/terminal.ts";
import { asRoot, differences, run, show, tell } from "./story.ts";

/** logind keeps a user's runtime directory for ten seconds. */
const CALM_LIMIT_MS = 20_000;

const APT = "DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes";
const INSTALL_LIMIT_MS = 120_000;

/** Lets guests log in at the pseudo-terminals of a container. */
const CONFIGURATION = "/etc/guestd/guestd.conf.d/demo.conf";

const ISSUE = "Welcome, guest. Nothing you do here stays.\n";

const INSIDE = [
  "id",
  "getent passwd $(id -u)",
  "df -h --output=source,size,used,target ~",
  "cat /etc/issue",
  "ls -A /home",
  "ps -e -o user,pid,args",
];

/** systemd starts these programs, not the login. A guest's are all in one view. */
const ONE_VIEW = [
  "readlink /proc/self/ns/mnt",
  "systemd-run --user --quiet --wait --pipe readlink /proc/self/ns/mnt",
  "systemd-run --user --quiet --wait --pipe ls -A ~",
];

const LEFT_BEHIND = [
  "echo secret > ~/diary; echo secret > /tmp/diary; echo secret > /var/tmp/diary; echo secret > /dev/shm/diary",
  "dd if=/dev/zero of=~/large bs=1M count=200 status=none; du -sh ~/large",
  "setsid nohup sleep 1000 > ~/nohup.out 2>&1 < /dev/null &",
];

async function asGuest(guest: Terminal, command: string): Promise<void> {
  show("guest$", command, await guest.ask(command));
}

/** From login to the last thing left behind. */
async function visit(machine: Machine): Promise<{ id: string; uid: number; guest: Terminal }> {
  tell("A guest logs in through login(1): no password, a new account, and a look around");
  const guest = await machine.loginAsGhost();
  for (const command of INSIDE) await asGuest(guest, command);

  tell("User services see the same: login and user manager are in one mount namespace, the view");
  for (const command of ONE_VIEW) await asGuest(guest, command);

  tell("Outside, the administrator sees the unchanged host, and the guest's session");
  await asRoot(machine, "cat /etc/issue");
  await asRoot(machine, "guestctl list");
  const [session] = JSON.parse(await machine.sh("guestctl list --json")) as { id: string; uid: number }[];
  if (session === undefined) throw new Error("guestctl lists no session");
  await asRoot(machine, `guestctl show ${session.id}`);
  await asRoot(machine, "readlink /proc/1/ns/mnt");
  await asRoot(machine, `systemctl show user-${session.uid}.slice --property=MemoryMax --property=TasksMax`);

  tell("The guest leaves files and a process behind");
  for (const command of LEFT_BEHIND) await asGuest(guest, command);
  tell("The host has the processes of the guest and of their user manager, and none of the files");
  await asRoot(machine, `ps -u ${session.uid} -o pid,args`);
  await asRoot(machine, `ls /tmp/diary /var/tmp/diary /dev/shm/diary 2>/dev/null || true`);
  return { ...session, guest };
}

/** As in the README. Dependencies come from Debian's archives. */
async function install(machine: Machine): Promise<void> {
  tell("On a fresh Debian, the administrator installs guestd and enables guest logins");
  // The demo's own tools, and a login prompt on a pseudo-terminal, which is no console.
  await machine.sh(`${APT} install procps iproute2`);
  await machine.write(CONFIGURATION, "[Guests]\nTerminals=pts/*\n");
  const log = await machine.sh(`cd /root; ${APT} install ./guestd.deb`, { timeoutMs: INSTALL_LIMIT_MS });
  show(
    "root#",
    "apt install ./guestd.deb",
    log
      .split("\n")
      .filter((line) => /newly installed|(Unpacking|Setting up) guestd/.test(line))
      .map((line) => line.trim())
      .join("\n"),
  );
  tell(
    "In this container the terminals are pseudo-terminals, which guests may use only where the configuration says so",
  );
  await asRoot(machine, `cat ${CONFIGURATION}`);
  await asRoot(machine, "guestctl status || true");
  await asRoot(machine, "guestctl enable");
  await asRoot(machine, "guestctl status");
}

async function tellStory(machine: Machine): Promise<string[]> {
  await install(machine);
  tell("The administrator writes a greeting for guests alone");
  await machine.write("/etc/guestd/etc/issue", ISSUE);
  await asRoot(machine, "cat /etc/guestd/etc/issue");
  const before = await machine.snapshot();

  const { id, uid, guest } = await visit(machine);

  tell("The guest logs out");
  await guest.logOut();
  const after = await machine.snapshotLike(before, CALM_LIMIT_MS);
  await asRoot(machine, "guestctl list");
  await asRoot(machine, `ps -u ${uid} -o pid,args || true`);
  await asRoot(machine, `getent passwd ${uid} || echo "no account has the UID ${uid}"`);
  await asRoot(machine, `find / -xdev -uid ${uid}`);

  tell("The receipt: the files went with the memory of the view; what else was found, removed and left");
  await asRoot(machine, `guestctl receipt ${id}`);

  tell("The journal of the session");
  await asRoot(machine, `journalctl --quiet --no-pager GUEST_SESSION=${id} _SYSTEMD_UNIT=guestd.service _UID=0`);
  return differences(before, after);
}

await run("pristine", tellStory);
