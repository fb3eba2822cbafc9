// A program on a terminal, used like a person would. Knows nothing of machines.
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { shellCode, type Result } from "./execute.ts";

const DEFAULT_LIMIT_MS = 30_000;
/** Ctrl-C. */
const INTERRUPT = "\x03";

/** An ordinary shell's prompt, at the end of the screen. */
const PROMPT = /[$#] $/;
/** login refuses the guest, or asks for a name again. */
const TURNED_AWAY = /Login incorrect|\n(?!Last )\S* ?login: $/;
/** The prompt after prepareShell(). */
const READY = /<ready>/;

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export class Terminal {
  /** Resolves with the exit code once the program's output is complete. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcessWithoutNullStreams;
  #screen = "";
  #seen = 0;
  #code: number | undefined;
  #asked = 0;
  #wake: () => void = () => undefined;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    const add = (text: string): void => {
      this.#screen += text.replaceAll("\r", "");
      this.#wake();
    };
    child.stdout.setEncoding("utf8").on("data", add);
    child.stderr.setEncoding("utf8").on("data", add);
    child.stdin.on("error", () => undefined);
    this.exited = new Promise((resolve) => {
      child.on("error", (error) => {
        add(String(error));
      });
      child.on("close", (code, signal) => {
        this.#code = shellCode(code, signal);
        resolve(this.#code);
        this.#wake();
      });
    });
  }

  get transcript(): string {
    return this.#screen;
  }

  send(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Presses Ctrl-C in a prepared shell, and waits for the prompt: the shell drops earlier input. */
  async interrupt(limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    this.send(INTERRUPT);
    await this.expect(READY, limitMs);
  }

  /** Gives the program on the terminal a hang-up, as when a cable is pulled. */
  hangUp(): void {
    this.#child.kill("SIGKILL");
  }

  /**
   * Waits for new text, and consumes it.
   * @throws Error with the transcript at a timeout, or when the program ends first
   */
  async expect(pattern: RegExp, limitMs = DEFAULT_LIMIT_MS): Promise<RegExpExecArray> {
    const end = Date.now() + limitMs;
    for (;;) {
      const match = pattern.exec(this.#screen.slice(this.#seen));
      if (match !== null) {
        this.#seen += match.index + match[0].length;
        return match;
      }
      if (this.#code !== undefined) throw this.#failure(`ended with ${this.#code} before ${String(pattern)}`);
      const left = end - Date.now();
      if (left <= 0) throw this.#failure(`no ${String(pattern)} within ${limitMs} ms`);
      await this.#change(left);
    }
  }

  async end(limitMs = DEFAULT_LIMIT_MS): Promise<number> {
    const end = Date.now() + limitMs;
    while (this.#code === undefined) {
      const left = end - Date.now();
      if (left <= 0) throw this.#failure(`not ended within ${limitMs} ms`);
      await this.#change(left);
    }
    return this.#code;
  }

  /**
   * Logs in at login's prompt, to a prepared shell.
   * @throws Error with the transcript when login refuses the guest; the terminal is then hung up
   */
  async logIn(name: string, password?: string, limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    await this.expect(/login: /, limitMs);
    this.send(`${name}\n`);
    if (password !== undefined) {
      await this.#expectWelcome(/Password: /, limitMs);
      this.send(`${password}\n`);
    }
    await this.prepareShell(limitMs);
  }

  /**
   * At a shell's prompt, turns echo and the history file off and sets ask()'s prompt.
   * @throws Error with the transcript when no shell comes; if login refuses the guest, the terminal is hung up
   */
  async prepareShell(limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    await this.#expectWelcome(PROMPT, limitMs);
    // The quotes make the echoed line differ from the prompt.
    this.send("stty -echo; PS1='<rea''dy>'; PS2=; unset HISTFILE\n");
    await this.expect(READY, limitMs);
    await this.askStatus("true", limitMs);
  }

  /**
   * Runs a command in a prepared shell. Returns its output without the last newline.
   * @throws Error with the transcript when the prompt does not return in time
   */
  async ask(command: string, limitMs = DEFAULT_LIMIT_MS): Promise<string> {
    return (await this.askStatus(command, limitMs)).stdout;
  }

  /** Like ask(), with the exit code. A terminal has stdout and stderr in one. */
  async askStatus(command: string, limitMs = DEFAULT_LIMIT_MS): Promise<Result> {
    const mark = `ask-${++this.#asked}`;
    // Only printed text matches: an echo cannot be taken for the answer.
    this.send(`printf '<%s:begin>\\n' ${mark}; eval ${quote(command)}; printf '<%s:%d>\\n' ${mark} $?\n`);
    const match = await this.expect(new RegExp(`<${mark}:begin>\n([^]*?)<${mark}:(\\d+)>\n`), limitMs);
    await this.expect(READY, limitMs);
    return { code: Number(match[2]), stdout: (match[1] ?? "").replace(/\n$/, ""), stderr: "" };
  }

  /** Leaves the shell and waits for the program that started it. */
  async logOut(limitMs = DEFAULT_LIMIT_MS): Promise<number> {
    this.send("exit 0\n");
    return this.end(limitMs);
  }

  async #expectWelcome(pattern: RegExp, limitMs: number): Promise<void> {
    const [seen] = await this.expect(new RegExp(`${pattern.source}|${TURNED_AWAY.source}`), limitMs);
    if (!TURNED_AWAY.test(seen)) return;
    this.hangUp();
    throw this.#failure("the login was turned away");
  }

  #failure(what: string): Error {
    return new Error(`terminal: ${what}\n--- transcript\n${this.#screen}\n---`);
  }

  /** Resolves at output, at the program's end, or after the limit. */
  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      const earlier = this.#wake;
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        earlier();
        resolve();
      };
    });
  }
}
