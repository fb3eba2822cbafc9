import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nameProcess } from "../../../../src/system/processes/process-name.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
  mkdirSync(join(proc, "7"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const named = (comm: string) => {
  writeFileSync(join(proc, "7/comm"), comm);
  return nameProcess(proc, 7);
};

describe("nameProcess", () => {
  it("says the number alone of a process that is gone, or has no name", () => {
    expect(nameProcess(proc, 8)).toBe("process 8");
    expect(named("\n")).toBe("process 7");
  });

  it("says its name", () => {
    expect(named("bash\n")).toBe("process 7 (bash)");
    expect(named("kworker/0:1H\n")).toBe("process 7 (kworker/0:1H)");
  });

  it.each([
    ["a)\u001b[2Jb\n", "process 7 (a2Jb)"],
    ["x\ny; z\n", "process 7 (xy z)"],
    ["\u202eevil\n", "process 7 (evil)"],
    ['"`$\n', "process 7"],
  ])("says nothing of it that is no plain character: %j", (comm, said) => {
    expect(named(comm)).toBe(said);
  });
});
