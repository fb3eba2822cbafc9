// Finds units that start agetty among the administrator's units and drop-ins.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readGettyUnits } from "../../../src/system/getty-units.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "getty-units-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

it("readGettyUnits reads services and drop-ins, and skips invalid and unreadable ones", () => {
  const text = "[Service]\nExecStart=-/sbin/agetty -\n";
  mkdirSync(join(root, "getty@tty1.service.d"));
  mkdirSync(join(root, "directory.service"));
  for (const name of ["getty@tty1.service.d/a.conf", "getty@tty1.service.d/b.bak", "kiosk.service", "kiosk.timer"])
    writeFileSync(join(root, name), text);
  writeFileSync(join(root, "other.service"), "[Service]\nExecStart=/bin/true\n");
  symlinkSync("/dev/null", join(root, "masked.service"));
  symlinkSync("nowhere", join(root, "dangling.service"));
  execFileSync("mkfifo", [join(root, "fifo.service")]);
  expect(readGettyUnits([join(root, "missing"), root]).map(({ file }) => file.slice(root.length + 1))).toEqual([
    "getty@tty1.service.d/a.conf",
    "kiosk.service",
  ]);
});
