import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NEVER_ENABLED } from "../../../../src/policy/switch.ts";
import { SwitchStore } from "../../../../src/system/state/switch-store.ts";
import { replaceDurably } from "../../../../src/system/write-file.ts";

let root: string;
let file: string;
let store: SwitchStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-switch-"));
  file = join(root, "guestd/switch.json");
  store = new SwitchStore(file);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function lay(text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe("SwitchStore keeps guests out", () => {
  it("when nothing was saved", () => {
    expect(store.read()).toEqual({ loginSwitch: NEVER_ENABLED });
    mkdirSync(dirname(file));
    expect(store.read()).toEqual({ loginSwitch: NEVER_ENABLED });
  });

  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half of it", '{"enabled":true,"rea'],
    ["null", "null"],
    ["true", "true"],
    ["a list", "[]"],
    ["a string for a boolean", '{"enabled":"true","reason":""}'],
    ["a number for a boolean", '{"enabled":1,"reason":""}'],
    ["no boolean", '{"reason":""}'],
    ["no reason", '{"enabled":true}'],
    ["a reason that is no text", '{"enabled":true,"reason":null}'],
    ["a reason that cannot be printed", '{"enabled":true,"reason":"\\u001b[2J"}'],
    ["a reason that is too long", `{"enabled":true,"reason":"${"a".repeat(201)}"}`],
  ])("when it finds %s, and names that file", (_, text) => {
    lay(text);
    expect(store.read()).toEqual({
      loginSwitch: { enabled: false, reason: `${file} cannot be read` },
      fault: expect.stringContaining(`${file} cannot be read: `) as string,
    });
  });

  it("when there is a directory in place of the file, or a file in place of its directory", () => {
    mkdirSync(file, { recursive: true });
    expect(store.read().loginSwitch.enabled).toBe(false);
    rmSync(dirname(file), { recursive: true });
    writeFileSync(dirname(file), "");
    expect(store.read()).toMatchObject({
      loginSwitch: { enabled: false },
      fault: expect.stringContaining("ENOTDIR") as string,
    });
  });

  it("after a partial write", () => {
    lay("");
    rmSync(file);
    writeFileSync(`${file}.new`, '{"enabled":true,"reason":""}');
    expect(store.read()).toEqual({ loginSwitch: NEVER_ENABLED });
  });
});

describe("SwitchStore", () => {
  it("reports when it cannot write", async () => {
    writeFileSync(dirname(file), "");
    await expect(store.write({ enabled: true, reason: "" })).rejects.toThrow();
  });

  it.each([undefined, { enabled: false, reason: "an examination" }])(
    "keeps the old value when the new one is not safely on disk (%j)",
    async (before) => {
      if (before !== undefined) await store.write(before);
      const unsafe = async (path: string, text: string) => {
        await replaceDurably(path, text);
        throw new Error("EIO");
      };
      await expect(new SwitchStore(file, unsafe).write({ enabled: true, reason: "" })).rejects.toThrow("EIO");
      expect(store.read()).toEqual({ loginSwitch: before ?? NEVER_ENABLED });
      expect(readdirSync(dirname(file))).toEqual(before === undefined ? [] : ["switch.json"]);
    },
  );

  it.each([
    { enabled: true, reason: "" },
    { enabled: false, reason: "" },
    { enabled: false, reason: 'Gäste: "bitte" morgen.' },
  ])("reads what was saved: %j", async (loginSwitch) => {
    await store.write({ enabled: !loginSwitch.enabled, reason: "" });
    await store.write(loginSwitch);
    expect(new SwitchStore(file).read()).toEqual({ loginSwitch });
    expect(readdirSync(dirname(file))).toEqual(["switch.json"]);
  });

  it("writes what the package writes when it is installed without a running guestd, only for root", async () => {
    await store.write({ enabled: true, reason: "" });
    expect(readFileSync(file, "utf8")).toBe('{"enabled":true,"reason":""}');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });

  it("accepts fields that a later guestd has added", () => {
    lay('{"enabled":true,"reason":"","by":"root"}\n');
    expect(store.read()).toEqual({ loginSwitch: { enabled: true, reason: "" } });
  });
});
