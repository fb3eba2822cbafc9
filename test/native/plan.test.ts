// The addon itself refuses invalid plans, before it does anything.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Step } from "../../src/policy/steps.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  devpts,
  failureOf,
  hide,
  LABEL,
  mkdir,
  mqueue,
  native,
  overlay,
  proc,
  readonly,
  socket,
  startBase,
  tmpfs,
  traces,
} from "./rig.ts";

describeAsRoot("a malformed plan", () => {
  let base: Base;
  beforeAll(async () => {
    base = await startBase();
  });
  afterAll(() => base.end());

  const long = `/${"x/".repeat(2100)}y`;
  it.each<[title: string, plan: unknown]>([
    ["is no array", "tmpfs"],
    ["is missing", undefined],
    ["has a step that is no object", [null]],
    ["has a step of an unknown kind", [{ kind: "umount", target: "/tmp" }]],
    ["has a step without a kind", [{ target: "/tmp" }]],
    ["lacks a field", [{ kind: "hide", target: "/tmp" }]],
    ["has text for a flag", [{ ...hide("/tmp"), optional: "no" }]],
    ["has a number for a target", [{ ...hide("/tmp"), target: 7 }]],
    ["has an empty target", [hide("")]],
    ["has a relative target", [hide("tmp")]],
    ["has / as its target", [hide("/")]],
    ["has .. in a target", [hide("/tmp/../etc")]],
    ["ends in ..", [hide("/tmp/..")]],
    ["has . in a target", [readonly("/tmp/./x")]],
    ["has // in a target", [hide("//tmp")]],
    ["has a slash at the end of a target", [hide("/tmp/")]],
    ["has a NUL in a target", [hide("/tmp\0/etc")]],
    ["has a target longer than PATH_MAX", [hide(long)]],
    ["has a relative source", [bind("etc", "/tmp")]],
    ["has an empty size", [tmpfs("/tmp", { size: "" })]],
    ["has the size 0, which is no limit", [tmpfs("/tmp", { size: "0" })]],
    ["has the size 00k", [tmpfs("/tmp", { size: "00k" })]],
    ["has the size 0%", [tmpfs("/tmp", { size: "0%" })]],
    ["has a size larger than all memory", [tmpfs("/tmp", { size: "101%" })]],
    ["has a size that wraps round to 0", [tmpfs("/tmp", { size: "17179869184g" })]],
    ["has a size with too many digits", [tmpfs("/tmp", { size: "99999999999999999999" })]],
    ["has an option in its size", [tmpfs("/tmp", { size: "1m,mode=777" })]],
    ["has a negative size", [tmpfs("/tmp", { size: "-1" })]],
    ["has a mode beyond 07777", [tmpfs("/tmp", { mode: 0o10000 })]],
    ["has a broken mode", [tmpfs("/tmp", { mode: 1.5 })]],
    ["has a negative uid", [tmpfs("/tmp", { uid: -1 })]],
    [`has the uid 2^32-1, which means "none" to chown`, [tmpfs("/tmp", { uid: 4294967295 })]],
    ["has the gid 2^32", [tmpfs("/tmp", { gid: 4294967296 })]],
    ["has NaN inodes", [tmpfs("/tmp", { inodes: Number.NaN })]],
    ["has a relative skeleton", [tmpfs("/tmp", { skeletons: ["skel"] })]],
    ["has a skeleton that is no text", [{ ...tmpfs("/tmp"), skeletons: [1] }]],
    ["has an unknown hidepid", [{ ...proc(), hidepid: "2" }]],
    ["has a relative target for message queues", [mqueue("dev/mqueue")]],
    ["has .. in the target of pseudo-terminals", [devpts("/dev/../pts")]],
    ["has no target for pseudo-terminals", [{ kind: "devpts" }]],
    ["has a relative path of a directory", [mkdir("tmp/.X11-unix")]],
    ["has a directory with a mode beyond 07777", [mkdir("/tmp/x", 0o10000)]],
    ["has a relative path of a socket", [socket("tmp/x")]],
    ["has a socket of the uid 2^32-1", [socket("/tmp/x", 4294967295)]],
    ["has a relative layer", [overlay("/etc", ["layer"])]],
    ["has too many layers", [overlay("/etc", Array<string>(33).fill("/srv"))]],
    ["hides an absolute path in an overlay", [overlay("/etc", [], ["/etc/motd"])]],
    ["hides a path outside the overlay", [overlay("/etc", [], ["../home"])]],
    ["hides an empty name in an overlay", [overlay("/etc", [], [""])]],
    ["puts an overlay over its own hidden path", [hide("/etc/ssl"), overlay("/etc", [], ["motd"])]],
  ])("that %s is refused with EINVAL", async (_title, plan) => {
    const before = traces();
    const failure = await failureOf(native.buildView(base.pidfd, plan as Step[], LABEL));
    expect(failure).toMatchObject({ code: "EINVAL", errno: 22 });
    expect(["plan", "arguments"]).toContain(failure.step);
    expect(failure.message).toContain("expected");
    expect(traces()).toEqual(before);
  });

  it("is refused with the step and the field", async () => {
    const plan = [proc(), { ...tmpfs("/tmp"), size: 5 }] as unknown as Step[];
    const failure = await failureOf(native.buildView(base.pidfd, plan, LABEL));
    expect(failure.message).toBe("plan [1].size: Invalid argument (EINVAL): expected a string");
    expect(failure.path).toBe("[1].size");
  });

  it("passes on an exception of a getter", async () => {
    const step = Object.defineProperty({}, "kind", {
      get: () => {
        throw new RangeError("mine");
      },
    });
    expect(await failureOf(native.buildView(base.pidfd, [step as Step], LABEL))).toBeInstanceOf(RangeError);
  });

  it.each([undefined, "3", -1, 1.5, 2 ** 31])("is refused for the pidfd %s", async (pidfd) => {
    expect(await failureOf(native.buildView(pidfd as number, [], LABEL))).toMatchObject({
      step: "arguments",
      path: "pidfd",
      code: "EINVAL",
    });
  });

  it.each([undefined, 7, "", "Guest", "a b", "a\0", "é", "a".repeat(65)])(
    "is refused for the label %j",
    async (label) => {
      const before = traces();
      expect(await failureOf(native.buildView(base.pidfd, [], label as string))).toMatchObject({
        step: "arguments",
        path: "label",
        code: "EINVAL",
      });
      expect(traces()).toEqual(before);
    },
  );

  it.each([null, "3", -2, 1.5, 2 ** 31])("is refused for the reaper %s", async (reaper) => {
    expect(await failureOf(native.buildView(base.pidfd, [], LABEL, reaper as number))).toMatchObject({
      step: "arguments",
      path: "reaper",
      code: "EINVAL",
    });
  });
});
