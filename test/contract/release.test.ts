// packaging/release in its own repository, without its checks, packages and repository for apt: what it refuses and
// writes.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { execute } from "../helpers/execute.ts";
import { PAGES } from "../helpers/man.ts";
import { SigningKey } from "../helpers/signing-key.ts";
import { listProjectFiles, PROJECT, readProjectFile } from "../helpers/tree.ts";

const OWN =
  /^(NEWS\.md|package(-lock)?\.json|src\/version\.ts|docs\/install\.md|test\/bench\/history\.ts|packaging\/(release|lib\.sh|compare-versions\.ts|sbom\.mjs|guestd\.spec|man\/.*|debian\/(control|copyright|changelog)))$/;
const LIMIT_MS = 30_000;
const URL = "https://guests.example.net/apt";
/** Stand-ins that fail on request, and leave what a release is made from. */
const PACKAGE = `#!/bin/sh
set -eu
[ ! -e .fail-packages ] || exit 1
mkdir -p build/package/DEBIAN build/packages/trixie
cat >build/package/DEBIAN/control <<END
Package: guestd
Version: 9.9.9~deb13
Architecture: $2
Maintainer: nobody
Description: nothing
Built-Using: glibc (= 2.41-12)
END
dpkg-deb --root-owner-group --build build/package "build/packages/trixie/guestd_9.9.9~deb13_$2.deb"
`;
const REPOSITORY = '#!/bin/sh\n[ ! -e .fail-repository ] || exit 1\necho more >>"$2/pool"\n';

describe("packaging/release", () => {
  /** Each test copies it. */
  let template: string;
  let tree: string;
  let key: SigningKey;

  beforeAll(async () => {
    key = await SigningKey.make();
    tree = mkdtempSync(join(tmpdir(), "guestd-release-"));
    for (const name of listProjectFiles().filter((file) => OWN.test(file))) write(name, readProjectFile(name));
    write("packaging/package", PACKAGE);
    write("packaging/repository", REPOSITORY);
    write(".ci/run", "#!/bin/sh\n");
    write(".gitignore", ".fail-*\n/build/\n/node_modules\n");
    write("NEWS.md", "# News\n\n## 9.9.9 (unreleased)\n\n* More.\n\n## 9.9.8\n\nNothing yet.\n");
    for (const name of ["packaging/release", "packaging/package", "packaging/repository", ".ci/run"])
      chmodSync(join(tree, name), 0o755);
    symlinkSync(join(PROJECT, "node_modules"), join(tree, "node_modules"));
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
  afterAll(async () => {
    rmSync(template, { recursive: true });
    await key.remove();
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

  const run = (...args: string[]) =>
    execute([join(tree, "packaging/release"), ...args], { timeoutMs: LIMIT_MS, env: key.env });

  const checked = (version: string) => run(`--key=${key.fingerprint}`, `--url=${URL}`, version);
  const release = (version: string) => run("--skip-checks", `--key=${key.fingerprint}`, `--url=${URL}`, version);

  async function expectRefused(run: () => ReturnType<typeof release>, reason: RegExp): Promise<void> {
    const head = await git("rev-parse", "HEAD");
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(await git("rev-parse", "HEAD")).toBe(head);
    expect(await git("tag")).not.toContain("v9.9.9");
  }

  it.each(["", "9", "9.9", "9.9.9.9", "v9.9.9", "09.9.9", "9.9.9-rc1", "9.9.9\n", "--help"])(
    "refuses %j, which is no version",
    async (version) => {
      await expectRefused(() => release(version), /is no version/);
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
    await expectRefused(() => release("0.0.1"), /0\.0\.1 is older than/);
  });

  it.each(["9.9.7", "9.9.8", "99.9.9"])("refuses %s, which has no news", async (version) => {
    await expectRefused(() => release(version), /NEWS\.md has no entry/);
  });

  it("refuses a tree with changes", async () => {
    write("packaging/more", "");
    await expectRefused(() => release("9.9.9"), /not clean/);
  });

  it.each([
    ["no key", [`--url=${URL}`], /no key is given; --key=FINGERPRINT/],
    [
      "a key that is not there",
      ["--key=0123456789ABCDEF", `--url=${URL}`],
      /cannot sign with the key 0123456789ABCDEF/,
    ],
    ["no address", ["--key=KEY"], /no address is given; --url=https/],
    ["an address that is none", ["--key=KEY", "--url=example.net"], /no address is given/],
  ])("refuses %s, before anything is made", async (_, options, reason) => {
    await expectRefused(() => run("--skip-checks", ...options, "9.9.9"), reason);
    expect(existsSync(join(tree, "build"))).toBe(false);
  });

  it.each([
    ["the packages cannot be made", () => write(".fail-packages", "")],
    ["the repository cannot be made", () => write(".fail-repository", "")],
    [
      "a file of the release cannot be made",
      () => mkdirSync(join(tree, "build/release/SHA256SUMS"), { recursive: true }),
    ],
  ])("restores the files when %s", async (_, spoil) => {
    spoil();
    await expectRefused(() => release("9.9.9"), /nothing is released/);
    expect(await git("status", "--porcelain")).toBe("");
    expect(existsSync(join(tree, "build/release/apt/pool"))).toBe(false);
  });

  describe("with figures of two versions", () => {
    async function writeFigures(now: number): Promise<void> {
      const rows = `| version | open |\n| --- | --: |\n| 9.9.9 | ${now} |\n| 9.9.8 | 1.00 |\n`;
      write("docs/performance.md", `<!-- history -->\n${rows}<!-- end of history -->\n`);
      await commit();
    }

    it("refuses one that has become slower by more than a quarter, and names what", async () => {
      await writeFigures(1.3);
      await expectRefused(
        () => checked("9.9.9"),
        /warning: open: 1\.30, and 1\.00 in 9\.9\.8\n.*do not allow this release/,
      );
      expect(await git("status", "--porcelain")).toBe("");
      expect((await release("9.9.9")).code).toBe(0);
    });

    it("releases one that has not", async () => {
      await writeFigures(1.25);
      const { code, stderr } = await checked("9.9.9");
      expect(code, stderr).toBe(0);
    });
  });

  it("releases a version without figures, and says so", async () => {
    write("docs/performance.md", "# Performance\n");
    await commit();
    const { code, stderr } = await checked("9.9.9");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("has no figures of 9.9.9");
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

  it("makes what is published: signed, with the address, and beside what was published before", async () => {
    write("build/release/apt/pool", "old\n");
    const { code, stderr } = await release("9.9.9");
    expect(code, stderr).toBe(0);
    expect(read("build/release/apt/pool")).toBe("old\nmore\n");
    const files = readdirSync(join(tree, "build/release/9.9.9")).sort();
    expect(files).toEqual([
      "INSTALL.md",
      "NOTES.md",
      "SHA256SUMS",
      "SHA256SUMS.asc",
      "guestd-9.9.9.cdx.json",
      "guestd-9.9.9.tar.xz",
    ]);
    expect(read("build/release/9.9.9/INSTALL.md")).toContain(`URIs: ${URL}\n`);
    expect(read("build/release/9.9.9/INSTALL.md")).not.toContain("example.org");
    expect(read("build/release/9.9.9/NOTES.md")).toMatch(
      new RegExp(`^# guestd 9\\.9\\.9\\n\\n\\* More\\.\\n[^]*${URL}[^]*${key.fingerprint}`),
    );
    expect(read("build/release/9.9.9/NOTES.md")).not.toContain("Nothing yet");
  });

  it("signs the checksums of all files, the sources among them", async () => {
    expect((await release("9.9.9")).code).toBe(0);
    const script = `cd "$1"; gpg --verify SHA256SUMS.asc SHA256SUMS; sha256sum --check --strict SHA256SUMS
      tar -xJf guestd-9.9.9.tar.xz -O guestd-9.9.9/package.json | grep '"version"'`;
    const { code, stdout, stderr } = await execute(["sh", "-euc", script, "sh", join(tree, "build/release/9.9.9")], {
      env: key.env,
    });
    expect(`${code} ${stderr}`).toMatch(/^0 [^]*Good signature/);
    expect(stdout).toMatch(/^INSTALL.md: OK\nNOTES.md: OK\n.*cdx.json: OK\n.*tar.xz: OK\n.*"version": "9\.9\.9"/);
    expect(JSON.parse(read("build/release/9.9.9/guestd-9.9.9.cdx.json"))).toMatchObject({
      metadata: { component: { name: "guestd", version: "9.9.9" } },
    });
  });

  it("uses an existing entry of the changelog", async () => {
    expect((await release("9.9.9")).code).toBe(0);
    await git("tag", "--delete", "v9.9.9");
    expect((await release("9.9.9")).code).toBe(0);
    expect(read("packaging/debian/changelog").match(/\(9\.9\.9\)/g)).toHaveLength(1);
    expect(read("NEWS.md").match(/## 9\.9\.9/g)).toHaveLength(1);
  });
});
