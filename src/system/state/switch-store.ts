// The switch of guest logins in /var/lib/guestd: over reboots, and for a package that is installed while no guestd can run.
// What cannot be read lets no guest in.
import { readFileSync, rmSync } from "node:fs";
import type { LoginSwitch } from "../../policy/switch.ts";
import { findReasonFault, NEVER_ENABLED } from "../../policy/switch.ts";
import { replaceDurably, replaceFile } from "../write-file.ts";

const FILE = "/var/lib/guestd/switch.json";

export interface FoundSwitch {
  readonly loginSwitch: LoginSwitch;
  /** Why it could not be read, for the journal. */
  readonly fault?: string;
}

export class SwitchStore {
  readonly #file: string;
  readonly #replace: typeof replaceDurably;

  /** @param file in a directory of root alone */
  constructor(file = FILE, replace = replaceDurably) {
    this.#file = file;
    this.#replace = replace;
  }

  /** What was written down last; closed where nothing was, or it cannot be read. Never throws. */
  read(): FoundSwitch {
    try {
      return { loginSwitch: parseSwitch(readFileSync(this.#file, "utf8")) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { loginSwitch: NEVER_ENABLED };
      const reason = `${this.#file} cannot be read`;
      return { loginSwitch: { enabled: false, reason }, fault: `${reason}: ${(error as Error).message}` };
    }
  }

  /**
   * When it resolves, a power cut does not take it back.
   * @throws Error when it could not be written: then a guestd that starts finds what was there before
   */
  async write({ enabled, reason }: LoginSwitch): Promise<void> {
    const before = this.#readText();
    try {
      await this.#replace(this.#file, JSON.stringify({ enabled, reason }));
    } catch (error) {
      this.#putBack(before);
      throw error;
    }
  }

  #readText(): string | undefined {
    try {
      return readFileSync(this.#file, "utf8");
    } catch {
      return undefined;
    }
  }

  // The file can be written, and not be safe yet: that is a failure, and must not be a switch that turns by itself.
  #putBack(before: string | undefined): void {
    try {
      if (before === undefined) rmSync(this.#file, { force: true });
      else if (this.#readText() !== before) replaceFile(this.#file, before);
    } catch {
      // What it was that failed is known already.
    }
  }
}

function parseSwitch(text: string): LoginSwitch {
  const { enabled, reason } = JSON.parse(text) as Partial<Record<string, unknown>>;
  if (typeof enabled !== "boolean") throw new Error('"enabled" is neither true nor false');
  if (typeof reason !== "string") throw new Error('"reason" is no text');
  const fault = findReasonFault(reason);
  if (fault !== undefined) throw new Error(`"reason" ${fault}`);
  return { enabled, reason };
}
