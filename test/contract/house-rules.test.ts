// House rules that a machine can check.
import { describe, expect, it } from "vitest";
import { RECORD_VERSION } from "../../src/system/state/session-record.ts";
import { VERSION } from "../../src/version.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const files = listProjectFiles();
const code = files.filter((name) => /^(src|native|pam)\/.*\.(ts|cc|c|h)$/.test(name));

describe("house rules", () => {
  it("limit each file of the program to 300 lines", () => {
    expect(code.filter((name) => readProjectFile(name).split("\n").length > 301)).toEqual([]);
  });

  it("limit the entries to wiring, 60 lines at most", () => {
    for (const name of ["src/guestd.ts", "src/guestctl.ts"])
      expect(readProjectFile(name).split("\n").length, name).toBeLessThanOrEqual(61);
  });

  it("have every file of the program begin with what it is", () => {
    expect(code.filter((name) => !/^(\/\/|\/\*)/.test(readProjectFile(name)))).toEqual([]);
  });

  it("have the daemon exit in one place, and the library nowhere", () => {
    expect(files.filter((name) => name.startsWith("src/") && readProjectFile(name).includes("process.exit("))).toEqual([
      "src/start.ts",
    ]);
  });

  // The kernel waits for a process that hangs in mmap(2), and so would guestd. guest-holders may hang; root's
  // systemd-coredump does not.
  it("have guestd read no file that waits for a process's mappings, except of root's systemd-coredump", () => {
    const reads = /(?<=["'`/])(?:cmdline|environ|maps|map_files|mem|numa_maps|pagemap|smaps(?:_rollup)?)(?=["'`/])/;
    expect(code.filter((name) => !name.startsWith("pam/") && reads.test(readProjectFile(name)))).toEqual([
      "native/holders.c",
      "src/system/sweep/coredump-writers.ts",
    ]);
  });

  // Debian 12's Node.js lacks some of what TypeScript allows. Tests run on a later one.
  it("allow nothing that Node.js 18 lacks", () => {
    const later =
      /\.(?:toReversed|toSorted|toSpliced|with|isWellFormed|toWellFormed)\(|\b(?:groupBy|withResolvers|fromAsync)\(/;
    expect(files.filter((name) => /^src\/.*\.ts$/.test(name) && later.test(readProjectFile(name)))).toEqual([]);
  });

  it("let no test be skipped or singled out silently", () => {
    const tests = files.filter((name) => name.endsWith(".test.ts") && name !== "test/contract/house-rules.test.ts");
    expect(tests.filter((name) => /(?<!\.)\.(only|skip|todo)\(/.test(readProjectFile(name)))).toEqual([]);
  });

  it("keep download addresses out of the lock file", () => {
    expect(readProjectFile("package-lock.json")).not.toMatch(/"resolved": "http/);
  });

  it("have the same version everywhere, and news for it", () => {
    const read = (name: string) =>
      JSON.parse(readProjectFile(name)) as { version: string; packages?: Record<string, { version: string }> };
    expect(read("package.json").version).toBe(VERSION);
    expect(read("package-lock.json")).toMatchObject({ version: VERSION, packages: { "": { version: VERSION } } });
    expect(readProjectFile("packaging/debian/changelog").split(" ").slice(0, 2)).toEqual(["guestd", `(${VERSION})`]);
    expect(/^Version: +(\S+)$/m.exec(readProjectFile("packaging/guestd.spec"))?.[1]).toBe(VERSION);
    expect(/^## (\S+)/m.exec(readProjectFile("NEWS.md"))?.[1]).toBe(VERSION);
  });

  it("have the package know the record version that it can take over", () => {
    expect(readProjectFile("packaging/debian/guestd.preinst")).toContain(`\nRECORD_VERSION=${RECORD_VERSION}\n`);
  });

  it("have news for every version, newest first, and only that one unreleased", () => {
    const headings = [...readProjectFile("NEWS.md").matchAll(/^## (\d+\.\d+\.\d+)(?: \((.*)\))?$/gm)].map(
      ([, version = "", remark]) => ({ version, remark }),
    );
    const versions = headings.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => b.localeCompare(a, "en", { numeric: true })));
    expect(headings.slice(1).filter(({ remark }) => remark === "unreleased")).toEqual([]);
    const packaged = [...readProjectFile("packaging/debian/changelog").matchAll(/^guestd \((.*?)\)/gm)].map(
      ([, version = ""]) => version,
    );
    expect(packaged.filter((version) => !versions.includes(version))).toEqual([]);
    expect(readProjectFile("NEWS.md").match(/^## /gm)).toHaveLength(versions.length);
  });

  it("have guestd start programs only by absolute paths in /usr", () => {
    const starters = files.filter(
      (name) => /^src\/.*\.ts$/.test(name) && readProjectFile(name).includes('"node:child_process"'),
    );
    const programs = starters.flatMap((name) =>
      [
        ...readProjectFile(name).matchAll(
          /^const (?:CANCEL|DIVERT|FALLOCATE|FIND|JOURNALCTL|LPSTAT|PROGRAM|UMOUNT) = "(.*)";$/gm,
        ),
      ].map(([, path]) => path),
    );
    expect(programs.sort()).toEqual([
      "/usr/bin/cancel",
      "/usr/bin/dpkg-divert",
      "/usr/bin/fallocate",
      "/usr/bin/find",
      "/usr/bin/find",
      "/usr/bin/journalctl",
      "/usr/bin/journalctl",
      "/usr/bin/lpstat",
      "/usr/bin/node",
      "/usr/bin/umount",
      "/usr/lib/guestd/guest-holders",
      "/usr/lib/guestd/guest-keys",
      "/usr/lib/guestd/guest-lookup",
    ]);
  });

  it("have a line in HACKING.md for every file of the program, and for no other", () => {
    const hacking = readProjectFile("HACKING.md");
    const tree = [...hacking.matchAll(/^ {4}((?:src|native|pam|systemd|etc)\/\S+) {2,}\S/gm)].map(
      ([, name = ""]) => name,
    );
    const wanted = files.filter((name) => /^(src|native|pam|systemd|etc)\//.test(name));
    expect(tree.sort()).toEqual(wanted.sort());
  });
});
