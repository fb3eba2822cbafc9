// Turns configuration and account into the steps of a view. Pure: facts about the machine come in as PlanFacts.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { Display } from "./display.ts";
import { displaySteps, findServerOutside } from "./display.ts";
import type { Mount, MountTree } from "./mounts.ts";
import { automountAbove, treeOf } from "./mounts.ts";
import type { Link } from "./paths.ts";
import { followLinks, isWithin } from "./paths.ts";
import { hideElsewhere, hideInBinds } from "./second-paths.ts";
import type { BindStep, HideStep, Step, TmpfsStep } from "./steps.ts";
import { noexecAs, readonlyAs } from "./strict.ts";

export interface PlanFacts {
  readonly overlay: boolean;
  /** Those of the leader's mount namespace. */
  readonly mounts: readonly Mount[];
  /** Symbolic links on the way to configured paths and the home. Only those that root alone can change. */
  readonly links: readonly Link[];
  /** Files of the trees laid over /etc. Needed without overlayfs. */
  readonly etcFiles: readonly { readonly root: string; readonly name: string }[];
  /** The directories of AS_ON_HOST that the host has. */
  readonly asOnHost: readonly { readonly path: string; readonly mode: number; readonly gid: number }[];
}

/** screen(1) checks their mode and group before use; it may be set-group-ID. */
export const AS_ON_HOST: readonly string[] = ["/run/screen"];

export interface PlannedLogin extends Display {
  readonly account: Account;
  /** Otherwise the view is isolated from other sessions of the UID. */
  readonly leased: boolean;
}

/**
 * Returns the steps of a view, in order. Steps that cover much come first: later, they would uncover what a mask hides,
 * or make a guest's path read-only.
 */
export function makePlan(configured: Config, planned: PlannedLogin, facts: PlanFacts): Step[] {
  const config = followConfig(configured, facts.links);
  const account = { ...planned.account, home: placeHome(config, planned.account, facts.links) };
  const login = { ...planned, account };
  const mounts = treeOf(facts.mounts);
  const hides = [...hideSteps(config), ...hideHome(config, planned.account, facts.links)];
  const covers = [
    ...privateSteps(config, facts, mounts),
    ...(login.leased ? [] : sharedSteps(config, login)),
    homeStep(config, account, mounts),
  ];
  const hidden = [...hides, ...hideElsewhere([...hides, ...covers], mounts)];
  const binds = bindSteps(config);
  return [
    ...keepSteps(account, mounts),
    ...etcSteps(config, facts, login.leased),
    ...readonlySteps(config),
    ...hidden,
    ...covers,
    ...displaySteps({ ...login, uid: account.uid }, covers, facts.links),
    ...(sharesHostIpc(login) ? [] : [IPC]),
    ...binds,
    ...hideInBinds([...hidden, ...covers], binds),
    ...procSteps(config, login.leased),
  ];
}

function followConfig(config: Config, links: readonly Link[]): Config {
  const follow = (path: string) => followLinks(path, links);
  const followAll = <T extends { readonly path: string }>(paths: readonly T[]) =>
    paths.map((item) => ({ ...item, path: follow(item.path) }));
  const { Hide, Private, ReadOnly, Bind } = config.View;
  return {
    ...config,
    Home: { ...config.Home, Skeleton: followAll(config.Home.Skeleton) },
    View: {
      ...config.View,
      Hide: followAll(Hide),
      Private: followAll(Private),
      ReadOnly: followAll(ReadOnly),
      Bind: followAll(Bind).map((bind) => ({ ...bind, target: follow(bind.target) })),
    },
  };
}

// A link in a hidden directory is hidden, too. Programs use the account's path, so the home goes there.
function placeHome(config: Config, { home }: Account, links: readonly Link[]): string {
  return followLinks(
    home,
    links.filter(({ path }) => !isHidden(config, path)),
  );
}

// The account owns the link's target, so its sessions would share it.
function hideHome(config: Config, account: Account, links: readonly Link[]): HideStep[] {
  const target = followLinks(account.home, links);
  const isInView = target === placeHome(config, account, links);
  return isInView || isHidden(config, target)
    ? []
    : [{ kind: "hide", target, optional: true, why: `${account.home} leads here` }];
}

const isHidden = ({ View }: Config, path: string): boolean =>
  [...View.Hide, ...View.Private].some((directory) => isWithin(path, directory.path));

export function pathsOf({ Home, View }: Config, home: string): string[] {
  const configured = [...View.Hide, ...View.Private, ...View.ReadOnly, ...View.Bind, ...Home.Skeleton];
  return [...configured.map(({ path }) => path), ...View.Bind.map(({ target }) => target), home];
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

// A directory in a hidden one is gone before its own step.
function hideSteps({ View }: Config): HideStep[] {
  return View.Hide.filter(({ path }, index) =>
    View.Hide.every((other, at) => !isWithin(path, other.path) || (path === other.path && index <= at)),
  ).map(({ path, optional }) => ({ kind: "hide", target: path, optional }));
}

// Nothing exists in a hidden directory, so the mount point is created.
function privateSteps({ View }: Config, { asOnHost }: PlanFacts, mounts: MountTree): TmpfsStep[] {
  const first = View.Private.filter(({ path }, at) => View.Private.findIndex((other) => other.path === path) === at);
  return first.map(({ path, optional }) => {
    const { mode, gid } = asOnHost.find((directory) => directory.path === path) ?? { mode: 0o1777, gid: 0 };
    const { PrivateSize: size, PrivateInodes: inodes } = View;
    const step: TmpfsStep = { ...TMPFS, target: path, create: true, optional, mode, gid, size, inodes };
    return readonlyAs(mounts, noexecAs(mounts, step));
  });
}

function sharedSteps(config: Config, { account, tty }: PlannedLogin): Step[] {
  return [
    runtimeRootStep(),
    runtimeStep(config, account),
    ...(hasTerminal(tty) ? [] : [{ kind: "devpts", target: "/dev/pts" } as const]),
  ];
}

const IPC = { kind: "mqueue", target: "/dev/mqueue", optional: true } as const;

/**
 * Whether a login shares System V IPC and message queues with the host. An X server outside the session shares memory
 * with it (MIT-SHM).
 */
export function sharesHostIpc({ leased, ...login }: Omit<PlannedLogin, "account">): boolean {
  return leased && findServerOutside(login) !== undefined;
}

// A terminal from before the session must exist in the view. sshd opens its terminal later, in the view.
const hasTerminal = (tty: string) => /^(\/dev\/)?(tty|pts\/)/.test(tty);

// The host's /run/user/UID outlives sessions, and those of one account could meet there. Each view covers it.
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

// logind's scope requires the mount of the home (RequiresMountsFor= in systemd.unit(5)). When an automount expires,
// systemd ends the session.
function keepSteps({ home }: Account, mounts: MountTree): Step[] {
  const target = automountAbove(mounts, home);
  return target === undefined
    ? []
    : [{ kind: "keep", target, why: "an automount: systemd ends the session when it expires" }];
}

function homeStep(config: Config, { home, uid, gid }: Account, mounts: MountTree): TmpfsStep {
  return noexecAs(mounts, {
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
  });
}

function readonlySteps(config: Config): Step[] {
  return config.View.ReadOnly.map(({ path, optional }) => ({ kind: "readonly", target: path, optional }));
}

function bindSteps(config: Config): BindStep[] {
  return config.View.Bind.map(({ path, target, readonly, optional }) => ({
    kind: "bind",
    source: path,
    target,
    readonly,
    create: true,
    optional,
  }));
}

// Read-only, because set-user-ID programs such as passwd would change the host's files.
function etcSteps(config: Config, facts: PlanFacts, leased: boolean): Step[] {
  const isOverlay = config.Etc.Mode === "overlay" && facts.overlay;
  const laid = isOverlay ? overlaySteps(config, facts, leased) : replaceSteps(config, facts, leased);
  return [{ kind: "readonly", target: "/etc", optional: false }, ...laid];
}

/** Laid over /etc, below the administrator's tree. Denies at and cron, and subordinate UIDs. */
export const VENDOR_ETC = "/usr/lib/guestd/etc";

/** For leased accounts only: starts no screen locker, because they have no password. */
export const LEASED_ETC = "/usr/lib/guestd/etc-leased";

/** Laid under /etc for leased accounts: desktop settings that must not cover the machine's files. */
export const LEASED_DEFAULTS = "/usr/lib/guestd/etc-leased-defaults";

function overlaySteps({ Etc }: Config, facts: PlanFacts, leased: boolean): Step[] {
  const layers = [Etc.Overlay, ...(leased ? [LEASED_ETC] : []), VENDOR_ETC];
  const below = leased ? [LEASED_DEFAULTS] : [];
  return [
    { kind: "overlay", target: "/etc", layers, below, hidden: Etc.Hide },
    ...etcMounts(facts).map((path) => bindInEtc(path, path)),
  ];
}

// The overlay alone would lose mounts below /etc.
function etcMounts({ mounts }: PlanFacts): string[] {
  return [...new Set(mounts.map(({ mountPoint }) => mountPoint).filter((path) => path.startsWith("/etc/")))];
}

const bindInEtc = (source: string, target: string): BindStep => ({
  kind: "bind",
  source,
  target,
  readonly: true,
  create: false,
  optional: true,
});

// Without overlayfs only files that exist in /etc can be covered.
function replaceSteps({ Etc }: Config, { etcFiles }: PlanFacts, leased: boolean): Step[] {
  const files = etcFiles.filter(({ root }) => leased || root !== LEASED_ETC);
  return [
    ...files.map(({ root, name }) => bindInEtc(`${root}/${name}`, `/etc/${name}`)),
    ...Etc.Hide.map((name): Step => ({ kind: "hide", target: `/etc/${name}`, optional: true })),
  ];
}

/** Covers /proc/1: a file for libsystemd, and an empty directory. */
export const FIRST_PROCESS = "/usr/lib/guestd/proc-1";

// Last, because the host's /proc is needed until then. A PID namespace needs its own /proc. Without /proc/1/cgroup,
// sd_pid_get_session(3) fails. If /proc is partly covered, bwrap cannot mount another unless the view has one that is
// fully visible (mount_too_revealing() in fs/namespace.c).
function procSteps({ View }: Config, leased: boolean): Step[] {
  if (View.Proc === "default" && leased) return [];
  const hidepid = View.Proc === "default" ? "invisible" : View.Proc;
  return [
    { kind: "proc", target: "/proc", hidepid },
    { kind: "bind", source: FIRST_PROCESS, target: "/proc/1", readonly: true, create: false, optional: false },
    { kind: "proc", target: "/proc/1/proc", hidepid },
  ];
}
