import { describe, expect, it } from "vitest";
import type { Item } from "../../../../src/system/sweep/items.ts";
import { sweepItems } from "../../../../src/system/sweep/items.ts";
import { failure } from "../../../helpers/sweep.ts";

/** Things that exist until removed. @param fails those that cannot be */
function world(names: string[], fails: Record<string, Error> = {}) {
  const things = new Set(names);
  const look = (): Item[] =>
    [...things].map((name) => ({
      sentence: name,
      remove: () => {
        if (fails[name] !== undefined) throw fails[name];
        things.delete(name);
      },
    }));
  return { things, look };
}

describe("a class of things that is swept", () => {
  it("is not clean just because nothing failed: what the second look finds is left", async () => {
    const { look } = world(["a", "b"]);
    const lies = () => look().map(({ sentence }) => ({ sentence, remove: () => undefined }));
    expect(await sweepItems(lies)).toEqual({ found: 2, removed: 0, left: ["a", "b"] });
  });

  it("continues after a thing that cannot be removed, and says why it is left", async () => {
    const { look } = world(["a", "b", "c"], { b: failure("EPERM") });
    expect(await sweepItems(look)).toEqual({ found: 3, removed: 2, left: ["b: EPERM"] });
  });

  it("counts what appeared between the looks", async () => {
    const { things, look } = world(["a"]);
    const look2 = () => {
      const items = look();
      things.add("late");
      return items;
    };
    expect(await sweepItems(look2)).toEqual({ found: 2, removed: 1, left: ["late"] });
  });

  it("takes what vanished between look and removal for gone, not for failed", async () => {
    const { things, look } = world(["a"]);
    const vanishing = () =>
      look().map(({ sentence }) => ({
        sentence,
        remove: () => (things.delete(sentence), Promise.reject(failure("ENOENT"))),
      }));
    expect(await sweepItems(vanishing)).toEqual({ found: 1, removed: 1, left: [] });
  });

  it("does not claim the removal of what another process removed", async () => {
    let looks = 0;
    expect(await sweepItems(() => (looks++ === 0 ? [{ sentence: "logind's" }] : []))).toEqual({
      found: 1,
      removed: 0,
      left: [],
    });
  });

  it("is unknown when it cannot be searched, the second time as well", async () => {
    let looks = 0;
    const look = () => (looks++ === 0 ? [] : Promise.reject(failure("EIO")));
    await expect(sweepItems(look)).rejects.toThrow("EIO");
  });
});
