// The frame of a test file with display managers. Its tests share a machine with a screen.
import { afterAll, beforeAll } from "vitest";
import { describeMachine } from "./describe-machine.ts";
import { Machine } from "./machine.ts";
import type { Release } from "./root.ts";
import { Screen } from "./screen.ts";

/** The machine exists once the file's first hook runs. */
export interface Desktop {
  readonly release: Release;
  readonly machine: Machine;
  readonly screen: Screen;
}

/** No display manager has been started yet. */
export function describeDesktop(title: string, body: (at: Desktop) => void): void {
  describeMachine(title, (release) => {
    let booted: Machine | undefined;
    const machine = (): Machine => {
      if (booted === undefined) throw new Error("the machine has not been booted");
      return booted;
    };
    beforeAll(async () => {
      booted = await Machine.boot(release, "desktop");
    });
    afterAll(() => booted?.stop());
    body({
      release,
      get machine() {
        return machine();
      },
      get screen() {
        return new Screen(machine());
      },
    });
  });
}
