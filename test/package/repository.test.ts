// Follows docs/install.md word for word on a pristine machine. apt refuses other keys' signatures, and packages changed
// after signing. guestd's dependencies are installed: install.test.ts shows that they come from Debian.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { execute, type Result } from "../helpers/execute.ts";
import { Machine } from "../helpers/machine.ts";
import { packageStatus } from "../helpers/package.ts";
import { SigningKey } from "../helpers/signing-key.ts";
import { PROJECT, readProjectFile } from "../helpers/tree.ts";

const LIMIT_MS = 120_000;
const PORT = 8000;

const [FETCH_KEY = "", NAME_REPOSITORY = "", INSTALL = "", SWITCH_ON = "", ...MORE] = [
  ...readProjectFile("docs/install.md").matchAll(/^```sh\n(.*?)^```/gms),
].map(([, commands = ""]) => commands.replaceAll("https://example.org/guestd", `http://localhost:${PORT}`));

describeMachine("a repository", (release) => {
  let machine: Machine;
  let server: ChildProcess | undefined;
  let tree: string;
  let key: SigningKey;
  let otherKey: SigningKey;

  beforeAll(async () => {
    [machine, key, otherKey] = await Promise.all([
      Machine.boot(release, "dependencies"),
      SigningKey.make(),
      SigningKey.make(),
    ]);
    // The machine lacks sudo.
    await machine.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', "755");
    // apt would retry Debian's archives without a network.
    await machine.write("/etc/apt/apt.conf.d/99-no-network", 'Acquire::Retries "0";\n');
    tree = mkdtempSync(join(tmpdir(), "guestd-repository-"));
    const made = await makeRepository();
    expect(made.code, made.stderr).toBe(0);
    server = await serve(machine, tree);
  });
  afterAll(async () => {
    server?.kill();
    await Promise.all([machine.stop(), key.remove(), otherKey.remove()]);
    rmSync(tree, { recursive: true });
  });

  const makeRepository = () =>
    execute([join(PROJECT, "packaging/repository"), `--key=${key.fingerprint}`, tree, release], { env: key.env });

  /** Like a person at a terminal who answers yes. */
  async function type(commands: string): Promise<Result & { readonly said: string }> {
    const result = await machine.run(["bash", "--norc", "-euc", commands], {
      input: "y\n",
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: LIMIT_MS,
    });
    return { ...result, said: `${result.stdout}${result.stderr}` };
  }

  function changePackage(): void {
    const pool = join(tree, "pool", release);
    const name = readdirSync(pool).find((file) => /^guestd_.*\.deb$/.test(file)) ?? "";
    const bytes = readFileSync(join(pool, name));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(join(pool, name), bytes);
  }

  it("is in docs/install.md with four steps", () => {
    expect([FETCH_KEY, NAME_REPOSITORY, INSTALL, SWITCH_ON]).toEqual([
      expect.stringContaining("wget"),
      expect.stringContaining("Signed-By:"),
      expect.stringContaining("apt install guestd"),
      expect.stringContaining("guestctl enable"),
    ]);
    expect(MORE).toEqual([]);
  });

  it("that another key has signed is refused", { timeout: LIMIT_MS }, async () => {
    const own = readFileSync(join(tree, "guestd.asc"));
    writeFileSync(join(tree, "guestd.asc"), await otherKey.export());
    expect((await type(FETCH_KEY + NAME_REPOSITORY)).code).toBe(0);
    writeFileSync(join(tree, "guestd.asc"), own);
    const { code, said } = await type(INSTALL);
    expect(`${code} ${said}`).toMatch(/^100 [^]*localhost:8000 \w+ InRelease' is not signed/);
    expect((await type("apt install guestd")).said).toContain("Unable to locate package guestd");
  });

  it("with a package that was changed is refused, and would not be signed again", { timeout: LIMIT_MS }, async () => {
    expect((await type(FETCH_KEY)).code).toBe(0);
    changePackage();
    const { code, said } = await type(INSTALL);
    expect(`${code} ${said}`).toMatch(/^100 [^]*Hash Sum mismatch/);
    expect(await packageStatus(machine)).not.toMatch(/ installed$/);
    expect(await makeRepository()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("needs a new version") as unknown,
    });
    changePackage();
  });

  it("is what guestd comes from, and a guest logs in", { timeout: LIMIT_MS }, async () => {
    const { code, said } = await type(INSTALL);
    expect(`${code} ${said}`).toMatch(/^0 /);
    expect(await machine.sh("apt-cache policy guestd")).toContain(
      `http://localhost:${PORT} ${release}/main amd64 Packages`,
    );
    expect((await type(SWITCH_ON)).code).toBe(0);
    expect((await type("su - guest -c 'echo in $GUEST_SESSION'")).stdout).toMatch(/^in \w{10}$/m);
  });
});

/** Runs a web server in the machine, which has none. It ends with this process. */
async function serve(machine: Machine, directory: string): Promise<ChildProcess> {
  const enter = ["--target", String(machine.pid), "--net", "--", "setpriv", "--pdeathsig", "KILL", "--"];
  const program = [process.execPath, join(PROJECT, "test/helpers/file-server.mjs"), directory, String(PORT)];
  const server = spawn("nsenter", [...enter, ...program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout, "data");
  return server;
}
