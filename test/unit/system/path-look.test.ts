// Whether a path exists, such as a home on the machine.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pathExists } from "../../../src/system/path-look.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-home-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const HOST = "1 0 8:1 / / rw - ext4 x rw";

/** Every look fails. */
function failing(...mounts: readonly string[]) {
  const [find, mountinfo] = [join(root, "find"), join(root, "mountinfo")];
  writeFileSync(find, "#!/bin/sh\necho \"find: '$1': Input/output error\" >&2\nexit 1\n");
  chmodSync(find, 0o755);
  writeFileSync(mountinfo, mounts.join("\n"));
  return { find, mountinfo };
}

describe("a home", () => {
  it("does not exist, nor where /home is missing or a file", async () => {
    writeFileSync(join(root, "file"), "");
    for (const path of ["guest-aaaa", "missing/guest-aaaa", "file/guest-aaaa"])
      expect(await pathExists(join(root, path))).toBe(false);
  });

  it("exists as a directory, a file, or a dangling link", async () => {
    mkdirSync(join(root, "directory"));
    writeFileSync(join(root, "file"), "");
    symlinkSync("nowhere", join(root, "link"));
    for (const path of ["directory", "file", "link"]) expect(await pathExists(join(root, path))).toBe(true);
  });

  it("that cannot be looked up is neither", async () => {
    symlinkSync("loop", join(root, "loop"));
    await expect(pathExists(join(root, "loop/guest-aaaa"))).rejects.toThrow("could not be looked at");
    const home = join(root, "guest-aaaa");
    await expect(pathExists(home, failing(HOST))).rejects.toThrow(/could not be looked at: Input\/output error$/);
    const missing = { ...failing(HOST), find: join(root, "missing") };
    await expect(pathExists(home, missing)).rejects.toThrow(/could not be looked at$/);
  });

  it("on a file server that does not answer is an error that names it and a remedy", async () => {
    const server = `2 1 0:9 / ${root} rw - nfs4 files:/homes rw`;
    await expect(pathExists(join(root, "guest-aaaa"), failing(HOST, server))).rejects.toThrow(
      `Input/output error; repair the file server of ${root} (files:/homes, nfs4), or unmount it`,
    );
  });
});
