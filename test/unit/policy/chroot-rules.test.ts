// sshd's treatment of a guest's directory follows its manual, and the advice fits the view.
import { describe, expect, it } from "vitest";
import type { ChrootRule } from "../../../src/policy/chroot-rules.ts";
import { asksForGroups, findChrootFault } from "../../../src/policy/chroot-rules.ts";
import { makePlan } from "../../../src/policy/plan.ts";
import { configOf, FACTS, GUEST } from "../../helpers/samples.ts";

const GROUPS = ["guest1", "guests"];

/** @param words of the Match line, if there is one */
const rule = (directory: string, ...words: string[]): ChrootRule => ({
  at: "/etc/ssh/sshd_config:7",
  directory,
  under: words.length === 0 ? [] : [words],
});

function faultOf(rules: readonly ChrootRule[], lines: readonly string[] = [], account = GUEST) {
  const login = { account, leased: false, service: "sshd", tty: "ssh", display: "" };
  return findChrootFault(rules, { account, groups: GROUPS, plan: makePlan(configOf(...lines), login, FACTS) });
}

describe("findChrootFault", () => {
  it.each([
    ["%h", `guests can write to ${GUEST.home}`],
    [`${GUEST.home}/upload`, `guests can write to ${GUEST.home}`],
    ["/home/%u/", `guests can write to ${GUEST.home}`],
    ["/tmp", "guests can write to /tmp"],
    ["/run/user/%U", `guests can write to /run/user/${GUEST.uid}`],
    ["/home/alice", "guests do not have that directory"],
    ["/root/jail", "guests do not have that directory"],
  ])("reports ChrootDirectory %s, why it fails, and what to write", (directory, why) => {
    expect(faultOf([rule(directory)])).toBe(
      `/etc/ssh/sshd_config:7: sshd ends logins with ChrootDirectory ${directory}, as ${why}${why.startsWith("guests can") ? ", and it must be root's" : ""}; write "ChrootDirectory /home" and "ForceCommand internal-sftp -d /%u".`,
    );
  });

  it.each(["/home", "/", "/srv/sftp", "/srv/%u", "none", "NONE", "/srv/100%%"])(
    "accepts ChrootDirectory %s",
    (directory) => {
      expect(faultOf([rule(directory)])).toBeUndefined();
    },
  );

  it("suggests no directory that holds other homes or is not root's", () => {
    const elsewhere = { ...GUEST, home: "/srv/guests/guest1" };
    expect(faultOf([rule("%h")], [], elsewhere)).toMatch(
      /; write "ForceCommand internal-sftp", without ChrootDirectory\.$/,
    );
    const below = { ...GUEST, home: "/home/of guests" };
    expect(faultOf([rule("%h")], [], below)).toContain('"ForceCommand internal-sftp -d /of guests"');
  });

  it("treats a directory shown by Bind= as the host's", () => {
    expect(faultOf([rule("/home/jail")])).toBeDefined();
    expect(faultOf([rule("/home/jail")], ["[View]", "Bind=/srv/jail:/home/jail"])).toBeUndefined();
  });

  it.each([
    [["User", "guest*"], true],
    [["user", "alice,guest1"], true],
    [["User", "guest?"], true],
    [["User", "guest*,!guest1"], false],
    [["User", "alice"], false],
    [["User", "guest.*"], false],
    [["Group", "guests"], true],
    [["Group", "sftponly"], false],
    [["Group", "guests", "User", "alice"], false],
    [["all"], true],
    [["invalid-user"], false],
    [["User", "guest1", "Address", "10.0.0.0/8"], true],
    [["User", "alice", "Address", "10.0.0.0/8"], false],
  ])("follows Match %j", (words, fits) => {
    expect(faultOf([rule("%h", ...words)]) !== undefined).toBe(fits);
  });

  it("follows each Match around an included file", () => {
    const under = (...matches: string[][]) => faultOf([{ ...rule("%h"), under: matches }]);
    expect(under(["User", "guest1"], ["Group", "guests"])).toBeDefined();
    expect(under(["User", "alice"], ["Group", "guests"])).toBeUndefined();
  });

  it("goes by the first rule that certainly applies", () => {
    expect(faultOf([rule("none", "User", "guest1"), rule("%h")])).toBeUndefined();
    expect(faultOf([rule("none", "Address", "10.0.0.0/8"), rule("%h")])).toBeDefined();
    expect(faultOf([rule("/srv/sftp"), rule("%h", "User", "guest1")])).toBeUndefined();
  });
});

describe("asksForGroups", () => {
  it("is true where a rule depends on Match Group", () => {
    expect(asksForGroups([rule("%h", "User", "guest*"), rule("%h")])).toBe(false);
    expect(asksForGroups([rule("%h"), rule("%h", "User", "a", "group", "b")])).toBe(true);
  });
});
