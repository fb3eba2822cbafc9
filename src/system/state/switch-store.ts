// Saves the switch across reboots. A package can set it while guestd cannot run.
import { readFileSync, rmSync } from "node:fs";
import type { LoginSwitch } from "../../policy/switch.ts";
import { findReasonFault, NEVER_ENABLED } from "../../policy/switch.ts";
import { replaceDurably, replaceFile } from "../write-file.ts";

const FILE = "/var/lib/guestd/switch.json";

export interface FoundSwitch {
  readonly loginSwitch: LoginSwitch;
  /** For the journal. */
  readonly fault?: string;
}

export class SwitchStore {
  readonly #file: string;
  readonly #replace: typeof replaceDurably;

  /** @param file in a directory accessible to root only */
  constructor(file = FILE, replace = replaceDurably) {
    this.#file = file;
    this.#replace = replace;
  }

  /** Off if missing or unreadable. Never throws. */
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
   * Resolves when it survives a power cut.
   * @throws Error if not saved; a restarted guestd then finds the previous one
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

  // A file that is written but not safe on disk is a failure.
  #putBack(before: string | undefined): void {
    try {
      if (before === undefined) rmSync(this.#file, { force: true });
      else if (this.#readText() !== before) replaceFile(this.#file, before);
    } catch {
      // The original failure is reported already.
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
