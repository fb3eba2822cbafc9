// What is mounted at a path of the host, and is taken off again.
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

  it("takes a file system off, which was there alone", () => {
    native.unmount(path);
    expect(readdirSync(path)).toEqual([]);
    expect(() => {
      native.unmount(path);
    }).toThrow(expect.objectContaining({ code: "EINVAL", step: "umount2", path }));
  });

  it("leaves one that a process is in", () => {
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

  it("does not follow a link, and takes absolute paths alone", () => {
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
