// Detects an nscd that caches accounts, with its default configuration, too.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cachesAccounts } from "../../../../src/system/accounts/nscd.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nscd-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const look = (settings: string | undefined, runs = true) => {
  const paths = { socket: join(root, "socket"), settings: join(root, "nscd.conf") };
  if (runs) writeFileSync(paths.socket, "");
  if (settings !== undefined) writeFileSync(paths.settings, settings);
  return cachesAccounts(paths.socket, paths.settings);
};

describe("cachesAccounts", () => {
  it.each([
    ["\tenable-cache\t\tpasswd\t\tyes\n\tenable-cache group yes\n", true],
    ["enable-cache passwd no\n", false],
    ["#enable-cache passwd yes\nenable-cache hosts yes\n", false],
    ["enable-cache passwd yes\nenable-cache passwd no\n", false],
    [undefined, false],
  ])("reads %j as %s", (settings, expected) => {
    expect(look(settings)).toBe(expected);
  });

  it("returns no where nscd does not run", () => {
    expect(look("enable-cache passwd yes\n", false)).toBe(false);
  });
});
