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
  it("counts as set what a file sets, and no default, be it this kernel's", () => {
    const { configuration, logged } = configurationOf([
      () => load([{ path: "a", text: "[Home]\nSize=1M" }], listMachineDefaults({ noswap: false })),
    ]);
    configuration.load();
    expect(logged[0]).toContain("Read the configuration: 1 of ");
  });

  it("keeps the one in force when the next is bad, and says so", () => {
    const { configuration, loaded, logged } = configurationOf([() => GOOD, () => BAD]);
    expect(configuration.load()).toEqual([]);
    expect(configuration.load()).toEqual(["a:2: Size=x: expected a size such as 512M or 25%"]);
    expect(loaded).toHaveLength(1);
    expect(configuration.settings.find(({ key }) => key === "Size")?.value).toBe("1M");
    expect(logged[1]).toContain("the one before stays in force");
  });

  it("is an earlier one, which a guestd that starts lacks, until the errors are mended", () => {
    const { configuration } = configurationOf([() => BAD, () => GOOD, () => BAD, () => GOOD]);
    const seen = Array.from({ length: 4 }, () => {
      configuration.load();
      return configuration.isEarlier;
    });
    expect(seen).toEqual([false, false, true, false]);
  });

  it("has none when the first is bad", () => {
    const { configuration, loaded, logged } = configurationOf([() => BAD]);
    configuration.load();
    expect(loaded).toEqual([]);
    expect(configuration.settings).toEqual([]);
    expect(logged[0]).toContain("guests are refused until it is mended");
  });

  it("takes a reader that throws for a bad configuration", () => {
    const { configuration } = configurationOf([
      () => {
        throw new Error("EACCES: drop-ins");
      },
    ]);
    expect(configuration.load()).toEqual(["configuration: EACCES: drop-ins"]);
  });
});
