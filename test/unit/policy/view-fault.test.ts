// An administrator is told why a view cannot be built, and what to do.
import { describe, expect, it } from "vitest";
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
    const said = describeViewFault({ step, code, message: "what happened, in full." });
    expect(said).toMatch(/^the view cannot be built: what happened, in full; /);
    expect(said).toContain(advice);
  });
});
