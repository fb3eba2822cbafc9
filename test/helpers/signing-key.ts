// A throw-away key in its own gpg keyring.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execute } from "./execute.ts";

export class SigningKey {
  readonly fingerprint: string;
  /** For a program that signs with the key. */
  readonly env: NodeJS.ProcessEnv;
  readonly #home: string;

  private constructor(fingerprint: string, home: string) {
    this.fingerprint = fingerprint;
    this.#home = home;
    this.env = { ...process.env, GNUPGHOME: home };
  }

  static async make(): Promise<SigningKey> {
    const home = mkdtempSync(join(tmpdir(), "guestd-key-"));
    const { stderr } = await execute([
      "gpg",
      "--homedir",
      home,
      "--batch",
      "--status-fd=2",
      "--passphrase=",
      "--quick-generate-key",
      "Nobody",
      "ed25519",
    ]);
    const [, fingerprint] = /KEY_CREATED P (\w+)/.exec(stderr) ?? [];
    if (fingerprint === undefined) throw new Error(`gpg has made no key:\n${stderr}`);
    return new SigningKey(fingerprint, home);
  }

  async export(): Promise<string> {
    return (await execute(["gpg", "--homedir", this.#home, "--armor", "--export", this.fingerprint])).stdout;
  }

  /** Also ends the agent that gpg has started. */
  async remove(): Promise<void> {
    await execute(["gpgconf", "--homedir", this.#home, "--kill", "all"]);
    rmSync(this.#home, { recursive: true, force: true });
  }
}
