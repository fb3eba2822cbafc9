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
  it("returns only the number of a process that is gone or has no name", () => {
    expect(nameProcess(proc, 8)).toBe("process 8");
    expect(named("\n")).toBe("process 7");
  });

  it("returns the process's name", () => {
    expect(named("bash\n")).toBe("process 7 (bash)");
    expect(named("kworker/0:1H\n")).toBe("process 7 (kworker/0:1H)");
  });

  it.each([
    ["a)\u001b[2Jb\n", String.raw`process 7 (a\x29\x1b[2Jb)`],
    ["x\ny; z\n", String.raw`process 7 (x\x0ay; z)`],
    ["\u202eevil\n", String.raw`process 7 (\xe2\x80\xaeevil)`],
    ['"`$\n', String.raw`process 7 (\x22${"`$"})`],
  ])("escapes a name that would end a line, a quotation or a bracket: %j", (comm, said) => {
    expect(named(comm)).toBe(said);
  });
});
