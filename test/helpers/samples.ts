// Sample values for unit tests: an ordinary guest, an ordinary configuration.
import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Account } from "../../src/policy/account.ts";
import type { OpenRequested } from "../../src/policy/events.ts";
import type { PlanFacts } from "../../src/policy/plan.ts";
import type { Cgroup, View } from "../../src/policy/session.ts";

export const GUEST: Account = { user: "guest1", uid: 1101, gid: 1101, home: "/home/guest1", shell: "/bin/bash" };

export const FACTS: PlanFacts = { overlay: true, etcMounts: [], etcFiles: [] };

export const VIEW: View = { inode: 4026532500, path: "/proc/77/fd/20", devices: ["0:51", "0:52"], skipped: [] };

export const CGROUP: Cgroup = { path: "/user.slice/guest-s1.scope", inode: "4711" };

/** The defaults, changed by the lines of a file. */
export function configOf(...lines: string[]): Config {
  const result = parseConfig([{ path: "test.conf", text: lines.join("\n") }]);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

/** An OpenSession call of GUEST through login. */
export function openRequest(change: Partial<OpenRequested> = {}): OpenRequested {
  return {
    kind: "open-requested",
    id: "s1",
    call: 1,
    now: 1_000,
    uptime: 7_000,
    account: GUEST,
    service: "login",
    tty: "tty1",
    rhost: "",
    leaderPid: 500,
    leaderName: ":1.9",
    leaderCgroup: "/system.slice/getty@tty1.service",
    facts: FACTS,
    ...change,
  };
}
