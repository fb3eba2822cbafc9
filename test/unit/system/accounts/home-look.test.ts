// Whether a home is on the machine already.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { homeExists } from "../../../../src/system/accounts/home-look.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-home-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("a home", () => {
  it("is not there, nor where /home is missing or is a file", async () => {
    writeFileSync(join(root, "file"), "");
    for (const path of ["guest-aaaa", "missing/guest-aaaa", "file/guest-aaaa"])
      expect(await homeExists(join(root, path))).toBe(false);
  });

  it("is there as a directory, a file, or a link that leads nowhere", async () => {
    mkdirSync(join(root, "directory"));
    writeFileSync(join(root, "file"), "");
    symlinkSync("nowhere", join(root, "link"));
    for (const path of ["directory", "file", "link"]) expect(await homeExists(join(root, path))).toBe(true);
  });

  it("of which it cannot be told is neither", async () => {
    symlinkSync("loop", join(root, "loop"));
    await expect(homeExists(join(root, "loop/guest-aaaa"))).rejects.toThrow("could not be looked at");
    const program = join(root, "find");
    writeFileSync(program, "#!/bin/sh\necho 'find: Input/output error' >&2\nexit 1\n");
    chmodSync(program, 0o755);
    await expect(homeExists(join(root, "guest-aaaa"), program)).rejects.toThrow("could not be looked at");
    await expect(homeExists(join(root, "guest-aaaa"), join(root, "missing"))).rejects.toThrow("could not be looked at");
  });
});
