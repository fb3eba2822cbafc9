// A Debian in qemu with the release's own kernel, for what a container cannot show, above all real limits. Emulation is
// slow: only for a few tests. full-machine-keep leaves nothing on the host.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute, type Result } from "./execute.ts";
import { PASSWORD, type RunOptions } from "./machine.ts";
import type { Release } from "./root.ts";
import { Terminal } from "./terminal.ts";
import { waitFor } from "./wait.ts";

const BOOT_LIMIT_MS = 180_000;
/** A cold cache means creating a root file system. */
const PREPARE_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 60_000;
/** A reset returns no result. */
const RESET_LIMIT_MS = 6000;
/** For a command, or a wait on a terminal. */
const COMMAND_LIMIT_MS = 60_000;

const ENVIRONMENT = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LANG=C.UTF-8",
  "TERM=dumb",
];

/** The key belongs to this machine, and no other server can answer at the port. */
const SSH = [
  "ssh",
  "-F",
  "none",
  "-o",
  "BatchMode=yes",
  "-o",
  "LogLevel=ERROR",
  "-o",
  "IdentitiesOnly=yes",
  "-o",
  "StrictHostKeyChecking=no",
  "-o",
  "UserKnownHostsFile=/dev/null",
  "-o",
  "GlobalKnownHostsFile=/dev/null",
];

function helper(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Without a screen, or with one for a person at each seat. */
export type FullKind = "kernel" | "seat" | "seats";

export class FullMachine {
  readonly release: Release;
  readonly #keeper: ChildProcess;
  /** Holds the connection's sockets. */
  readonly #directory: string;
  readonly #key: string;
  #console = "";
  #terminals = 0;
  #master: ChildProcess | undefined;

  private constructor(release: Release, keeper: ChildProcess, directory: string, key: string) {
    this.release = release;
    this.#keeper = keeper;
    this.#directory = directory;
    this.#key = key;
    for (const stream of [keeper.stdout, keeper.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#console += text;
      });
    }
  }

  /**
   * Boots a machine with guestd from build/packages/RELEASE, and waits until it is up.
   * @param kind with seats it has screens and a desktop: see Seat
   * @throws Error with the machine's console
   */
  static async boot(release: Release, kind: FullKind = "kernel"): Promise<FullMachine> {
    const made = await execute([helper("full-machine-image"), release, kind === "seats" ? "seat" : kind], {
      timeoutMs: PREPARE_LIMIT_MS,
    });
    if (made.code !== 0) throw new Error(`no disk of a ${release} machine could be made:\n${made.stderr}`);
    const image = made.stdout.trim();
    const directory = mkdtempSync(join(tmpdir(), "guestd-full-"));
    const keeper = spawn(helper("full-machine-keep"), [image, directory, ...(kind === "kernel" ? [] : [kind])], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C must not reach it: the end of its stdin shuts it down in order.
      detached: true,
    });
    const machine = new FullMachine(release, keeper, directory, join(image, "key"));
    try {
      await machine.#awaitBoot();
      return machine;
    } catch (error) {
      await machine.stop();
      throw new Error(`a full ${release} machine did not boot; its console:\n${machine.consoleText}`, { cause: error });
    }
  }

  /** On the host, of this machine's socket or file: see full-machine-keep. */
  path(name: string): string {
    return join(this.#directory, name);
  }

  get consoleText(): string {
    return this.#console;
  }

  /** Runs a program as root, outside all sessions. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    const { user, env = {}, ...rest } = options;
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const asUser =
      user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--reset-env", "--"];
    return execute(this.#enter(["env", "-i", ...ENVIRONMENT, ...settings, ...asUser, ...argv]), {
      timeoutMs: COMMAND_LIMIT_MS,
      ...rest,
    });
  }

  /** Runs a bash script. Returns its output without the last newline. @throws Error when it fails */
  async sh(script: string, options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(["bash", "--norc", "-euc", script], options);
    if (code !== 0) throw new Error(`exit ${code} of: ${script}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, "");
  }

  /** Runs a program on a terminal, in a scope of the machine's systemd. */
  terminal(argv: readonly string[]): Terminal {
    const unit = `terminal-${++this.#terminals}`;
    return this.#attach(["systemd-run", "--scope", "--quiet", "--collect", `--unit=${unit}`, "on-terminal", ...argv]);
  }

  /** Logs in through /bin/login, to a prepared shell. */
  async login(user: string, password = PASSWORD): Promise<Terminal> {
    const terminal = this.terminal(["login"]);
    await terminal.expect(/login: /, COMMAND_LIMIT_MS);
    terminal.send(`${user}\n`);
    await terminal.expect(/Password: /, COMMAND_LIMIT_MS);
    terminal.send(`${password}\n`);
    await terminal.prepareShell(COMMAND_LIMIT_MS);
    return terminal;
  }

  /** Logs in through /bin/login without a password, to a leased account. */
  async loginAsGhost(): Promise<Terminal> {
    const terminal = this.terminal(["login"]);
    await terminal.expect(/login: /, COMMAND_LIMIT_MS);
    terminal.send("guest\n");
    await terminal.prepareShell(COMMAND_LIMIT_MS);
    return terminal;
  }

  /** Uses the machine's own ssh, and root's key. */
  async sshSession(user: string): Promise<Terminal> {
    const terminal = this.#attach(["ssh", "-tt", `${user}@localhost`]);
    await terminal.prepareShell(COMMAND_LIMIT_MS);
    return terminal;
  }

  /**
   * Resets the machine, which loses unwritten data and boots again.
   * @param reset from outside, instead of by the machine's own kernel
   */
  async cutPower(reset: () => Promise<unknown> = () => this.#resetItself()): Promise<void> {
    await reset();
    this.#master?.kill("SIGKILL");
    await waitFor("the connection to end", () => this.#master?.signalCode !== null);
    rmSync(join(this.#directory, "control"));
    await this.#awaitBoot();
  }

  /** Like pulling the plug. */
  async stop(): Promise<void> {
    const keeper = this.#keeper;
    keeper.stdin?.end();
    await waitFor(
      "full-machine-keep to end",
      () => keeper.exitCode !== null || keeper.signalCode !== null,
      STOP_LIMIT_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #resetItself(): Promise<void> {
    await this.run(["sh", "-c", "echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger"], {
      timeoutMs: RESET_LIMIT_MS,
    }).catch(() => undefined);
  }

  async #awaitBoot(): Promise<void> {
    await this.#connect();
    // Started here, because its start takes longer than a login waits.
    await this.sh("systemctl is-system-running --wait || true; systemctl start guestd.service", {
      timeoutMs: BOOT_LIMIT_MS,
    });
  }

  /** One connection for all commands. Waiting requests are answered once sshd has opened it. */
  async #connect(): Promise<void> {
    const socket = join(this.#directory, "way-in");
    const control = join(this.#directory, "control");
    await waitFor("the machine's port", () => this.#isKept() && existsSync(socket), BOOT_LIMIT_MS);
    const [program = "", ...options] = SSH;
    const proxy = `ProxyCommand=${quote(helper("full-machine-connect"))} ${quote(socket)}`;
    const master = spawn(
      program,
      [...options, "-M", "-N", "-S", control, "-i", this.#key, "-o", proxy, "root@machine"],
      {
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
      },
    );
    this.#master = master;
    let said = "";
    master.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const isThere = (): boolean => {
      if (master.exitCode !== null) this.#console += said;
      return existsSync(control) || master.exitCode !== null || !this.#isKept();
    };
    await waitFor("an answer from the machine", isThere, BOOT_LIMIT_MS);
  }

  #isKept(): boolean {
    if (this.#keeper.exitCode !== null) throw new Error(`full-machine-keep ended with ${this.#keeper.exitCode}`);
    return true;
  }

  /** The shell stays, to report a killing signal as shells do. */
  #enter(argv: readonly string[]): string[] {
    return [...SSH, "-S", join(this.#directory, "control"), "root@machine", `${argv.map(quote).join(" ")}; exit $?`];
  }

  #attach(argv: readonly string[]): Terminal {
    const [program = "", ...args] = this.#enter(["env", "-i", ...ENVIRONMENT, ...argv]);
    return new Terminal(spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] }));
  }
}
