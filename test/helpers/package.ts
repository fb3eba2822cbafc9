// guestd's package on a pristine machine: installed, upgraded and removed by an administrator.
import type { Result } from "./execute.ts";
import type { Machine } from "./machine.ts";

/** The package that Machine.boot() puts there. */
export const PACKAGE = "/root/guestd.deb";
export const SWITCH = "/var/lib/guestd/switch.json";
/** The stacks that pam-auth-update writes. */
export const STACKS = ["auth", "account", "password", "session", "session-noninteractive"] as const;

const APT_LIMIT_MS = 120_000;
const UNATTENDED = { DEBIAN_FRONTEND: "noninteractive" };
/** Keeps the existing version of configuration files, and shows no progress. */
const OPTIONS = ["--quiet", "--yes", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0"];

/** Runs apt-get like a script: stdout is its output and dpkg's, in order. */
export async function runApt(machine: Machine, ...args: string[]): Promise<Result> {
  return machine.run(["sh", "-c", 'exec apt-get "$@" 2>&1', "sh", ...OPTIONS, ...args], {
    env: UNATTENDED,
    timeoutMs: APT_LIMIT_MS,
  });
}

/** Like runApt(), for what must succeed. @throws Error otherwise */
export async function apt(machine: Machine, ...args: string[]): Promise<string> {
  const { code, stdout } = await runApt(machine, ...args);
  if (code !== 0) throw new Error(`exit ${code} of: apt-get ${args.join(" ")}\n${stdout}`);
  return stdout;
}

/** Answers the package's question before it is asked. */
export async function preseed(machine: Machine, answer: boolean): Promise<void> {
  await machine.sh(`echo guestd guestd/enable boolean ${answer} | debconf-set-selections`);
}

/** Lets the ghost log in where machine.loginAsGhost() does. */
export async function allowTerminals(machine: Machine): Promise<void> {
  await machine.write("/etc/guestd/guestd.conf.d/terminals.conf", "[Guests]\nTerminals=pts/*\n");
  await machine.sh("guestctl reload");
}

/**
 * Another version of the package: the same files, with a change.
 * @param change a script that runs in the folder of the unpacked package
 * @returns its path in the machine
 */
export async function makeVersion(machine: Machine, version: string, change = ":"): Promise<string> {
  const made = `/root/guestd-${version}.deb`;
  await machine.sh(`folder=$(mktemp -d); cd "$folder"
    dpkg-deb --raw-extract ${PACKAGE} .
    sed -i 's/^Version: .*/Version: ${version}/' DEBIAN/control
    ${change}
    find * -path DEBIAN -prune -o -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums
    dpkg-deb --root-owner-group -Znone --build . ${made}
    cd /; rm -r "$folder"`);
  return made;
}

/** The installed version, and its state in dpkg. */
export async function packageStatus(machine: Machine): Promise<string> {
  return (await machine.run(["dpkg-query", "--show", "--showformat=${Version} ${db:Status-Status}", "guestd"])).stdout;
}

/** Purges the package, also where that has been done: apt does not know it then. */
export async function purge(machine: Machine): Promise<void> {
  if (!/^$|not-installed$/.test(await packageStatus(machine))) await apt(machine, "purge", "guestd");
}

/** The output of guestd's own scripts during setup or removal: dpkg's own lines begin in one of these ways. */
export function saidByScripts(output: string): string[] {
  const lines = output.split("\n");
  const start = lines.findIndex((line) =>
    /^(Preparing to unpack|Setting up|Removing|Purging configuration files for) .*guestd/.test(line),
  );
  if (start < 0) throw new Error(`nothing was done to guestd:\n${output}`);
  const isOfOthers =
    /^(Preparing|Unpacking|Installing new version of config file|Setting up|Processing triggers|Selecting|Removing|Purging|\(Reading database|dpkg: warning: while removing guestd, directory .* not empty)/;
  const said: string[] = [];
  let isOurs = false;
  for (const line of lines.slice(start)) {
    if (isOfOthers.test(line)) isOurs = line.includes("guestd");
    else if (isOurs && line !== "") said.push(line);
  }
  return said;
}

/** The effective lines of a stack. */
export async function readStack(machine: Machine, stack: string): Promise<string[]> {
  const text = await machine.sh(`cat /etc/pam.d/common-${stack}`);
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** The stacks that name guestd's module. */
export async function wiredStacks(machine: Machine): Promise<string[]> {
  const wired = await Promise.all(
    STACKS.map(async (stack) => (await readStack(machine, stack)).some((line) => line.includes("pam_guest.so"))),
  );
  return STACKS.filter((_, index) => wired[index]);
}

/** An ordinary user logs in with a password, on behalf of an unprivileged process. */
const LOG_ALICE_IN =
  "echo secret | setpriv --reuid=65534 --regid=65534 --clear-groups su alice -c true >/dev/null 2>&1";

export async function canLogIn(machine: Machine): Promise<boolean> {
  return (await machine.run(["sh", "-c", LOG_ALICE_IN])).code === 0;
}

/** Logs alice in over and over during an action. @returns how often that succeeded, and how often it failed */
export async function logInMeanwhile(
  machine: Machine,
  act: () => Promise<unknown>,
): Promise<{ readonly ins: number; readonly outs: number }> {
  const stop = "/run/stop-logins";
  const logins = machine.run(
    ["sh", "-c", `while [ ! -e ${stop} ]; do if ${LOG_ALICE_IN}; then echo in; else echo out; fi; done; rm ${stop}`],
    { timeoutMs: APT_LIMIT_MS },
  );
  await act().finally(() => machine.sh(`touch ${stop}`));
  const words = (await logins).stdout.split("\n");
  return { ins: words.filter((word) => word === "in").length, outs: words.filter((word) => word === "out").length };
}

/** Runs dpkg-reconfigure on a terminal, and answers the one question. @throws Error when there is another */
export async function answerQuestion(machine: Machine, answer: "yes" | "no"): Promise<void> {
  const terminal = machine.terminal(["env", "DEBIAN_FRONTEND=teletype", "dpkg-reconfigure", "guestd"]);
  await terminal.expect(/Let guests log in to this machine\? \[yes\/no\] /);
  terminal.send(`${answer}\n`);
  const code = await terminal.end().finally(() => terminal.hangUp());
  if (code !== 0) throw new Error(`dpkg-reconfigure: exit ${code}\n${terminal.transcript}`);
}
