// The current configuration. One with errors does not replace it.
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

  /** Every setting and its origin. Empty if none could be loaded. */
  get settings(): readonly Setting[] {
    return this.#settings;
  }

  /** Of the last load, one line each. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  /** A restart would lose the current configuration, which is in no file. */
  get isEarlier(): boolean {
    return this.#errors.length > 0 && this.#settings.length > 0;
  }

  get fallback(): string {
    return this.isEarlier ? "the one before stays in force" : "guests are refused until it is fixed";
  }

  /**
   * A faulty configuration changes nothing.
   * @returns its errors, one line each
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
