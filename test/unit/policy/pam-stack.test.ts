// Which modules of a stack a guest reaches.
import { describe, expect, it } from "vitest";
import type { PamModule } from "../../../src/policy/pam-stack.ts";
import { meetModules } from "../../../src/policy/pam-stack.ts";

/** A line is the control, a tab, the module and its arguments. */
const stackOf = (...lines: string[]): PamModule[] =>
  lines.map((text, index) => {
    const [control = "", rest = ""] = text.split("\t");
    const [name = "", ...args] = rest.split(" ");
    return { type: "auth", control, name, args, file: "/etc/pam.d/login", line: index + 1 };
  });

const met = (...lines: string[]) => meetModules(stackOf(...lines), "guests").map(({ side, name }) => `${side} ${name}`);

const OWN = "[success=1 ignore=ignore default=die]\tpam_guest.so";
const UNIX = "required\tpam_unix.so";

describe("meetModules", () => {
  it("separates modules before pam_guest from those after it, without those it jumps over", () => {
    const found = met("required\tpam_krb5.so", OWN, UNIX, "optional\tpam_mount.so");
    expect(found).toEqual(["before pam_krb5.so", "after pam_mount.so"]);
  });

  it("finds nothing where there is no pam_guest", () => {
    expect(met(UNIX)).toEqual([]);
  });

  it.each(["sufficient\tpam_guest.so", "[success=done default=die]\tpam_guest.so"])("ends with %s", (own) => {
    expect(met(own, UNIX)).toEqual([]);
  });

  it.each([
    "[success=1 default=ignore]\tpam_succeed_if.so quiet user ingroup guests",
    "[default=1 success=ignore]\tpam_succeed_if.so user notingroup guests",
    "[auth_err=1 default=ignore]\tpam_succeed_if.so quiet user notingroup guests",
  ])("follows the jump of %s", (jump) => {
    const [, name = ""] = jump.split(/[\t ](?=pam)/);
    expect(met(jump, "required\tpam_u2f.so", OWN, UNIX)).toEqual([`before ${name.split(" ")[0] ?? ""}`]);
  });

  it.each([
    "[success=1 default=ignore]\tpam_succeed_if.so user ingroup staff",
    "[success=1 default=ignore]\tpam_succeed_if.so user ingroup guests user = root",
    "[success=1 default=ignore]\tpam_unix.so user ingroup guests",
  ])("does not rely on the jump of %s", (jump) => {
    expect(met(jump, "required\tpam_u2f.so", OWN, UNIX)).toContain("before pam_u2f.so");
  });
});
