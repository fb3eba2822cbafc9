// The screen of a machine with a display manager, and its user, who looks, types, clicks, and takes pictures. It
// belongs to the last X server started, and has no window manager before a desktop runs.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import { waitFor } from "./wait.ts";

const LIMIT_MS = 30_000;
/** After so many identical looks the action is repeated. */
const LOOKS_BEFORE_ANOTHER_TRY = 20;
/** A picture of one colour is much smaller, one of a greeter much larger. */
const DRAWN_BYTES = 5000;
/** A path in the machine. */
const PICTURE = "/run/test-picture.png";

export class Screen {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async type(text: string): Promise<void> {
    await this.#run("xdotool", "type", "--", text);
  }

  /** Keys one after another, by xdotool's names: "Return", "ctrl+c". */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run("xdotool", "key", "--", ...keys);
  }

  /** @param button 1 is the left one, 3 the right one */
  async click(x: number, y: number, button = 1): Promise<void> {
    await this.#run("xdotool", "mousemove", String(x), String(y), "click", String(button));
  }

  /** Waits until a window with this name, or a child of it, has the keyboard. */
  async awaitFocus(name: string): Promise<void> {
    // Without -f xdotool would wait without limit where no window has the keyboard.
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

  /** Waits until a window manager handles the mouse outside all windows. */
  async awaitDesktop(): Promise<void> {
    await waitFor(
      "a window manager",
      async () => (await this.#run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")).includes("window id"),
      LIMIT_MS,
    );
  }

  /**
   * Acts, and waits until the screen has changed and is calm again.
   * @param again whether to repeat the action where nothing changes for a while, as its target may not have been ready
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

  /** A digest of a part of the screen. */
  async lookAt({ x, y, width, height }: Readonly<Record<"x" | "y" | "width" | "height", number>>): Promise<string> {
    await this.#run("scrot", "--overwrite", `--autoselect=${[x, y, width, height].join(",")}`, PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  /** Takes a picture. Returns its path: build/pictures/RELEASE/NAME.png. */
  async picture(name: string): Promise<string> {
    await this.#look();
    return this.#copyOut(PICTURE, `${name}.png`);
  }

  /** Takes a picture for a document. Returns its path: build/pictures/RELEASE/NAME-small.png. */
  async smallPicture(name: string): Promise<string> {
    // scrot writes the picture and a smaller one beside it.
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

  /** A digest of the screen. */
  async #look(): Promise<string> {
    await this.#run("scrot", "--overwrite", PICTURE);
    return this.#machine.sh(`sha256sum ${PICTURE}`);
  }

  async #run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#machine.run(["at-screen", ...argv]);
    // A key or click that ends the X server has succeeded.
    const hasEnded = argv[0] === "xdotool" && /X connection to|fatal IO error/.test(stderr);
    if (code !== 0 && !hasEnded) throw new Error(`exit ${code} of ${argv.join(" ")}: ${stderr}`);
    return stdout;
  }
}
