// Tells an administrator why a view cannot be built, and what to do.
import { describe, expect, it } from "vitest";
import type { Step } from "../../../src/policy/steps.ts";
import { describeViewFault } from "../../../src/policy/view-fault.ts";

describe("describeViewFault", () => {
  it.each([
    ["skeleton", "EINVAL", "take it out of the skeleton"],
    ["skeleton", "E2BIG", "name another one (Skeleton="],
    ["skeleton", "ENOSPC", "raise Size= or Inodes="],
    ["fsconfig overlay", "EINVAL", "set Mode=bind in section [Etc]"],
    ["overlay", "ELOOP", "set Mode=bind in section [Etc]"],
    ["attach", "ELOOP", "name the path that the link leads to"],
    ["attach", "ENOENT", 'put "-" before it'],
    ["bind", "ENOENT", 'put "-" before it'],
    ["setns", "EPERM", "CAP_SYS_ADMIN and CAP_SYS_CHROOT in the user namespace that owns the mounts"],
    ["unshare", "EPERM", 'see PrivateUsers= and CapabilityBoundingSet= in "systemctl cat guestd"'],
    ["setns", "EINVAL", "guestd.conf(5) says"],
    ["overlay layer", "EPERM", "guestd.conf(5) says"],
    ["", "", "guestd.conf(5) says"],
  ])("says of %s %s: %s", (step, code, advice) => {
    const said = describeViewFault({ step, code, message: "what happened, in full." }, []);
    expect(said).toMatch(/^the view cannot be built: what happened, in full; /);
    expect(said).toContain(advice);
  });

  const HOME = { kind: "tmpfs", target: "/srv/homes/x", uid: 60600 };
  const PLAN = [{ kind: "hide", target: "/srv/x" }, HOME, { kind: "keep", target: "/home" }] as Step[];

  it("suggests a fix for a missing home, and lets other paths be missing", () => {
    const say = (message: string) => describeViewFault({ step: "attach", code: "ENOENT", message }, PLAN);
    expect(say("attach /srv/homes/x: No such file or directory (ENOENT)")).toMatch(/name the one in .* Hide=/);
    expect(say("attach /srv/homes/x: No such file or directory (ENOENT)")).not.toContain('put "-"');
    expect(say("attach /srv/x: No such file or directory (ENOENT)")).toContain('put "-" before it');
  });

  it("blames an automount where the view is late, and file servers where nothing is mounted", () => {
    const late = { step: "", code: "ETIMEDOUT", message: "it was not ready after 4000 ms" };
    expect(describeViewFault(late, PLAN)).toContain(
      '; see whether "ls" of /home, which is mounted on demand, answers;',
    );
    expect(describeViewFault(late, [])).toContain("what is mounted from file servers answers");
  });
});
