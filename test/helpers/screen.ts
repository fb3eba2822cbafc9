// The screen of a machine with a display manager, and the person before it: who looks, types, clicks, and takes pictures.
// It is that of the X server that was started last, and has no window manager before a desktop is up.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import { waitFor } from "./wait.ts";

const LIMIT_MS = 30_000;
/** So many times the screen was the same. */
const LOOKS_BEFORE_ANOTHER_TRY = 20;
/** A picture of one colour is much smaller, one of a greeter much larger. */
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

  /** Keys one after another, as xdotool names them: "Return", "ctrl+c". */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run("xdotool", "key", "--", ...keys);
  }

  /** @param button 1 is the left one, 3 the right one */
  async click(x: number, y: number, button = 1): Promise<void> {
    await this.#run("xdotool", "mousemove", String(x), String(y), "click", String(button));
  }

  /** Waits until a window with this name has the keyboard, or one that lies in it. */
  async awaitFocus(name: string): Promise<void> {
    // Without -f xdotool would wait, for as long as it takes, where no window has the keyboard.
    const look = 'xwininfo -children -id "$(xdotool getwindowfocus -f)"';
    const isFocus = (line: string) => /(Window|Parent window) id: /.test(line) && line.includes(`"${name}"`);
    await waitFor(
      `the keyboard to be with ${name}`,
      async () => (await this.#run("sh", "-c", look)).split("\n").some(isFocus),
      LIMIT_MS,
    );
  }

  /** Waits until a greeter has the keyboard, and is on the screen. */
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

  /** Waits until a window manager is there for what is done with the mouse beside all windows. */
  async awaitDesktop(): Promise<void> {
    await waitFor(
      "a window manager",
      async () => (await this.#run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")).includes("window id"),
      LIMIT_MS,
    );
  }

  /**
   * Does something that is seen, and waits until it is: the screen has changed, and changes no more.
   * @param again whether it is done again where nothing changes for a while: what it is done to may not have been ready
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

  /** Waits until nothing on the screen changes. */
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

  /** What tells one look of a part of the screen from another. */
  async lookAt({ x, y, width, height }: Readonly<Record<"x" | "y" | "width" | "height", number>>): Promise<string> {
    await this.#run("scrot", "--overwrite", `--autoselect=${[x, y, width, height].join(",")}`, PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  /** Takes a picture. Returns where it is: build/pictures/RELEASE/NAME.png. */
  async picture(name: string): Promise<string> {
    await this.#look();
    return this.#copyOut(PICTURE, `${name}.png`);
  }

  /** Takes a picture for a document. Returns where it is: build/pictures/RELEASE/NAME-small.png. */
  async smallPicture(name: string): Promise<string> {
    // scrot writes the picture itself, and a smaller one beside it.
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

  /** What tells one look of the screen from another. */
  async #look(): Promise<string> {
    await this.#run("scrot", "--overwrite", PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  async #run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#machine.run(["at-screen", ...argv]);
    // A key or a click that ends the X server has done what it is for.
    const hasEnded = argv[0] === "xdotool" && /X connection to|fatal IO error/.test(stderr);
    if (code !== 0 && !hasEnded) throw new Error(`exit ${code} of ${argv.join(" ")}: ${stderr}`);
    return stdout;
  }
}
