import { closeSync, constants, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openProcess, readStartTime } from "../../../../src/system/processes/identity.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-identity-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("readStartTime", () => {
  const stat = (text: string) => {
    mkdirSync(join(root, "7"));
    writeFileSync(join(root, "7/stat"), text);
    return readStartTime(7, root);
  };
  const AFTER_NAME = "S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 0\n";

  it("returns nothing for a process that is gone", () => {
    expect(readStartTime(7, root)).toBeUndefined();
  });

  it.each(["(bash)", "(a b)", "(a) S 1 2 (b)", "())", "(()", "(\n)", "(x) R 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 1 9)"])(
    "is not misled by a command named %j",
    (name) => {
      expect(stat(`7 ${name} ${AFTER_NAME}`)).toBe(123456);
    },
  );

  it("is constant for a live process", () => {
    const first = readStartTime(process.pid);
    expect(first).toBeGreaterThan(0);
    expect(readStartTime(process.pid)).toBe(first);
  });
});

describe("openProcess", () => {
  let opened: number[];
  const bindings = {
    openPidfd: () => {
      const fd = openSync("/dev/null", constants.O_RDONLY);
      opened.push(fd);
      return fd;
    },
  };
  beforeEach(() => {
    opened = [];
  });
  const self = () => ({ pid: process.pid, startTime: readStartTime(process.pid) ?? 0 });

  it("does not take a later process with the PID, and leaves no descriptor open", () => {
    expect(openProcess(bindings, { ...self(), startTime: 1 })).toBeUndefined();
    for (const fd of opened) expect(() => fstatSync(fd)).toThrow("EBADF");
    expect(opened).toHaveLength(1);
  });

  it("finds no process that has ended", () => {
    const openPidfd = () => {
      throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
    };
    expect(openProcess({ openPidfd }, self())).toBeUndefined();
  });

  it("finds the process that was seen before", () => {
    const fd = openProcess(bindings, self());
    expect(fd).toBe(opened[0]);
    closeSync(fd ?? -1);
  });
});
