/** A world with a bus, a scripted guestd and a view, once for each build. */
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { type Build, buildModule, builds, type Hook, runHost, runOnce } from "./host.ts";
import { type ScriptedGuestd, session, startScriptedGuestd } from "./scripted_guestd.ts";
import {
  accounts,
  createIsolation,
  createView,
  createWorld,
  describeAsRoot,
  type Isolation,
  type View,
  type World,
} from "./world.ts";

type Settings = Omit<Parameters<typeof runOnce>[1], "build" | "user"> & { readonly user?: string };

export interface Fixture {
  readonly build: Build;
  world: World;
  guestd: ScriptedGuestd;
  view: View;
  isolation: Isolation;
  /** The default guest is `byPrimaryGroup`. */
  once(settings?: Settings): Promise<Hook>;
  run(actions: readonly string[], settings?: Omit<Settings, "action">): Promise<Hook[]>;
}

const limits = { build: 120_000, test: 60_000 };

async function startFixture(fixture: Fixture): Promise<void> {
  buildModule();
  fixture.world = await createWorld();
  await fixture.world.bus.start();
  fixture.guestd = await startScriptedGuestd(fixture.world);
  fixture.view = await createView(fixture.world);
  fixture.isolation = await createIsolation(fixture.world);
}

async function stopFixture({ guestd, view, isolation, world }: Partial<Fixture>): Promise<void> {
  guestd?.stop();
  await view?.stop();
  await isolation?.stop();
  await world?.stop();
}

export function describeModule(title: string, tests: (fixture: Fixture) => void): void {
  describeAsRoot(title, { timeout: limits.test }, () => {
    for (const build of builds)
      describe(build.name, () => {
        const fixture = {
          build,
          once: (settings) => runOnce(fixture.world, { user: accounts.byPrimaryGroup, ...settings, build }),
          run: (actions, settings) =>
            runHost(fixture.world, { user: accounts.byPrimaryGroup, ...settings, actions, build }),
        } as Fixture;
        beforeAll(() => startFixture(fixture), limits.build);
        afterAll(() => stopFixture(fixture));
        beforeEach(() => {
          fixture.guestd.calls.length = 0;
          fixture.guestd.answer = session(fixture.view);
        });
        tests(fixture);
      });
  });
}
