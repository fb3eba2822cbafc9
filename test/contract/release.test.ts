// packaging/release in its own repository: what it refuses, and what it writes. Its checks and packages do not run
// here.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { execute } from "../helpers/execute.ts";
import { PAGES } from "../helpers/man.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const OWN =
  /^(NEWS\.md|package(-lock)?\.json|src\/version\.ts|packaging\/(release|lib\.sh|guestd\.spec|man\/.*|debian\/(control|changelog)))$/;
const LIMIT_MS = 30_000;

describe("packaging/release", () => {
  /** The repository that each test copies. */
  let template: string;
  let tree: string;

  beforeAll(async () => {
    tree = mkdtempSync(join(tmpdir(), "guestd-release-"));
    for (const name of listProjectFiles().filter((file) => OWN.test(file))) write(name, readProjectFile(name));
    write("packaging/package", "#!/bin/sh\n[ ! -e .fail ]\n");
    write(".gitignore", ".fail\n");
    write("NEWS.md", "# News\n\n## 9.9.9 (unreleased)\n\n* More.\n\n## 9.9.8\n\nNothing yet.\n");
    for (const name of ["release", "package"]) chmodSync(join(tree, "packaging", name), 0o755);
    await git("init", "--quiet");
    await git("config", "user.name", "Nobody");
    await git("config", "user.email", "nobody@example.org");
    await commit();
    template = tree;
  });
  beforeEach(() => {
    tree = mkdtempSync(join(tmpdir(), "guestd-release-"));
    cpSync(template, tree, { recursive: true, preserveTimestamps: true });
  });
  afterEach(() => {
    rmSync(tree, { recursive: true });
  });
  afterAll(() => {
    rmSync(template, { recursive: true });
  });

  function write(name: string, text: string): void {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }

  const read = (name: string): string => readFileSync(join(tree, name), "utf8");

  async function git(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await execute(["git", "-C", tree, ...args], { timeoutMs: LIMIT_MS });
    expect(code, stderr).toBe(0);
    return stdout.trim();
  }

  async function commit(): Promise<void> {
    await git("add", "--all");
    await git("commit", "--quiet", "--message", "test: begin");
  }

  const release = (...args: string[]) =>
    execute([join(tree, "packaging/release"), "--skip-checks", ...args], { timeoutMs: LIMIT_MS });

  async function expectRefused(args: readonly string[], reason: RegExp): Promise<void> {
    const head = await git("rev-parse", "HEAD");
    const { code, stderr } = await release(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(await git("rev-parse", "HEAD")).toBe(head);
    expect(await git("tag")).not.toContain("v9.9.9");
  }

  it.each(["", "9", "9.9", "9.9.9.9", "v9.9.9", "09.9.9", "9.9.9-rc1", "9.9.9\n", "--help"])(
    "refuses %j, which is no version",
    async (version) => {
      await expectRefused([version], /is no version/);
    },
  );

  it("refuses a version that is not newer than the last one", async () => {
    await git("tag", "v9.9.9");
    const { code, stderr } = await release("9.9.9");
    expect([code, stderr]).toEqual([1, expect.stringContaining("9.9.9 is not newer than v9.9.9")]);
    await git("tag", "v9.10.0");
    expect((await release("9.9.10")).stderr).toContain("9.9.10 is not newer than v9.10.0");
    expect((await release("0.0.1")).code).toBe(1);
  });

  it("refuses a version older than that of the files", async () => {
    await expectRefused(["0.0.1"], /0\.0\.1 is older than/);
  });

  it.each(["9.9.7", "9.9.8", "99.9.9"])("refuses %s, which has no news", async (version) => {
    await expectRefused([version], /NEWS\.md has no entry/);
  });

  it("refuses a tree with changes", async () => {
    write("packaging/more", "");
    await expectRefused(["9.9.9"], /not clean/);
  });

  it("restores the files when the packages cannot be made", async () => {
    write(".fail", "");
    await expectRefused(["9.9.9"], /nothing is released/);
    expect(await git("status", "--porcelain")).toBe("");
  });

  it("writes the version everywhere, and tags the commit", async () => {
    const { code, stderr } = await release("9.9.9");
    expect(code, stderr).toBe(0);
    expect(await git("status", "--porcelain")).toBe("");
    expect(await git("rev-list", "-1", "v9.9.9")).toBe(await git("rev-parse", "HEAD"));
    expect(JSON.parse(read("package.json"))).toMatchObject({ version: "9.9.9" });
    expect(JSON.parse(read("package-lock.json"))).toMatchObject({
      version: "9.9.9",
      packages: { "": { version: "9.9.9" } },
    });
    expect(read("src/version.ts")).toContain('VERSION = "9.9.9";');
    for (const page of PAGES)
      expect(read(`packaging/man/${page}`)).toMatch(/^\.TH [\w.-]+ \d \d{4}-\d\d-\d\d "guestd 9\.9\.9" "guestd"$/im);
    expect(read("packaging/guestd.spec")).toMatch(/^Version: +9\.9\.9$/m);
    expect(read("packaging/debian/changelog")).toMatch(
      /^guestd \(9\.9\.9\) unstable; urgency=medium\n\n {2}\* .*\n\n -- .+ <.+> {2}\w{3}, \d\d \w{3} \d{4} .* \+0000\n\nguestd \(/,
    );
    expect(read("NEWS.md")).toMatch(/^## 9\.9\.9 \(\d{4}-\d\d-\d\d\)$/m);
  });

  it("uses an existing entry of the changelog", async () => {
    expect((await release("9.9.9")).code).toBe(0);
    await git("tag", "--delete", "v9.9.9");
    expect((await release("9.9.9")).code).toBe(0);
    expect(read("packaging/debian/changelog").match(/\(9\.9\.9\)/g)).toHaveLength(1);
    expect(read("NEWS.md").match(/## 9\.9\.9/g)).toHaveLength(1);
  });
});
