// A booted Debian to log in to: an overlay in memory, gone after its stop or the test process. keep-machine leaves no
// process or mount on the host.
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { execute, type Result } from "./execute.ts";
import { descendants } from "./processes.ts";
import type { Release } from "./root.ts";
import { takeSnapshot, type Snapshot } from "./snapshot.ts";
import { Terminal } from "./terminal.ts";
import { waitFor } from "./wait.ts";

const BOOT_LIMIT_MS = 90_000;
/** A cold cache means creating a root file system. */
const PREPARE_LIMIT_MS = 900_000;
const STOP_LIMIT_MS = 60_000;
/** This many looks must agree, about a second's worth. */
const CALM_LOOKS = 5;
const CALM_LIMIT_MS = 60_000;
/** keep-machine and nspawn each add one. */
const NAMESPACE_DEPTH = 2;

/** Nothing of the test's own environment. */
const ENVIRONMENT = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LANG=C.UTF-8",
  "TERM=dumb",
];

/** Every account of a test machine has it. */
export const PASSWORD = "secret";

type Kind = "machine" | "bench" | "desktop" | "xfce" | "pristine" | "dependencies";

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  /** Runs without PAM: no session is opened. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface SshOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  /** Used instead of root's key. */
  readonly password?: boolean;
  /** Options of ssh, e.g. ["-o", "SendEnv=LANG"]. */
  readonly options?: readonly string[];
}

/** Field to value. */
export type Entry = Readonly<Record<string, string>>;

let machines = 0;
const running = new Set<Machine>();

/** Booted by this process and not stopped. */
export const runningMachines = (): readonly Machine[] => [...running];

function helper(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

export class Machine {
  readonly release: Release;
  readonly #keeper: ChildProcess;
  readonly #console: () => string;
  #pid = 0;
  #terminals = 0;

  private constructor(release: Release, keeper: ChildProcess, console: () => string) {
    this.release = release;
    this.#keeper = keeper;
    this.#console = console;
  }

  /**
   * Boots a machine with guestd from build/packages/RELEASE, and waits until it is up. The kind "bench" adds what
   * guestd is measured against, "desktop" display managers (desktop.ts), and "xfce" also Xfce. "pristine" has the
   * package in /root/guestd.deb, not installed; "dependencies" adds the packages that guestd depends on.
   * @throws Error with the machine's console
   */
  static async boot(release: Release, kind: Kind = "machine"): Promise<Machine> {
    const prepared = await execute([helper("prepare-machine"), kind, release], { timeoutMs: PREPARE_LIMIT_MS });
    if (prepared.code !== 0) throw new Error(`no ${release} machine could be prepared:\n${prepared.stderr}`);
    const name = `guestd-test-${process.pid}-${++machines}`;
    const keeper = spawn(helper("keep-machine"), [name, release, prepared.stdout.trim()], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C must not reach it: the end of its stdin shuts it down in order.
      detached: true,
    });
    let output = "";
    for (const stream of [keeper.stdout, keeper.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    try {
      const machine = new Machine(release, keeper, () => output);
      await machine.#awaitBoot();
      running.add(machine);
      return machine;
    } catch (error) {
      await stopKeeper(keeper);
      throw new Error(`a ${release} machine did not boot; its console:\n${output}`, { cause: error });
    }
  }

  /** The first process's PID on the host: /proc/PID/root is the machine's root. */
  get pid(): number {
    return this.#pid;
  }

  /** Starts a root shell in the machine, from the host. */
  get shellCommand(): string {
    return `nsenter --target=${this.pid} --mount --uts --ipc --pid --net --cgroup -- bash -l`;
  }

  get consoleText(): string {
    return this.#console();
  }

  /** Runs a program as root, outside all the machine's cgroups. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    const { user, env = {}, ...rest } = options;
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const asUser =
      'user=$1; shift; exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --reset-env -- "$@"';
    const command = user === undefined ? argv : ["sh", "-c", asUser, "sh", user, ...argv];
    return execute(this.#enter(command, settings), rest);
  }

  /** Runs a bash script. Returns its output without the last newline. @throws Error when it fails */
  async sh(script: string, options: RunOptions = {}): Promise<string> {
    // --norc: bash takes a socket as stdin for a network login.
    const { code, stdout, stderr } = await this.run(["bash", "--norc", "-euc", script], options);
    if (code !== 0) throw new Error(`exit ${code} of: ${script}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, "");
  }

  /** Writes as root, and creates the directory. */
  async write(path: string, content: string | Buffer, mode = "644"): Promise<void> {
    // Not install(1) from /dev/stdin: Node's pipes are sockets, which cannot be opened by name.
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
    await this.run(["sh", "-c", script, "sh", path, mode], { input: content }).then(({ code, stderr }) => {
      if (code !== 0) throw new Error(`${path} could not be written: ${stderr}`);
    });
  }

  /** Runs a program on a terminal, in a scope of the machine's systemd. */
  terminal(argv: readonly string[]): Terminal {
    const unit = `terminal-${++this.#terminals}`;
    return this.#attach(["systemd-run", "--scope", "--quiet", "--collect", `--unit=${unit}`, "on-terminal", ...argv]);
  }

  /** Logs in through /bin/login, to a prepared shell. */
  async login(user: string, password = PASSWORD): Promise<Terminal> {
    const terminal = this.terminal(["login"]);
    await terminal.logIn(user, password);
    return terminal;
  }

  /** Logs in through /bin/login without a password, to a leased account. */
  async loginAsGhost(name = "guest"): Promise<Terminal> {
    const terminal = this.terminal(["login"]);
    await terminal.logIn(name);
    return terminal;
  }

  /** An empty command starts a login shell that reads the input. */
  ssh(user: string, command: string, options: SshOptions = {}): Promise<Result> {
    const { password, options: more = [], ...rest } = options;
    const env = password === true ? { SSH_ASKPASS: "/root/askpass", SSH_ASKPASS_REQUIRE: "force" } : {};
    const method = password === true ? ["-o", "PubkeyAuthentication=no"] : [];
    return this.run(["ssh", ...method, ...more, `${user}@localhost`, ...(command === "" ? [] : [command])], {
      ...rest,
      env,
    });
  }

  async sshSession(user: string, options: readonly string[] = []): Promise<Terminal> {
    const terminal = this.#attach(["ssh", "-tt", ...options, `${user}@localhost`]);
    await terminal.prepareShell();
    return terminal;
  }

  /** The oldest entry is first. @param matches as for journalctl: "GUEST_SESSION=…", "-u", "guestd" */
  async journal(...matches: string[]): Promise<Entry[]> {
    await this.run(["journalctl", "--sync"]);
    const { stdout } = await this.run(["journalctl", "--output=json", "--all", "--no-pager", "--quiet", ...matches]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map(parseEntry);
  }

  /** Compare with toEqual. */
  snapshot(): Promise<Snapshot> {
    return takeSnapshot(this);
  }

  /** Waits until looks agree: by then, ended things are gone. */
  async calmSnapshot(): Promise<Snapshot> {
    const looks: string[] = [];
    await waitFor(
      "the machine to be calm",
      async () => {
        looks.push(JSON.stringify(await this.snapshot()));
        return looks.length > CALM_LOOKS && new Set(looks.slice(-CALM_LOOKS)).size === 1;
      },
      CALM_LIMIT_MS,
    );
    return JSON.parse(looks.at(-1) ?? "") as Snapshot;
  }

  /** Waits until the state is as before. Returns the last look in any case: compare with toEqual. */
  async snapshotLike(before: Snapshot, limitMs = 30_000): Promise<Snapshot> {
    let last = await this.snapshot();
    const isSame = async (): Promise<boolean> => {
      last = await this.snapshot();
      return JSON.stringify(last) === JSON.stringify(before);
    };
    await waitFor("the machine to hold what it held before", isSame, limitMs).catch(() => undefined);
    return last;
  }

  /**
   * Boots again from the disk, after an orderly shutdown or a kill. Unlike a full machine, this one keeps data that was
   * unwritten at the power cut.
   */
  async restart(how: "reboot" | "power-cut"): Promise<void> {
    if (how === "power-cut") process.kill(this.pid, "SIGKILL");
    // It may go down before it answers.
    else await this.run(["systemctl", "reboot"]);
    await this.#awaitBoot();
  }

  /** Like pulling the plug. */
  async stop(): Promise<void> {
    running.delete(this);
    await stopKeeper(this.#keeper);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The command dies with the test process. */
  #enter(argv: readonly string[], settings: readonly string[] = []): string[] {
    return [
      "nsenter",
      `--target=${this.pid}`,
      "--mount",
      "--uts",
      "--ipc",
      "--pid",
      "--net",
      "--cgroup",
      "--",
      "env",
      "-i",
      ...ENVIRONMENT,
      ...settings,
      "setpriv",
      "--pdeathsig",
      "KILL",
      "--",
      ...argv,
    ];
  }

  #attach(argv: readonly string[]): Terminal {
    const [program = "", ...args] = this.#enter(argv);
    return new Terminal(spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] }));
  }

  async #awaitBoot(): Promise<void> {
    const before = this.#pid;
    const findNext = () => {
      const pid = findInit(this.#keeper);
      return pid === before ? undefined : pid;
    };
    this.#pid = await waitFor("first process of the machine", findNext, BOOT_LIMIT_MS);
    await waitFor("the machine to be up", () => this.#isUp(), BOOT_LIMIT_MS);
    // The host's program: not every machine has one.
    await execute(["nsenter", `--target=${this.#pid}`, "--net", "--", "ip", "link", "set", "lo", "up"]);
  }

  async #isUp(): Promise<boolean> {
    const { stdout } = await this.run(["systemctl", "is-system-running"]);
    return /^(running|degraded)$/m.test(stdout);
  }
}

/** The first process in the innermost PID namespace. */
function findInit(keeper: ChildProcess): number | undefined {
  const { pid, exitCode } = keeper;
  if (pid === undefined || exitCode !== null) throw new Error(`keep-machine ended with ${String(exitCode)}`);
  return descendants(pid).find(({ pids }) => pids.length === 1 + NAMESPACE_DEPTH && pids.at(-1) === 1)?.pid;
}

/** keep-machine ends the machine first. */
async function stopKeeper(keeper: ChildProcess): Promise<void> {
  keeper.stdin?.end();
  await waitFor("keep-machine to end", () => keeper.exitCode !== null || keeper.signalCode !== null, STOP_LIMIT_MS);
}

function parseEntry(line: string): Entry {
  const fields = Object.entries(JSON.parse(line) as Record<string, unknown>);
  return Object.fromEntries(fields.map(([name, value]) => [name, fieldText(value)]));
}

/** journalctl prints a value that is not UTF-8 as an array of bytes, a repeated field as an array of values. */
function fieldText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  if (value.every((item) => typeof item === "number")) return Buffer.from(value).toString();
  return value.map(fieldText).join("\n");
}
