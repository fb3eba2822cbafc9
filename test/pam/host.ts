/** Builds pam_guest.so and host.c, and runs host.c in a world with a PAM service of the test. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { World } from "./world.ts";

export const repository = resolve(import.meta.dirname, "../..");
const out = join(repository, "build/pam-test");

export interface Build {
  readonly name: string;
  readonly module: string;
  readonly host: string;
}

/** Each test runs with both. The second build stops at the first bad access, overflow or leak. */
export const builds: readonly [Build, Build] = [
  { name: "as shipped", module: join(out, "pam_guest.so"), host: join(out, "pam_host") },
  { name: "with ASan and UBSan", module: join(out, "asan/pam_guest.so"), host: join(out, "asan/pam_host") },
];

/** Replaces the installed path of the module's other part. */
const parts = [`BUS_PART=${join(out, "pam_guest_bus.so")}`, `ASAN_BUS_PART=${join(out, "asan/pam_guest_bus.so")}`];

/** Test files run in parallel: one builds, the others wait for it. */
export function buildModule(): void {
  mkdirSync(out, { recursive: true });
  for (const directory of ["pam", "test/pam"])
    execFileSync("flock", [join(out, ".lock"), "make", "-s", "-C", directory, `OUT=${out}`, ...parts, "all", "asan"], {
      cwd: repository,
      stdio: ["ignore", "ignore", "inherit"],
    });
}

export interface State {
  readonly namespace: number;
  readonly ipc: number;
  /** The PID namespace of its children. */
  readonly children: number;
  readonly descriptors: number;
  /** Descriptors above 2 that an executed program would inherit, each followed by a space. */
  readonly inherited: string;
  readonly umask: number;
  readonly directory: string;
  readonly directoryIsHere: boolean;
  readonly signals: string;
}

export interface Hook {
  readonly hook: "auth" | "setcred" | "open" | "close" | "child";
  /** As the process itself sees it. */
  readonly pid: number;
  readonly result: string;
  /** Microseconds that PAM is to wait after a failure. */
  readonly pause: number;
  readonly milliseconds: number;
  /** PAM_USER afterwards. */
  readonly user: string;
  /** "STYLE text" */
  readonly told: readonly string[];
  /** "PRIORITY text" */
  readonly logged: readonly string[];
  readonly environment: readonly string[];
  readonly before: State;
  readonly after: State;
}

export interface Run {
  readonly build: Build;
  readonly user: string;
  readonly actions: readonly string[];
  readonly options?: string;
  readonly service?: string;
  /** Stack lines in place of the module alone. */
  readonly stack?: readonly string[];
  readonly authStack?: readonly string[];
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs the host program. */
  readonly wrapper?: readonly string[];
}

const resultNames: Readonly<Record<number, string>> = {
  0: "PAM_SUCCESS",
  4: "PAM_SYSTEM_ERR",
  6: "PAM_PERM_DENIED",
  7: "PAM_AUTH_ERR",
  14: "PAM_SESSION_ERR",
  25: "PAM_IGNORE",
  28: "PAM_MODULE_UNKNOWN",
  31: "PAM_INCOMPLETE",
};

/** PAM's numbers. */
const STYLES = { question: "2", error: "3", text: "4" } as const;

/** Messages in one style: a question with a visible answer, an error, or plain text. */
export const toldAs = (style: keyof typeof STYLES, hook: Hook): string[] =>
  hook.told.filter((text) => text.startsWith(`${STYLES[style]} `)).map((text) => text.slice(2));

export const errors = (hook: Hook): string[] => toldAs("error", hook);

function prepare(world: World, run: Run): { confdir: string; service: string } {
  const confdir = mkdtempSync(join(world.directory, "pam.d-"));
  const service = run.service ?? "login";
  // With default=done the module's return code is the stack's.
  const alone = [`[default=done] ${run.build.module} ${run.options ?? ""}`];
  const lines = (type: string, stack: readonly string[] = alone) => stack.map((line) => `${type} ${line}\n`).join("");
  writeFileSync(join(confdir, service), lines("auth", run.authStack) + lines("session", run.stack));
  writeFileSync(join(confdir, "other"), "auth required pam_deny.so\nsession required pam_deny.so\n");
  return { confdir, service };
}

/** Runs the host program. @throws Error for a crash, a leak or any output on stderr */
export async function runHost(world: World, run: Run): Promise<Hook[]> {
  const { confdir, service } = prepare(world, run);
  const line = [...world.enter, "env", "-C", run.directory ?? "/", ...(run.wrapper ?? [])];
  const [file = "", ...rest] = [...line, run.build.host, confdir, service, run.user, ...run.actions];
  const environment = { PATH: process.env["PATH"], UBSAN_OPTIONS: "print_stacktrace=1", ...run.environment };
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"], env: environment });
  let output = "";
  let complaints = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (complaints += data.toString()));
  const status = await new Promise<string>((done) => {
    child.on("close", (code, signal) => {
      done(String(code ?? signal));
    });
  });
  if (status !== "0" || complaints !== "") throw new Error(`the host ended with ${status}: ${complaints}${output}`);
  return output.trim().split("\n").map(parseHook);
}

/** Runs one action, and returns its hook. */
export async function runOnce(world: World, run: Omit<Run, "actions"> & { readonly action?: string }): Promise<Hook> {
  const [hook] = await runHost(world, { ...run, actions: [run.action ?? "open"] });
  if (!hook) throw new Error("no hook was called");
  return hook;
}

function parseHook(line: string): Hook {
  const hook = JSON.parse(line) as Omit<Hook, "result"> & { result: number };
  return { ...hook, result: resultNames[hook.result] ?? String(hook.result) };
}
