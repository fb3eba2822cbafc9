// The configuration in force: reads it, says so in the journal, and keeps the old one when a new one is bad.
import type { Loaded } from "./config/load.ts";
import type { Setting } from "./config/parse.ts";
import { formatConfigError, isSet } from "./config/parse.ts";
import type { Config } from "./config/schema.ts";
import type { Journal } from "./system/journal.ts";

export interface ConfigurationParts {
  readonly load: () => Loaded;
  readonly journal: Pick<Journal, "logDaemon">;
  /** @param terms the texts of Terms=, by locale */
  readonly onLoaded: (config: Config, terms: Readonly<Record<string, string>>) => void;
}

export class Configuration {
  readonly #parts: ConfigurationParts;
  #settings: readonly Setting[] = [];
  #errors: readonly string[] = [];

  constructor(parts: ConfigurationParts) {
    this.#parts = parts;
  }

  /** Every key in force, and where it comes from; empty while none could be read. */
  get settings(): readonly Setting[] {
    return this.#settings;
  }

  /** The errors of the last reading, a line each. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  /** A configuration is in force that is in no file any more: the next guestd would not have it. */
  get isEarlier(): boolean {
    return this.#errors.length > 0 && this.#settings.length > 0;
  }

  /** What holds as long as the configuration has errors. */
  get fallback(): string {
    return this.isEarlier ? "the one before stays in force" : "guests are refused until it is mended";
  }

  /**
   * Reads the configuration. A bad one changes nothing.
   * @returns its errors, a line each, or none
   */
  load(): readonly string[] {
    const { journal, onLoaded } = this.#parts;
    const result = this.#read();
    if (!result.ok) {
      this.#errors = result.errors.map(formatConfigError);
      journal.logDaemon(
        "err",
        "config-rejected",
        `The configuration has errors; ${this.fallback}: ${this.#errors.join("; ")}`,
      );
      return this.#errors;
    }
    this.#errors = [];
    this.#settings = result.settings;
    const changed = result.settings.filter(isSet).length;
    journal.logDaemon(
      "info",
      "config-loaded",
      `Read the configuration: ${changed} of ${result.settings.length} keys are set.`,
    );
    onLoaded(result.config, result.terms);
    return [];
  }

  #read(): Loaded {
    try {
      return this.#parts.load();
    } catch (error) {
      return { ok: false, errors: [{ file: "configuration", line: 0, message: (error as Error).message }] };
    }
  }
}
