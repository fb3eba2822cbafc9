// The explanation of a ghost login matches its outcome on real-world machines.
import { describe, expect, it } from "vitest";
import { explain } from "../../src/explanation.ts";
import { LoginChecks } from "../../src/login-checks.ts";
import type { LoginMachine } from "../../src/login-machine.ts";
import type { Account } from "../../src/policy/account.ts";
import { EMPTY_POOL, fillPool } from "../../src/policy/lease.ts";
import type { PamType } from "../../src/policy/pam-stack.ts";
import type { State } from "../../src/policy/state.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";
import { configOf, FACTS, GHOST, GUEST, ON } from "../helpers/samples.ts";

const stateOf = (...lines: string[]): State => {
  const config = configOf(...lines);
  return { ...INITIAL_STATE, config, loginSwitch: ON, pool: fillPool(config.Guests.LeaseRange, EMPTY_POOL) };
};

const module = (type: PamType, name: string) => ({
  type,
  control: "required",
  name,
  args: [],
  file: "/etc/pam.d/login",
  line: 1,
});

/** Each module is in all types of stack. */
const stackOf =
  (...names: string[]): LoginMachine["readPamStack"] =>
  (_service, type) =>
    names.map((name) => module(type, name));

/** The ghost can log in, except for the change. */
function machineOf(change: Partial<LoginMachine> = {}): LoginMachine {
  const accounts: readonly Account[] = [GHOST, GUEST];
  return {
    findAccount: (name) => Promise.resolve(accounts.find(({ user }) => user === name)),
    findGroup: () => Promise.resolve(GHOST.gid),
    isMember: (account) => Promise.resolve(accounts.includes(account)),
    cachesAccounts: () => false,
    homeExists: () => Promise.resolve(false),
    gatherFacts: () => FACTS,
    rehearseView: () => Promise.resolve(undefined),
    listPamServices: () => ["login", "sshd"],
    readPamStack: stackOf("pam_guest.so"),
    readRuleFiles: () => [],
    readGettyUnits: () => [],
    readChrootRules: () => [],
    listLingering: () => [],
    findGroups: () => Promise.resolve([]),
    listMembers: () => Promise.resolve([]),
    findOpenDirectories: () => Promise.resolve({ paths: [], whole: true }),
    readSwapFacts: () => ({ noswap: true, limitable: true, active: false }),
    ...change,
  };
}

const faultOn = async (change: Partial<LoginMachine>, state = stateOf()) =>
  (await new LoginChecks(() => state, machineOf(change)).check()).fault;

const STRANGER = { ...GHOST, uid: 1234, gid: 100 };
const WHITELIST = [
  { kind: "access", file: "/etc/security/access.conf", text: "+:root alice:ALL\n-:ALL:ALL\n" },
] as const;

interface Case {
  readonly what: string;
  readonly change: Partial<LoginMachine>;
  readonly verdict: "refused" | "ignored";
  readonly fault: RegExp;
}

const CASES: readonly Case[] = [
  {
    what: "a file server for homes that does not answer",
    change: { homeExists: (home) => Promise.reject(new Error(`${home} could not be looked at in 3 s`)) },
    verdict: "refused",
    fault: /^No account can be leased: \/home\/guest-xxxx could not be looked at in 3 s\.$/,
  },
  {
    what: "a name service that does not ask systemd",
    change: { findAccount: () => Promise.resolve(undefined) },
    verdict: "refused",
    fault: /^The name service does not know the account guest; .*nsswitch\.conf must have "systemd"/,
  },
  {
    what: "another account of that name",
    change: { findAccount: () => Promise.resolve(STRANGER), isMember: () => Promise.resolve(false) },
    verdict: "ignored",
    fault: /^The name guest belongs to another account, with uid 1234, .*set Ghost=/,
  },
  {
    what: "no group of guests",
    change: { findGroup: () => Promise.resolve(undefined) },
    verdict: "ignored",
    fault: /^There is no group guests; "groupadd --system guests"/,
  },
  {
    what: "no pam_guest",
    change: { readPamStack: stackOf("pam_unix.so") },
    verdict: "refused",
    fault: /^The PAM stack of login has no pam_guest for auth and session;/,
  },
  {
    what: "no pam_guest for sessions",
    change: { readPamStack: (_, type) => (type === "session" ? [] : [module(type, "pam_guest.so")]) },
    verdict: "refused",
    fault: /^The PAM stack of login has no pam_guest for session;/,
  },
  {
    what: "an access.conf that names who may log in",
    change: { readPamStack: stackOf("pam_guest.so", "pam_access.so"), readRuleFiles: () => WHITELIST },
    verdict: "refused",
    fault: /^The rules of pam_access\.so \(.*\) keep guests out of login, at \/etc\/security\/access\.conf:2; put/,
  },
];

describe("explanations and login checks", () => {
  it("report no fault where the ghost can log in", async () => {
    const check = await new LoginChecks(() => stateOf(), machineOf()).check();
    expect(check).toMatchObject({ fault: "", warnings: [] });
    expect(await explain(stateOf(), "guest", "login", machineOf())).toMatchObject({
      verdict: "admitted",
      warnings: [],
    });
  });

  it.each(CASES)("name $what, and what to do", async ({ change, verdict, fault }) => {
    expect(await faultOn(change)).toMatch(fault);
    const explanation = await explain(stateOf(), "guest", "login", machineOf(change));
    expect(explanation).toMatchObject({ verdict, reason: expect.stringMatching(fault) as string });
  });

  it("report a range without a free UID", async () => {
    const used = { ...stateOf(), pool: EMPTY_POOL };
    expect(await faultOn({}, used)).toMatch(/^All guest accounts are in use: /);
    expect(await explain(used, "guest", "login", machineOf())).toMatchObject({ verdict: "refused" });
  });

  it("ignore an existing home: another name is taken", async () => {
    expect(await faultOn({ homeExists: () => Promise.resolve(true) })).toBe("");
  });

  it("need no home of a shared account, which is created in memory", async () => {
    const machine = machineOf({ homeExists: () => Promise.reject(new Error("no answer")) });
    expect(await explain(stateOf(), "guest1", "login", machine)).toMatchObject({ verdict: "admitted" });
  });

  it("report no fault of the ghost unless asked", async () => {
    const change = { findAccount: () => Promise.resolve(undefined), readPamStack: stackOf("pam_unix.so") };
    expect(await faultOn(change, stateOf("Passwordless="))).toBe("");
    expect(await faultOn({ findGroup: () => Promise.resolve(undefined) }, stateOf("Passwordless="))).not.toBe("");
  });

  it("report no fault where one of several services lets the ghost in, or a stack cannot be read", async () => {
    const listPamServices = () => ["gdm-password", "login"];
    const readPamStack: LoginMachine["readPamStack"] = (service, type) =>
      service === "login" ? [module(type, "pam_guest.so")] : [];
    expect(await faultOn({ listPamServices, readPamStack })).toBe("");
    expect(await faultOn({ listPamServices, readPamStack: () => [] })).toMatch(
      /^None of the PAM services of Passwordless= \(gdm-password, login\) has pam_guest/,
    );
    expect(await faultOn({ listPamServices: () => ["sshd"] })).toContain("none of the PAM services");
    const unread = () => {
      throw new Error("no");
    };
    expect(await faultOn({ readPamStack: unread })).toBe("");
  });

  it("report that a shared account would log in without a view", async () => {
    const { verdict, warnings } = await explain(
      stateOf(),
      "guest1",
      "sshd",
      machineOf({ readPamStack: stackOf("pam_unix.so") }),
    );
    expect(verdict).toBe("admitted");
    expect(warnings).toEqual([expect.stringContaining("has no pam_guest for session: such a login has no view")]);
  });

  describe("of rules that do not work for a shared account", () => {
    const HOMES = { at: "/etc/ssh/sshd_config:7", directory: "%h", under: [["Group", "jailed"]] };
    const machine = machineOf({
      readChrootRules: () => [HOMES],
      listLingering: () => ["alice", "guest1"],
      findGroups: ({ user }) => Promise.resolve(user === "guest1" ? ["guest1", "jailed"] : [user]),
      listMembers: () => Promise.resolve(["guest1", "gone"]),
    });
    const CHROOT = expect.stringMatching(/^\/etc\/ssh\/sshd_config:7: .*write "ChrootDirectory \/home"/) as string;
    const LINGER = expect.stringContaining('run "loginctl disable-linger guest1"') as string;

    it("name them in explain: sshd's for sshd, lingering for all", async () => {
      expect((await explain(stateOf(), "guest1", "sshd", machine)).warnings).toEqual([CHROOT, LINGER]);
      expect((await explain(stateOf(), "guest1", "login", machine)).warnings).toEqual([LINGER]);
      expect((await explain(stateOf(), "guest", "sshd", machine)).warnings).toEqual([]);
    });

    it("name each once in status, and only accounts of guests", async () => {
      const { warnings } = await new LoginChecks(() => stateOf(), machine).check();
      expect(warnings).toHaveLength(2);
      expect(warnings).toEqual(expect.arrayContaining([CHROOT, LINGER]));
    });

    it("report in status that they cannot be determined", async () => {
      const listMembers = () => Promise.reject(new Error("the name service has not answered in 3 s"));
      const { warnings, fault } = await new LoginChecks(() => stateOf(), { ...machine, listMembers }).check();
      expect({ warnings, fault }).toEqual({ fault: "", warnings: [expect.stringContaining("has not answered")] });
    });
  });

  it("report an automatic login of the ghost by agetty, which is refused", async () => {
    const file = "/etc/systemd/system/getty@tty1.service.d/kiosk.conf";
    const readGettyUnits = () => [{ file, text: "[Service]\nExecStart=-/sbin/agetty --autologin guest %I\n" }];
    const machine = machineOf({ readGettyUnits });
    const SENTENCE = expect.stringMatching(new RegExp(`^${file} .*--skip-login --login-options`)) as string;
    expect((await explain(stateOf(), "guest", "login", machine)).warnings).toEqual([SENTENCE]);
    expect((await new LoginChecks(() => stateOf(), machine).check()).warnings).toEqual([SENTENCE]);
  });

  it("tell a name service that does not answer from a user that does not exist", async () => {
    const findAccount = () => Promise.reject(new Error("the name service has not answered in 3 s"));
    expect(await faultOn({ findAccount })).toContain("has not answered in 3 s.");
    await expect(explain(stateOf(), "bob", "login", machineOf())).rejects.toThrow('There is no user "bob"');
  });
});

describe("LoginChecks", () => {
  it("keeps a look without a fault, and repeats one with a fault", async () => {
    const state = stateOf();
    let [looks, caches] = [0, true];
    const machine = machineOf({
      cachesAccounts: () => caches,
      listPamServices: () => {
        looks++;
        return ["login"];
      },
    });
    const checks = new LoginChecks(() => state, machine);
    expect((await checks.check()).fault).toContain("nscd");
    caches = false;
    expect((await checks.check()).fault).toBe("");
    const before = looks;
    await Promise.all([checks.check(), checks.check()]);
    expect(looks).toBe(before);
  });
});
