import { describe, expect, it } from "vitest";
import { EVERY_UID } from "../../../src/policy/uid-map.ts";
import { listWarnings } from "../../../src/policy/warnings.ts";
import { configOf, GUEST, SESSION } from "../../helpers/samples.ts";

const NO_SWAP = { noswap: true, limitable: true, active: false };

describe("listWarnings", () => {
  it("says that files of guests can get into swap space", () => {
    const list = (line: string) =>
      listWarnings(configOf("[Limits]", line), EVERY_UID, [], { noswap: false, limitable: true, active: true });
    expect(list("MemorySwapMax=")).toEqual([expect.stringContaining("MemorySwapMax= in [Limits] is empty") as string]);
    expect(list("MemorySwapMax=0")).toEqual([]);
  });

  it("names the accounts that have all the sessions that they may have", () => {
    const list = (most: string) =>
      listWarnings(
        configOf("[Guests]", `MaxSessionsPerUser=${most}`),
        EVERY_UID,
        [SESSION, { ...SESSION, id: "s2" }],
        NO_SWAP,
      );
    expect([list(""), list("3")]).toEqual([[], []]);
    expect(list("2")).toEqual([
      `${GUEST.user} has as many sessions as MaxSessionsPerUser= allows (2); "guestctl list" shows them.`,
    ]);
  });
});
