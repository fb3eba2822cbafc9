import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UidUse } from "../../../../src/system/accounts/uid-use.ts";

const UID = 66_600;

describe("the use of a uid", () => {
  let run: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "guestd-use-"));
    mkdirSync(join(run, "systemd/users"), { recursive: true });
  });
  afterEach(() => {
    rmSync(run, { recursive: true });
  });

  const useOf = (pid?: number) =>
    new UidUse({ run, findProcess: (uid) => Promise.resolve(uid === UID ? pid : undefined) });

  it("is known from logind, with the user's name", async () => {
    writeFileSync(join(run, "systemd/users", String(UID)), "# This is private data.\nNAME=dora\nSTATE=active\n");
    expect(useOf().findLogin(UID)).toBe("dora");
    expect(await useOf().find(UID)).toBe("dora");
    expect(await useOf().find(UID + 1)).toBeUndefined();
  });

  it("is seen even where logind has no name", async () => {
    writeFileSync(join(run, "systemd/users", String(UID)), "");
    expect(await useOf().find(UID)).toBeDefined();
  });

  it("is seen by a runtime directory or a process", async () => {
    expect(await useOf(7).find(UID)).toBe("the owner of process 7");
    mkdirSync(join(run, "user", String(UID)), { recursive: true });
    expect(await useOf().find(UID)).toBe(`the owner of ${run}/user/${UID}`);
  });

  it("is unknown while the processes could not be looked at", async () => {
    expect(await useOf().find(UID)).toBeUndefined();
    const late = new UidUse({ run, findProcess: () => Promise.reject(new Error("late")) });
    await expect(late.find(UID)).rejects.toThrow("late");
  });
});
