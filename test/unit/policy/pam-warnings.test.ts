// Warnings about modules that may ask a guest for a password.
import { describe, expect, it } from "vitest";
import { warnOfActing, warnOfAsking, warnOfChoosing } from "../../../src/policy/pam-warnings.ts";
import type { PamModule } from "../../../src/policy/pam-stack.ts";

const module = (name: string, line: number, control = "required"): PamModule => ({
  type: "auth",
  control,
  name,
  args: [],
  file: "/etc/pam.d/common-auth",
  line,
});
const OWN = module("pam_guest.so", 10, "[success=2 default=die]");
const UNIX = module("pam_unix.so", 11);
const DENY = module("pam_deny.so", 12);

const warn = (...stack: PamModule[]) => warnOfAsking([{ service: "login", stack }], "guests");

describe("warnOfAsking", () => {
  it.each([
    "pam_krb5.so",
    "pam_faillock.so",
    "pam_sss.so",
    "pam_u2f.so",
    "pam_google_authenticator.so",
    "pam_nobody_knows.so",
  ])("names %s, which comes before pam_guest", (name) => {
    const [sentence = "", ...more] = warn(module(name, 5), OWN, UNIX, DENY);
    expect(more).toEqual([]);
    expect(sentence).toContain(`${name} (/etc/pam.d/common-auth:5) comes before pam_guest when login authenticates`);
    expect(sentence).toContain("put it below pam_guest");
  });

  it("names modules after pam_guest, except those it jumps over", () => {
    const [sentence = "", ...more] = warn(OWN, UNIX, DENY, module("pam_mount.so", 20));
    expect(more).toEqual([]);
    expect(sentence).toContain("pam_mount.so (/etc/pam.d/common-auth:20) comes after pam_guest");
  });

  it("ignores modules that ask for nothing, and a stack without pam_guest", () => {
    expect(
      warn(module("pam_nologin.so", 1), module("pam_faildelay.so", 2), OWN, UNIX, DENY, module("pam_cap.so", 13)),
    ).toEqual([]);
    expect(warn(UNIX, DENY)).toEqual([]);
  });

  it("names once what several services include", () => {
    const stack = [module("pam_krb5.so", 5), OWN, UNIX, DENY];
    const said = warnOfAsking(
      [
        { service: "login", stack },
        { service: "greetd", stack },
      ],
      "guests",
    );
    expect(said).toEqual([expect.stringContaining("when login, greetd authenticates")]);
  });
});

describe("warnOfActing", () => {
  const acting = (...stack: PamModule[]) => warnOfActing([{ service: "login", stack }], "guests");

  it.each(["pam_mkhomedir.so", "pam_oddjob_mkhomedir.so", "pam_exec.so", "pam_mount.so", "pam_systemd.so"])(
    "names %s before pam_guest, and nowhere else",
    (name) => {
      const [sentence = "", ...more] = acting(module(name, 5), OWN);
      expect(more).toEqual([]);
      expect(sentence).toContain(
        `${name} (/etc/pam.d/common-auth:5) comes before pam_guest when login opens a session`,
      );
      expect(sentence).toContain("put it below pam_guest");
      expect(acting(OWN, UNIX, module(name, 20))).toEqual([]);
      expect(acting(module(name, 5))).toEqual([]);
    },
  );

  it("ignores modules that set up the login itself", () => {
    const names = ["keyinit", "limits", "loginuid", "selinux", "env", "motd", "lastlog", "umask", "permit"];
    expect(acting(...names.map((name, index) => module(`pam_${name}.so`, index)), OWN)).toEqual([]);
  });

  it("names once what many services include, and only a few of those", () => {
    const stack = [module("pam_exec.so", 5), OWN];
    const said = (count: number) =>
      warnOfActing(
        Array.from({ length: count }, (_, index) => ({ service: `s${index}`, stack })),
        "guests",
      );
    expect(said(5)).toEqual([expect.stringContaining("when s0, s1, s2, s3, s4 opens a session")]);
    expect(said(9)).toEqual([expect.stringContaining("when s0, s1, s2, s3 or one of 5 more services opens a session")]);
  });
});

describe("warnOfChoosing", () => {
  const choosing = (name: string, args: string, control = "required") =>
    warnOfChoosing(
      [{ service: "login", stack: [{ ...module(name, 5, control), type: "account", args: args.split(" ") }] }],
      "guests",
    );

  it.each([
    ["pam_listfile.so", "onerr=fail item=user sense=allow file=/etc/login.allowed"],
    ["pam_succeed_if.so", "user ingroup staff"],
    ["pam_localuser.so", ""],
    ["pam_time.so", ""],
  ])("names %s %s, which may refuse guests", (name, args) => {
    expect(choosing(name, args)).toEqual([
      `${name} (/etc/pam.d/common-auth:5) chooses whom login lets in; make sure that it lets the group guests in.`,
    ]);
    expect(choosing(name, args, "[success=ok default=bad]")).toHaveLength(1);
  });

  it("ignores rules that refuse no one, or name guests or users who are no guests", () => {
    expect(choosing("pam_localuser.so", "", "sufficient")).toEqual([]);
    expect(choosing("pam_succeed_if.so", "uid < 1000", "[success=1 default=ignore]")).toEqual([]);
    expect(choosing("pam_succeed_if.so", "quiet user ingroup guests")).toEqual([]);
    expect(choosing("pam_listfile.so", "item=user sense=deny file=/etc/nologin.users")).toEqual([]);
    expect(choosing("pam_unix.so", "")).toEqual([]);
  });
});
