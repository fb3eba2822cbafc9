// From configuration and account to the steps of a view: DESIGN "the default view", as plain data.
// Pure: what must be known of the machine comes in as PlanFacts.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { Step, TmpfsStep } from "./steps.ts";

/** What a plan must know of the machine it is made for. */
export interface PlanFacts {
  /** Whether this kernel has overlayfs. */
  readonly overlay: boolean;
  /** Mount points below /etc in the leader's mount namespace; an overlay would lose them. */
  readonly etcMounts: readonly string[];
  /** Files of the trees laid over /etc, the administrator's and guestd's own; needed where there is no overlayfs. */
  readonly etcFiles: readonly { readonly root: string; readonly name: string }[];
  /** What the host has of AS_ON_HOST. */
  readonly asOnHost: readonly { readonly path: string; readonly mode: number; readonly gid: number }[];
}

/** Private directories of whose mode and group a program makes sure before it uses them: screen(1), set-group-ID or not. */
export const AS_ON_HOST: readonly string[] = ["/run/screen"];

/** For whom a plan is made. */
export interface PlannedLogin {
  readonly account: Account;
  /** The account is this session's alone; otherwise the view keeps it apart from others of the same uid. */
  readonly leased: boolean;
  /** PAM's terminal: empty, a name without a device ("ssh"), or that of a terminal the login already has. */
  readonly tty: string;
}

/**
 * The steps of a guest's view, in the order in which they are attached: what covers much comes first, so that it
 * does not lift a mask, nor seal a path that is the guest's to write to.
 */
export function makePlan(config: Config, login: PlannedLogin, facts: PlanFacts): Step[] {
  const { account } = login;
  return [
    ...etcSteps(config, facts),
    ...readonlySteps(config),
    ...hideSteps(config),
    ...privateSteps(config, facts),
    ...(login.leased ? [] : sharedSteps(config, login)),
    homeStep(config, account),
    ...bindSteps(config),
    ...procSteps(config, login.leased),
  ];
}

const TMPFS = {
  kind: "tmpfs",
  create: false,
  optional: false,
  uid: 0,
  gid: 0,
  noexec: false,
  readonly: false,
  skeletons: [],
} as const;

function hideSteps(config: Config): Step[] {
  return config.View.Hide.map(({ path, optional }) => ({ kind: "hide", target: path, optional }));
}

function privateSteps(config: Config, { asOnHost }: PlanFacts): TmpfsStep[] {
  return config.View.Private.map(({ path, optional }) => {
    const { mode, gid } = asOnHost.find((directory) => directory.path === path) ?? { mode: 0o1777, gid: 0 };
    const { PrivateSize: size, PrivateInodes: inodes } = config.View;
    return { ...TMPFS, target: path, optional, mode, gid, size, inodes };
  });
}

function sharedSteps(config: Config, { account, tty }: PlannedLogin): Step[] {
  return [
    runtimeRootStep(),
    runtimeStep(config, account),
    { kind: "mqueue", target: "/dev/mqueue" },
    ...(hasTerminal(tty) ? [] : [{ kind: "devpts", target: "/dev/pts" } as const]),
  ];
}

// A login that has its terminal must find it again in the view. Others (sshd) get theirs later, from the view's own.
const hasTerminal = (tty: string) => /^(\/dev\/)?(tty|pts\/)/.test(tty);

// Sessions of one account share its uid, so the host's /run/user/UID would be a directory where they meet, and it
// outlives them. Each view has its own; logind's is mounted below it, out of sight.
function runtimeRootStep(): TmpfsStep {
  return { ...TMPFS, target: "/run/user", mode: 0o755, size: "4k", inodes: 16, noexec: true, readonly: true };
}

function runtimeStep(config: Config, { uid, gid }: Account): TmpfsStep {
  return {
    ...TMPFS,
    target: `/run/user/${uid}`,
    create: true,
    mode: 0o700,
    uid,
    gid,
    size: config.View.PrivateSize,
    inodes: config.View.PrivateInodes,
  };
}

function homeStep(config: Config, { home, uid, gid }: Account): TmpfsStep {
  return {
    ...TMPFS,
    target: home,
    create: true,
    mode: 0o700,
    uid,
    gid,
    size: config.Home.Size,
    inodes: config.Home.Inodes,
    noexec: config.Home.NoExec,
    skeletons: config.Home.Skeleton.map(({ path }) => path),
  };
}

function readonlySteps(config: Config): Step[] {
  return config.View.ReadOnly.map(({ path, optional }) => ({ kind: "readonly", target: path, optional }));
}

function bindSteps(config: Config): Step[] {
  return config.View.Bind.map(({ path, target, readonly, optional }) => ({
    kind: "bind",
    source: path,
    target,
    readonly,
    optional,
  }));
}

// Read-only whatever is laid over it: programs with root's rights, such as passwd, would change the host's files.
function etcSteps(config: Config, facts: PlanFacts): Step[] {
  const laid =
    config.Etc.Mode === "overlay" && facts.overlay ? overlaySteps(config, facts) : replaceSteps(config, facts);
  return [{ kind: "readonly", target: "/etc", optional: false }, ...laid];
}

/** Laid over /etc below the administrator's: no guest may use at and cron, or has subordinate uids. */
export const VENDOR_ETC = "/usr/lib/guestd/etc";

function overlaySteps({ Etc }: Config, facts: PlanFacts): Step[] {
  return [
    { kind: "overlay", target: "/etc", layers: [Etc.Overlay, VENDOR_ETC], hidden: Etc.Hide },
    ...facts.etcMounts.map((target): Step => ({
      kind: "bind",
      source: target,
      target,
      readonly: true,
      optional: true,
    })),
  ];
}

// Without overlayfs a file can be covered only where /etc has one of that name: what would be added is left out.
function replaceSteps({ Etc }: Config, facts: PlanFacts): Step[] {
  return [
    ...facts.etcFiles.map(({ root, name }): Step => ({
      kind: "bind",
      source: `${root}/${name}`,
      target: `/etc/${name}`,
      readonly: true,
      optional: true,
    })),
    ...Etc.Hide.map((name): Step => ({ kind: "hide", target: `/etc/${name}`, optional: true })),
  ];
}

// Last: until then the base's own /proc serves. A PID namespace of the view's own needs a /proc of its own.
function procSteps({ View }: Config, leased: boolean): Step[] {
  if (View.Proc === "default" && leased) return [];
  return [{ kind: "proc", target: "/proc", hidepid: View.Proc === "default" ? "invisible" : View.Proc }];
}
