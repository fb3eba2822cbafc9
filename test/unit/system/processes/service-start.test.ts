import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startsService } from "../../../../src/system/processes/service-start.ts";

describe("startsService", () => {
  let proc: string;
  const runs = (program: string) => {
    mkdirSync(join(proc, "7"));
    symlinkSync(program, join(proc, "7/exe"));
    return startsService(7, proc);
  };
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "proc-"));
  });
  afterEach(() => {
    rmSync(proc, { recursive: true });
  });

  it.each([
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
    "/usr/lib/systemd/systemd-executor (deleted)",
  ])("recognises %s", (program) => {
    expect(runs(program)).toBe(true);
  });

  it.each([
    "/usr/bin/login",
    "/usr/sbin/sshd",
    "/usr/bin/systemd-run",
    "/home/guest1/systemd",
    "/usr/lib/systemd/systemd-logind",
  ])("takes %s for a login", (program) => {
    expect(runs(program)).toBe(false);
  });

  it("takes a process that has ended for a login", () => {
    expect(startsService(2 ** 30, proc)).toBe(false);
  });
});
