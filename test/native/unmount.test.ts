// Unmounting at a path of the host.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chdir, cwd } from "node:process";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeAsRoot, native } from "./rig.ts";

describeAsRoot("unmount", () => {
  let path: string;

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "guestd-unmount-"));
    execFileSync("mount", ["-t", "tmpfs", "unmount-test", path]);
    writeFileSync(join(path, "file"), "");
  });
  afterEach(() => {
    execFileSync("sh", ["-c", `umount '${path}' 2>/dev/null || true`]);
    rmdirSync(path);
  });

  it("removes a mount that is not in use", () => {
    native.unmount(path);
    expect(readdirSync(path)).toEqual([]);
    expect(() => {
      native.unmount(path);
    }).toThrow(expect.objectContaining({ code: "EINVAL", step: "umount2", path }));
  });

  it("fails for a mount that a process uses", () => {
    const before = cwd();
    chdir(path);
    try {
      expect(() => {
        native.unmount(path);
      }).toThrow(expect.objectContaining({ code: "EBUSY" }));
    } finally {
      chdir(before);
    }
    expect(readdirSync(path)).toEqual(["file"]);
  });

  it("does not follow a link, and accepts only absolute paths", () => {
    const link = `${path}-link`;
    symlinkSync(path, link);
    try {
      expect(() => {
        native.unmount(link);
      }).toThrow(expect.objectContaining({ code: "EINVAL" }));
    } finally {
      unlinkSync(link);
    }
    expect(() => {
      native.unmount("tmp");
    }).toThrow(expect.objectContaining({ step: "arguments" }));
    expect(readdirSync(path)).toEqual(["file"]);
  });
});
