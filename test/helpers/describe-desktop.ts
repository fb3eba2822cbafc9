// The frame of a file of tests with real display managers: one machine with a screen for all of them.
import { afterAll, beforeAll } from "vitest";
import { describeMachine } from "./describe-machine.ts";
import { Machine } from "./machine.ts";
import type { Release } from "./root.ts";
import { Screen } from "./screen.ts";

/** Where a test is. There is a machine when the first hook of the file runs. */
export interface Desktop {
  readonly release: Release;
  readonly machine: Machine;
  readonly screen: Screen;
}

/** Describes what holds on the project's release, with display managers that no test has started yet. */
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
