// An emulated computer with a screen, a keyboard, a mouse, a serial line and a USB stick, and its user. Everything goes
// through qemu's devices.
import { createConnection } from "node:net";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FullMachine } from "./full-machine.ts";
import { Qmp } from "./qmp.ts";
import type { Release } from "./root.ts";
import { waitFor } from "./wait.ts";

/** A desktop takes minutes to come up under emulation. */
export const SEAT_LIMIT_MS = 600_000;
const WIDTH = 1280;
/** In rows: GNOME's bar with the clock. */
const BAR = 40;
const BYTES_PER_PIXEL = 3;
/** Identical looks at a calm screen. They take seconds: an emulated processor draws slowly. */
const CALM_LOOKS = 40;

/** qemu's name of the second screen. */
const SECOND = "second";

const KEYS: Readonly<Record<string, string>> = { "\n": "ret", " ": "spc", "-": "minus", "/": "slash", ".": "dot" };

export class Seat {
  readonly machine: FullMachine;
  readonly #qmp: Qmp;

  private constructor(machine: FullMachine, qmp: Qmp) {
    this.machine = machine;
    this.#qmp = qmp;
  }

  /**
   * Boots to a text console, without a display manager.
   * @param seats 2 for a second screen and keyboard: see attachSecond()
   */
  static async boot(release: Release, seats: 1 | 2 = 1): Promise<Seat> {
    const machine = await FullMachine.boot(release, seats === 2 ? "seats" : "seat");
    return new Seat(machine, await Qmp.connect(machine.path("qmp")));
  }

  async stop(): Promise<void> {
    this.#qmp.close();
    await this.machine.stop();
  }

  /** Presses keys together, by qemu's names: press("ctrl", "alt", "f3"). */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#qmp.execute("send-key", { keys: keys.map((data) => ({ type: "qcode", data })) });
  }

  async pressSecond(key: string): Promise<void> {
    for (const down of [true, false]) {
      const event = { type: "key", data: { down, key: { type: "qcode", data: key } } };
      await this.#qmp.execute("input-send-event", { device: SECOND, events: [event] });
    }
  }

  /** Makes the second screen and its keyboard "seat1". */
  async attachSecond(): Promise<void> {
    await this.machine.sh(`for card in /sys/class/drm/card?; do
        [ "$(cat "$card/device/boot_vga" 2>/dev/null)" = 1 ] || loginctl attach seat1 "$(readlink -f "$card")"
      done
      keyboard=$(grep --files-with-matches "QEMU USB Keyboard" /sys/class/input/input*/name)
      loginctl attach seat1 "$(readlink -f "$(dirname "$keyboard")")"
      # logind has done that, but udevd looks for new rules every three seconds only.
      udevadm control --reload
      udevadm trigger --settle --subsystem-match=drm --subsystem-match=input
      loginctl seat-status seat1`);
  }

  /** @param text of lower-case letters, digits, and the characters of KEYS */
  async type(text: string): Promise<void> {
    for (const character of text) await this.press(KEYS[character] ?? character);
  }

  /** Takes a picture. Returns its path: build/pictures/RELEASE/NAME.png. */
  async picture(name: string): Promise<string> {
    const path = fileURLToPath(new URL(`../../build/pictures/${this.machine.release}/${name}.png`, import.meta.url));
    await mkdir(fileURLToPath(new URL(".", `file://${path}`)), { recursive: true });
    await this.#qmp.execute("screendump", { filename: path, format: "png" });
    return path;
  }

  /**
   * Waits until a greeter or a desktop is on the screen, and nothing changes for a while. A console is black.
   * @param before a result of look() from which the screen must differ
   */
  async awaitCalm(before = ""): Promise<void> {
    let last = "";
    let same = 0;
    await waitFor(
      "the screen to be calm",
      async () => {
        const seen = await this.look();
        same = seen === last && seen !== before && seen !== "" ? same + 1 : 0;
        last = seen;
        return same >= CALM_LOOKS;
      },
      SEAT_LIMIT_MS,
    );
  }

  async readTerminal(number: number): Promise<string> {
    return (
      await this.machine.sh(`fold -w "$(stty -F /dev/tty${number} size | cut -d' ' -f2)" /dev/vcs${number}`)
    ).trim();
  }

  /** Reads from now on. */
  async openLine(): Promise<{ read: () => string; send: (text: string) => void; close: () => void }> {
    const socket = createConnection(this.machine.path("line"));
    let said = "";
    socket.setEncoding("utf8").on("data", (text: string) => (said += text));
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return { read: () => said, send: (text) => void socket.write(text), close: () => void socket.destroy() };
  }

  /** Its file system is named STICK. */
  async plugStick(): Promise<void> {
    await this.#qmp.execute("blockdev-add", {
      driver: "raw",
      "node-name": "stick",
      file: { driver: "file", filename: this.machine.path("stick") },
    });
    await this.#qmp.execute("device_add", {
      driver: "usb-storage",
      id: "plugged",
      bus: "usb.0",
      drive: "stick",
      removable: true,
    });
  }

  /** Presses the reset button: the machine loses its memory, and boots again. */
  async reset(): Promise<void> {
    await this.machine.cutPower(() => this.#qmp.execute("system_reset"));
  }

  /** A digest of the screen below GNOME's clock; empty for a console. */
  async look(): Promise<string> {
    const path = this.machine.path("look.ppm");
    await this.#qmp.execute("screendump", { filename: path });
    const picture = await readFile(path);
    if (picture.at(-1) === 0) return "";
    return createHash("sha256")
      .update(picture.subarray(BAR * WIDTH * BYTES_PER_PIXEL))
      .digest("hex");
  }
}
