import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeBusPolicy } from "../../../src/system/bus-policy.ts";
import { configOf } from "../../helpers/samples.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "guestd-bus-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const write = (...lines: readonly string[]) => writeBusPolicy(configOf(...lines), directory);
const file = () => join(directory, "bluetooth.conf");

it("The bus is told to let guests use BlueZ while the configuration says so, and each time that changes", () => {
  expect(write()).toBe(false);
  expect(write("[Polkit]", "Bluetooth=yes")).toBe(true);
  expect(readFileSync(file(), "utf8")).toContain('<allow send_destination="org.bluez"/>');
  expect((statSync(file()).mode & 0o777).toString(8)).toBe("644");
  expect(write("[Polkit]", "Bluetooth=yes")).toBe(false);
  expect(write()).toBe(true);
  expect(existsSync(file())).toBe(false);
});
