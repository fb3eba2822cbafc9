/**
 * A mount namespace with its own accounts and system bus, because the module's addresses are fixed
 * (/run/dbus/system_bus_socket, NSS). It must not change the machine: all mounts are private and go away with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe } from "vitest";

/** One user for each way to be, or not to be, a guest. */
export const accounts = {
  outsider: "ada",
  byPrimaryGroup: "guest-k3f9",
  byMembership: "visitor",
  bySecondSource: "stranger",
  oddName: "%s%n",
  ghost: "guest",
  /** Has the ghost's UID, and their own group. */
  namesake: "zoe",
} as const;

/** Of the outsider and of the group's member. The others have none. */
export const password = "open-sesame";
const hash = "$6$guest$yzGQlYGLxDXzu1ChvBqAb2/l0caOY55Tpu.V0cjiTW9Z2JiFgej0MekINsMbMcgoZE84quAwvNbj415I0B90W/";

const files = {
  passwd: `root:x:0:0:root:/root:/bin/sh
${accounts.outsider}:${hash}:1001:1001::/home/ada:/bin/sh
${accounts.byPrimaryGroup}:x:60601:990::/home/guest-k3f9:/bin/bash
${accounts.byMembership}:${hash}:1002:1002::/home/visitor:/bin/sh
${accounts.bySecondSource}:x:1003:1003::/home/stranger:/bin/sh
${accounts.oddName}:x:60602:990::/home/odd:/bin/sh
${accounts.ghost}:x:60000:5100::/home/guest:/bin/sh
${accounts.namesake}:x:60000:991::/home/zoe:/bin/sh
`,
  // The second group of number 990 is like another source in nsswitch.conf: only getgrouplist(3) sees it.
  group: `root:x:0:
guests:x:990:${accounts.byMembership}
more-guests:x:990:${accounts.bySecondSource}
trusted:x:991:root
`,
  "nsswitch.conf": "passwd: files\ngroup: files\n",
};

const busConfig = (services: string, connections: number): string => `<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <servicedir>${services}</servicedir>
  <limit name="max_connections_per_user">${String(connections)}</limit>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** `outside` exists only in the world, `both` also in a view, as another directory that is empty. */
export const directories = { outside: "/mnt/outside", both: "/mnt/both" } as const;

export interface World {
  /** The same path inside and outside. */
  readonly directory: string;
  /** As seen from the test process. */
  readonly busAddress: string;
  /** Prefix of a command that runs inside. */
  readonly enter: readonly string[];
  readonly bus: Bus;
  stop(): Promise<void>;
}

export interface Bus {
  /** @param connections limit of each user */
  start(connections?: number): Promise<void>;
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT: a frozen bus accepts connections and never replies. */
  freeze(): void;
  thaw(): void;
  /** Makes the bus activate org.guestd1 with this command. */
  activateBy(command: string): void;
}

/** Held as by guestd: through a descriptor of the (test) process. */
export interface Held {
  readonly path: string;
  readonly inode: bigint;
  readonly fd: number;
}

export interface View extends Held {
  stop(): Promise<void>;
}

/** The PID namespace includes its init. */
export interface Isolation {
  readonly pid: Held;
  readonly ipc: Held;
  stop(): Promise<void>;
}

/** Polls until `condition` holds. @throws Error that names `what` after `limit` ms */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limit = 10_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${String(limit)} ms in vain: ${what}`);
    await delay(5);
  }
}

/** Prints a message when root is missing. @throws Error where skipping is forbidden (GUEST_MUST_WORK=1) */
export const describeAsRoot: typeof describe | typeof describe.skip = (() => {
  if (process.getuid?.() === 0) return describe;
  const text = "the tests of pam_guest need root: SKIPPED";
  if (process.env["GUEST_MUST_WORK"] === "1") throw new Error(text);
  console.error(text);
  return describe.skip;
})();

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** Starts `sh -euc SCRIPT` as setup. It then stays, and dies with this process. */
async function hold(command: readonly string[], script: string): Promise<ChildProcess> {
  const lines = `${script}\necho ready\nexec setpriv --pdeathsig KILL sleep infinity`;
  const [file, ...rest] = [...command, "sh", "-euc", lines];
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  await until(`"ready" from ${file}`, () => {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${String(child.exitCode)}`);
    return output.includes("ready");
  });
  return child;
}

function createBus(directory: string, enter: readonly string[]): Bus {
  let daemon: ChildProcess | undefined;
  const services = join(directory, "services");
  const config = join(directory, "bus.conf");
  mkdirSync(services);
  return {
    async start(connections = 256) {
      writeFileSync(config, busConfig(services, connections));
      const line = ["setpriv", "--pdeathsig", "KILL", "dbus-daemon", `--config-file=${config}`, "--nofork"];
      const [file, ...rest] = [...enter, ...line, "--print-address"];
      // stderr only complains that it may not raise its own limits here.
      const child = spawn(file, rest, { stdio: ["ignore", "pipe", "ignore"] });
      daemon = child;
      let address = "";
      child.stdout.on("data", (data: Buffer) => (address += data.toString()));
      await until("the address of dbus-daemon", () => address.includes("\n"));
    },
    async stop() {
      if (daemon) await end(daemon);
      daemon = undefined;
      rmSync(join(services, "org.guestd1.service"), { force: true });
    },
    freeze: () => daemon?.kill("SIGSTOP"),
    thaw: () => daemon?.kill("SIGCONT"),
    activateBy: (command) => {
      writeFileSync(join(services, "org.guestd1.service"), `[D-BUS Service]\nName=org.guestd1\nExec=${command}\n`);
    },
  };
}

export async function createWorld(): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "pam-guest-"));
  const binds = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(directory, name), text);
    return `mount --bind ${join(directory, name)} /etc/${name}`;
  });
  const script = ["mount -t tmpfs tmpfs /run", "mkdir /run/dbus", ...binds, "mount -t tmpfs tmpfs /mnt"];
  script.push(`mkdir ${directories.outside} ${directories.both}`);
  const holder = await hold(["unshare", "-m", "--propagation", "private"], script.join("\n"));
  const pid = String(holder.pid);
  const enter = ["nsenter", "-t", pid, "-m", "--"];
  const bus = createBus(directory, enter);
  return {
    directory,
    enter,
    bus,
    busAddress: `unix:path=/proc/${pid}/root/run/dbus/system_bus_socket`,
    async stop() {
      await bus.stop();
      await end(holder);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Opens a file and describes it the way guestd describes a namespace. */
export function holdFile(file: string): Held {
  const fd = openSync(file, "r");
  return { fd, path: `/proc/${String(process.pid)}/fd/${String(fd)}`, inode: fstatSync(fd, { bigint: true }).ino };
}

/** A small version of guestd's view. @param flags more of unshare(1) */
export async function createView(world: World, flags: readonly string[] = []): Promise<View> {
  const unshare = ["unshare", "-m", ...flags, "--propagation", "slave"];
  const script = `mount -t tmpfs tmpfs /mnt\nmkdir ${directories.both}`;
  const holder = await hold([...world.enter, ...unshare], script);
  const view = holdFile(`/proc/${String(holder.pid)}/ns/mnt`);
  return {
    ...view,
    async stop() {
      closeSync(view.fd);
      await end(holder);
    },
  };
}

/** Like guestd's. @param flags more of unshare(1) */
export async function createIsolation(world: World, flags: readonly string[] = []): Promise<Isolation> {
  const unshare = ["unshare", "-p", "-i", ...flags, "--fork", "--kill-child"];
  const holder = await hold([...world.enter, ...unshare], ":");
  const pid = holdFile(`/proc/${String(holder.pid)}/ns/pid_for_children`);
  const ipc = holdFile(`/proc/${String(holder.pid)}/ns/ipc`);
  return {
    pid,
    ipc,
    async stop() {
      closeSync(pid.fd);
      closeSync(ipc.fd);
      await end(holder);
    },
  };
}
