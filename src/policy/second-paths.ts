// Hides second paths to what a view covers: other mounts, or a Bind= that includes it. Pure.
import type { MountTree } from "./mounts.ts";
import { pathsShowing, placesBehind } from "./mounts.ts";
import { isWithin, joinPath, pathBelow } from "./paths.ts";
import type { BindStep, HideStep, Step } from "./steps.ts";

// Other steps show something of the same kind.
const coversOf = (steps: readonly Step[]) => steps.filter(({ kind }) => kind === "hide" || kind === "tmpfs");

export function hideElsewhere(steps: readonly Step[], mounts: MountTree): HideStep[] {
  const covers = coversOf(steps);
  const found: HideStep[] = [];
  const isCovered = (path: string) => [...covers, ...found].some(({ target }) => isWithin(path, target));
  for (const { target } of covers) {
    for (const path of placesBehind(mounts, target).flatMap((place) => pathsShowing(mounts, place))) {
      // Hiding the root directory would hide everything.
      if (path !== "/" && !isCovered(path)) found.push(hide(path, `shows ${target}`));
    }
  }
  return found;
}

/** Hides what binds include of the covered paths. A bind of a hidden directory itself is intended. */
export function hideInBinds(steps: readonly Step[], binds: readonly BindStep[]): HideStep[] {
  const brought = binds.flatMap(({ source, target }) =>
    coversOf(steps).flatMap((cover) => {
      const below = pathBelow(cover.target, source);
      return below === undefined || below === "" ? [] : [hide(joinPath(target, below), `shows ${cover.target}`)];
    }),
  );
  return brought.filter(({ target }, index) => brought.findIndex((other) => other.target === target) === index);
}

const hide = (target: string, why: string): HideStep => ({ kind: "hide", target, optional: true, why });
