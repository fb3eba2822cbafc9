import { describe, expect, it } from "vitest";
import { EVERY_UID } from "../../../src/policy/uid-map.ts";
import { listWarnings } from "../../../src/policy/warnings.ts";
import { configOf, GUEST, SESSION } from "../../helpers/samples.ts";

describe("listWarnings", () => {
  it("names the accounts that have all the sessions that they may have", () => {
    const list = (most: string) =>
      listWarnings(configOf("[Guests]", `MaxSessionsPerUser=${most}`), EVERY_UID, [SESSION, { ...SESSION, id: "s2" }]);
    expect([list(""), list("3")]).toEqual([[], []]);
    expect(list("2")).toEqual([
      `${GUEST.user} has as many sessions as MaxSessionsPerUser= allows (2); "guestctl list" shows them.`,
    ]);
  });
});
