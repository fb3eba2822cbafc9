import { describe, expect, it } from "vitest";
import type { Loaded } from "../../src/config/load.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { listMachineDefaults } from "../../src/config/machine-defaults.ts";
import { Configuration } from "../../src/configuration.ts";

function load(...file: Parameters<typeof parseConfig>): Loaded {
  const result = parseConfig(...file);
  return result.ok ? { ...result, terms: {} } : result;
}

const GOOD = load([{ path: "a", text: "[Home]\nSize=1M" }]);
const BAD = load([{ path: "a", text: "[Home]\nSize=x" }]);

function configurationOf(results: (() => Loaded)[]) {
  const loaded: unknown[] = [];
  const logged: string[] = [];
  const configuration = new Configuration({
    load: () => (results.shift() ?? (() => GOOD))(),
    journal: { logDaemon: (level, action, message) => logged.push(`${level} ${action} ${message}`) },
    onLoaded: (config) => loaded.push(config),
  });
  return { configuration, loaded, logged };
}

describe("Configuration", () => {
  it("counts as set only what a file sets, and no default of the kernel", () => {
    const { configuration, logged } = configurationOf([
      () => load([{ path: "a", text: "[Home]\nSize=1M" }], listMachineDefaults({ noswap: false })),
    ]);
    configuration.load();
    expect(logged[0]).toContain("Read the configuration: 1 of ");
  });

  it("keeps the current one when the next is invalid, and reports that", () => {
    const { configuration, loaded, logged } = configurationOf([() => GOOD, () => BAD]);
    expect(configuration.load()).toEqual([]);
    expect(configuration.load()).toEqual(["a:2: Size=x: expected a size such as 512M or 25%"]);
    expect(loaded).toHaveLength(1);
    expect(configuration.settings.find(({ key }) => key === "Size")?.value).toBe("1M");
    expect(logged[1]).toContain("the one before stays in force");
  });

  it("is an earlier one while the new file has errors, which a new guestd would lack", () => {
    const { configuration } = configurationOf([() => BAD, () => GOOD, () => BAD, () => GOOD]);
    const seen = Array.from({ length: 4 }, () => {
      configuration.load();
      return configuration.isEarlier;
    });
    expect(seen).toEqual([false, false, true, false]);
  });

  it("is empty when the first one is invalid", () => {
    const { configuration, loaded, logged } = configurationOf([() => BAD]);
    configuration.load();
    expect(loaded).toEqual([]);
    expect(configuration.settings).toEqual([]);
    expect(logged[0]).toContain("guests are refused until it is fixed");
  });

  it("treats a reader that throws as an invalid configuration", () => {
    const { configuration } = configurationOf([
      () => {
        throw new Error("EACCES: drop-ins");
      },
    ]);
    expect(configuration.load()).toEqual(["configuration: EACCES: drop-ins"]);
  });
});
