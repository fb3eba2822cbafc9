// packaging/guestd.spec has the files that packaging/install installs.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { execute } from "../helpers/execute.ts";
import { PROJECT, readProjectFile } from "../helpers/tree.ts";

const spec = readProjectFile("packaging/guestd.spec");

/** Fedora's, on a 64-bit machine. */
const MACROS: Readonly<Record<string, string>> = {
  _prefix: "/usr",
  _bindir: "/usr/bin",
  _libdir: "/usr/lib64",
  _datadir: "/usr/share",
  _mandir: "/usr/share/man",
  _sysconfdir: "/etc",
  _unitdir: "/usr/lib/systemd/system",
  _sysusersdir: "/usr/lib/sysusers.d",
  _tmpfilesdir: "/usr/lib/tmpfiles.d",
  _journalcatalogdir: "/usr/lib/systemd/catalog",
  guestd_dir: "/usr/lib/guestd",
  buildroot: "",
};

function expand(text: string): string {
  return text.replaceAll(/%\{(\w+)\}/g, (macro, name: string) => {
    const value = MACROS[name];
    if (value === undefined) throw new Error(`a macro that this test does not know: ${macro}`);
    return value;
  });
}

function readSection(name: string): string[] {
  const [, section = ""] = spec.split(`\n%${name}\n`);
  const lines = section
    .split(/\n%(?:prep|build|install|post|preun|files)\n/)[0]
    ?.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines, name).not.toEqual([]);
  return lines ?? [];
}

/** rpm compresses manual pages, so "*" follows their names in %files. */
const readEntry = (line: string): string =>
  expand(line.replace(/^%(?:dir|config\(noreplace\)|lang\(\w+\)) /, "").replace(/^(%\{_mandir\}.*)\*$/, "$1"));

/** Skips what rpm takes from the sources itself. */
const listed = readSection("files")
  .filter((line) => !/^%(?:doc|license) /.test(line))
  .map((line) => readEntry(line));

describe("the spec of the rpm package", () => {
  let work: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "guestd-rpm-"));
  });
  afterEach(() => {
    rmSync(work, { recursive: true });
  });

  /** Files, links and empty directories, from empty compiled parts. */
  async function listInstalled(): Promise<string[]> {
    mkdirSync(join(work, "from"));
    for (const [, name = ""] of readProjectFile("packaging/install").matchAll(/\t\$from\/(\S+)\t/g))
      writeFileSync(join(work, "from", name), "");
    const modules = expand("%{_libdir}/security");
    const { code, stderr } = await execute([
      join(PROJECT, "packaging/install"),
      join(work, "from"),
      join(work, "to"),
      modules,
    ]);
    expect(code, stderr).toBe(0);
    const entries = readdirSync(join(work, "to"), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() || readdirSync(join(entry.parentPath, entry.name)).length === 0)
      .map((entry) => join(entry.parentPath, entry.name).slice(join(work, "to").length));
  }

  it("has every installed file except Debian's own, and no other", async () => {
    const installed = await listInstalled();
    const removed = readSection("install")
      .filter((line) => line.startsWith("rm "))
      .map((line) => expand(line.slice("rm ".length)));
    expect(installed).toEqual(expect.arrayContaining(removed));
    // A directory with files is not an installed one of its own.
    const leaves = listed.filter((path) => !installed.some((file) => file.startsWith(`${path}/`)));
    expect([...leaves, ...removed].sort()).toEqual(installed.sort());
  });

  it("has the directories that only guestd has", () => {
    const own = listed.map((path) => dirname(path)).filter((path) => /^\/(?:usr\/lib|etc)\/guestd|@/.test(path));
    expect(listed).toEqual(expect.arrayContaining([...new Set(own)]));
  });
});
