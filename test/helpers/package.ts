// guestd's package on a pristine machine: installing, upgrading, removing.
import type { Result } from "./execute.ts";
import type { Machine } from "./machine.ts";

/** Machine.boot() puts it there. */
export const PACKAGE = "/root/guestd.deb";
export const SWITCH = "/var/lib/guestd/switch.json";
/** The stacks that pam-auth-update writes. */
export const STACKS = ["auth", "account", "password", "session", "session-noninteractive"] as const;

const APT_LIMIT_MS = 120_000;
const UNATTENDED = { DEBIAN_FRONTEND: "noninteractive" };
/** Keeps existing configuration files, and shows no progress. */
const OPTIONS = ["--quiet", "--yes", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0"];

/** stdout is the output of apt-get and dpkg, in order. */
export async function runApt(machine: Machine, ...args: string[]): Promise<Result> {
  return machine.run(["sh", "-c", 'exec apt-get "$@" 2>&1', "sh", ...OPTIONS, ...args], {
    env: UNATTENDED,
    timeoutMs: APT_LIMIT_MS,
  });
}

/** Like runApt(). @throws Error when it fails */
export async function apt(machine: Machine, ...args: string[]): Promise<string> {
  const { code, stdout } = await runApt(machine, ...args);
  if (code !== 0) throw new Error(`exit ${code} of: apt-get ${args.join(" ")}\n${stdout}`);
  return stdout;
}

/** Answers the package's question in advance. */
export async function preseed(machine: Machine, answer: boolean): Promise<void> {
  await machine.sh(`echo guestd guestd/enable boolean ${answer} | debconf-set-selections`);
}

/** Allows the terminals of machine.loginAsGhost(). */
export async function allowTerminals(machine: Machine): Promise<void> {
  await machine.write("/etc/guestd/guestd.conf.d/terminals.conf", "[Guests]\nTerminals=pts/*\n");
  await machine.sh("guestctl reload");
}

/**
 * Makes another version of the package.
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

/** The version, and dpkg's state. */
export async function packageStatus(machine: Machine): Promise<string> {
  return (await machine.run(["dpkg-query", "--show", "--showformat=${Version} ${db:Status-Status}", "guestd"])).stdout;
}

/** After a purge, apt does not know the package. */
export async function purge(machine: Machine): Promise<void> {
  if (!/^$|not-installed$/.test(await packageStatus(machine))) await apt(machine, "purge", "guestd");
}

/** dpkg's own lines begin in one of these ways. */
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

/** Without comments and empty lines. */
export async function readStack(machine: Machine, stack: string): Promise<string[]> {
  const text = await machine.sh(`cat /etc/pam.d/common-${stack}`);
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

export async function wiredStacks(machine: Machine): Promise<string[]> {
  const wired = await Promise.all(
    STACKS.map(async (stack) => (await readStack(machine, stack)).some((line) => line.includes("pam_guest.so"))),
  );
  return STACKS.filter((_, index) => wired[index]);
}

/** The caller is unprivileged. */
const LOG_ALICE_IN =
  "echo secret | setpriv --reuid=65534 --regid=65534 --clear-groups su alice -c true >/dev/null 2>&1";

export async function canLogIn(machine: Machine): Promise<boolean> {
  return (await machine.run(["sh", "-c", LOG_ALICE_IN])).code === 0;
}

/** Logs alice in repeatedly during an action. @returns how often that succeeded and failed */
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

/** Runs dpkg-reconfigure on a terminal. @throws Error when it has another question */
export async function answerQuestion(machine: Machine, answer: "yes" | "no"): Promise<void> {
  const terminal = machine.terminal(["env", "DEBIAN_FRONTEND=teletype", "dpkg-reconfigure", "guestd"]);
  await terminal.expect(/Let guests log in to this machine\? \[yes\/no\] /);
  terminal.send(`${answer}\n`);
  const code = await terminal.end().finally(() => terminal.hangUp());
  if (code !== 0) throw new Error(`dpkg-reconfigure: exit ${code}\n${terminal.transcript}`);
}
