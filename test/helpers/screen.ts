// The screen of a machine, and its user. It belongs to the last X server started. Before a desktop runs it has no
// window manager.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import { waitFor } from "./wait.ts";

const LIMIT_MS = 30_000;
/** Identical looks before an action is repeated. */
const LOOKS_BEFORE_ANOTHER_TRY = 20;
/** A picture of one colour is much smaller, a greeter's much larger. */
const DRAWN_BYTES = 5000;
/** In the machine. */
const PICTURE = "/run/test-picture.png";

export class Screen {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async type(text: string): Promise<void> {
    await this.#run("xdotool", "type", "--", text);
  }

  /** By xdotool's names: "Return", "ctrl+c". */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run("xdotool", "key", "--", ...keys);
  }

  /** @param button 1 is the left one, 3 the right one */
  async click(x: number, y: number, button = 1): Promise<void> {
    await this.#run("xdotool", "mousemove", String(x), String(y), "click", String(button));
  }

  /** The keyboard may belong to a child of the named window. */
  async awaitFocus(name: string): Promise<void> {
    // Without -f xdotool waits forever when no window has the keyboard.
    const look = 'xwininfo -children -id "$(xdotool getwindowfocus -f)"';
    const isFocus = (line: string) => /(Window|Parent window) id: /.test(line) && line.includes(`"${name}"`);
    await waitFor(
      `the keyboard to be with ${name}`,
      async () => (await this.#run("sh", "-c", look)).split("\n").some(isFocus),
      LIMIT_MS,
    );
  }

  /** The greeter has the keyboard, and is drawn. */
  async awaitGreeter(name: string): Promise<void> {
    await this.awaitFocus(name);
    await waitFor(
      `${name} to be drawn`,
      async () => {
        await this.#look();
        return Number(await this.#machine.sh(`stat -c %s ${PICTURE}`)) > DRAWN_BYTES;
      },
      LIMIT_MS,
    );
  }

  /** A window manager handles clicks outside all windows. */
  async awaitDesktop(): Promise<void> {
    await waitFor(
      "a window manager",
      async () => (await this.#run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")).includes("window id"),
      LIMIT_MS,
    );
  }

  /**
   * Waits until the screen has changed and is calm again.
   * @param again repeats the action if nothing changes: its target may not have been ready
   */
  async awaitChange(act: () => Promise<void>, again = false): Promise<void> {
    const before = await this.#look();
    await act();
    let last = before;
    let looks = 0;
    await waitFor(
      "the screen to change",
      async () => {
        const earlier = last;
        last = await this.#look();
        if (again && last === before && ++looks % LOOKS_BEFORE_ANOTHER_TRY === 0) await act();
        return last !== before && last === earlier;
      },
      LIMIT_MS,
    );
  }

  async awaitCalm(): Promise<void> {
    let last = "";
    await waitFor(
      "the screen to be calm",
      async () => {
        const earlier = last;
        last = await this.#look();
        return last === earlier;
      },
      LIMIT_MS,
    );
  }

  async lookAt({ x, y, width, height }: Readonly<Record<"x" | "y" | "width" | "height", number>>): Promise<string> {
    await this.#run("scrot", "--overwrite", `--autoselect=${[x, y, width, height].join(",")}`, PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  /** Returns the path: build/pictures/RELEASE/NAME.png. */
  async picture(name: string): Promise<string> {
    await this.#look();
    return this.#copyOut(PICTURE, `${name}.png`);
  }

  /** For a document. Returns the path: build/pictures/RELEASE/NAME-small.png. */
  async smallPicture(name: string): Promise<string> {
    // scrot adds the smaller picture beside it.
    const path = "/run/test-small.png";
    await this.#run("scrot", "--overwrite", "--thumb=60", path);
    return this.#copyOut(path.replace(".png", "-thumb.png"), `${name}-small.png`);
  }

  async #copyOut(from: string, name: string): Promise<string> {
    const { release, pid } = this.#machine;
    const path = fileURLToPath(new URL(`../../build/pictures/${release}/${name}`, import.meta.url));
    await mkdir(dirname(path), { recursive: true });
    await copyFile(`/proc/${pid}/root${from}`, path);
    return path;
  }

  async #look(): Promise<string> {
    await this.#run("scrot", "--overwrite", PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  async #run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#machine.run(["at-screen", ...argv]);
    // The key or click has ended the X server, as intended.
    const hasEnded = argv[0] === "xdotool" && /X connection to|fatal IO error/.test(stderr);
    if (code !== 0 && !hasEnded) throw new Error(`exit ${code} of ${argv.join(" ")}: ${stderr}`);
    return stdout;
  }
}
