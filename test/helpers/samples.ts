// Sample values for unit tests.
import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Account } from "../../src/policy/account.ts";
import type { EventOf } from "../../src/policy/events.ts";
import type { Mount } from "../../src/policy/mounts.ts";
import type { LoginSwitch } from "../../src/policy/switch.ts";
import type { PlanFacts } from "../../src/policy/plan.ts";
import type { Allocated, Cgroup, Ending, Isolation, Open, View } from "../../src/policy/session.ts";
import { NOTHING_FOUND } from "../../src/policy/receipt.ts";

export const GUEST: Account = { user: "guest1", uid: 1101, gid: 1101, home: "/home/guest1", shell: "/bin/bash" };

/** The login name that gets a leased account. */
export const GHOST: Account = { user: "guest", uid: 60000, gid: 985, home: "/home/guest", shell: "/bin/bash" };

/** The first account that guestd leases. */
export const LEASED: Account = {
  user: "guest-aaaa",
  uid: 60600,
  gid: 985,
  home: "/home/guest-aaaa",
  shell: "/bin/bash",
  realName: "Guest aaaa",
};

export const ON: LoginSwitch = { enabled: true, reason: "" };

export const FACTS: PlanFacts = { overlay: true, mounts: [], links: [], etcFiles: [], asOnHost: [] };

/** In short form: "ID PARENT DEVICE ROOT MOUNT-POINT TYPE SOURCE [OPTIONS [FLAGS]]". */
export const mountsOf = (...lines: string[]): Mount[] =>
  lines.map((line) => {
    const [id, parent, device = "", root = "", mountPoint = "", type = "", source = "", options = "rw", flags = "rw"] =
      line.split(" ");
    const words = { options: options.split(","), flags: flags.split(",") };
    return { id: Number(id), parent: Number(parent), device, root, mountPoint, type, source, ...words };
  });

export const VIEW: View = { inode: 4026532500, path: "/proc/77/fd/20", devices: ["0:51", "0:52"], skipped: [] };

export const ISOLATION: Isolation = {
  reaper: { pid: 900, startTime: 43 },
  processes: { inode: 4026532501, path: "/proc/77/fd/21" },
  ipc: { inode: 4026532502, path: "/proc/77/fd/22" },
};

export const CGROUP: Cgroup = { path: "/user.slice/guest-s1.scope", inode: "4711" };

export const SLICE: Cgroup = { path: "/user.slice/user-60600.slice", inode: "4720" };

/** The defaults with LEASED's UIDs, changed by these lines. */
export function configOf(...lines: string[]): Config {
  const text = ["[Guests]", "LeaseRange=60600-61183", ...lines].join("\n");
  const result = parseConfig([{ path: "test.conf", text }]);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

export const SESSION: Open = {
  id: "abc",
  account: GUEST,
  leased: false,
  published: false,
  service: "login",
  tty: "tty1",
  rhost: "",
  leader: { pid: 500, startTime: 42 },
  openedAt: 1_000,
  openedUptime: 7_000,
  plan: [],
  limits: configOf().Limits,
  cgroups: [CGROUP],
  outer: undefined,
  acceptance: undefined,
  hasRecord: true,
  endCalls: [],
  phase: "open",
  view: { ...VIEW, isolation: ISOLATION },
  pamClosed: false,
  running: [],
  disconnectedUptime: undefined,
};

export const LEASED_SESSION: Open = {
  ...SESSION,
  account: LEASED,
  leased: true,
  published: true,
  view: VIEW,
  cgroups: [SLICE],
};

const { pamClosed: _notOpen, running: _none, disconnectedUptime: _neither, ...LOGGED_IN } = LEASED_SESSION;

export const ALLOCATED_SESSION: Allocated = {
  ...LOGGED_IN,
  phase: "allocated",
  leased: true,
  view: undefined,
  cause: undefined,
  cgroups: [],
};

/** Before its first stage. */
export const ENDING_SESSION: Ending = endingOf(SESSION);

export function endingOf(
  { pamClosed: _closed, disconnectedUptime: _since, ...session }: Open,
  change: Partial<Ending> = {},
): Ending {
  return {
    ...session,
    phase: "ending",
    cause: "logout",
    begunUptime: 9_000,
    running: [],
    found: NOTHING_FOUND,
    receipt: undefined,
    wasBegun: false,
    removal: undefined,
    ...change,
  };
}

const LOGIN = {
  call: 1,
  terms: "",
  answer: "",
  now: 1_000,
  uptime: 7_000,
  service: "login",
  tty: "tty1",
  rhost: "",
  leaderPid: 500,
  leaderName: ":1.9",
  leaderCgroup: "/system.slice/getty@tty1.service",
} as const;

/** GUEST logs in through login. */
export function openRequest(change: Partial<EventOf<"open-requested">> = {}): EventOf<"open-requested"> {
  return {
    kind: "open-requested",
    id: "s1",
    ...LOGIN,
    account: GUEST,
    display: "",
    seat: "",
    startsService: false,
    facts: FACTS,
    ...change,
  };
}

/** The ghost logs in through login. */
export function allocateRequest(change: Partial<EventOf<"allocate-requested">> = {}): EventOf<"allocate-requested"> {
  return { kind: "allocate-requested", id: "s1", ...LOGIN, user: GHOST.user, gid: GHOST.gid, random: 0, ...change };
}
