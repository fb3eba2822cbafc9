import { describe, expect, it } from "vitest";
import { listKeys } from "../../../src/config/schema.ts";
import { sweepPrivate } from "../../../src/policy/swept-paths.ts";
import { configOf } from "../../helpers/samples.ts";

const swept = (...lines: string[]) => sweepPrivate(configOf(...lines)).Sweep.Paths.map(({ path }) => path);

describe("the list of what guests can write to", () => {
  it("is one: each private directory is swept, and each swept one is private or hidden", () => {
    const { View } = configOf();
    const covered = [...View.Private, ...View.Hide].map(({ path }) => path);
    expect(swept()).toEqual([...View.Private.map(({ path }) => path), "/var/crash"]);
    expect(swept().filter((path) => !covered.includes(path))).toEqual([]);
  });

  it("is extended by either key", () => {
    expect(swept("[View]", "Private=/scratch")).toContain("/scratch");
    expect(swept("[Sweep]", "Paths=/srv/exchange")).toEqual([...swept(), "/srv/exchange"]);
  });

  it("is the same where an old configuration names all of it", () => {
    const before =
      "/tmp /var/tmp /dev/shm -/run/lock -/var/crash -/run/screen -/var/lib/php/sessions -/var/spool/samba";
    expect(new Set(swept("[Sweep]", "Paths=", `Paths=${before} /srv/x`))).toEqual(new Set([...swept(), "/srv/x"]));
    expect(swept("[View]", "Private=", "Private=/tmp", "[Sweep]", "Paths=", "Paths=/srv/x")).toEqual([
      "/tmp",
      "/srv/x",
    ]);
    expect(listKeys().find(({ name }) => name === "Paths")?.key.initial).toBe("-/var/crash");
  });
});
