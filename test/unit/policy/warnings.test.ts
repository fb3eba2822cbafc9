import { describe, expect, it } from "vitest";
import type { LeasePool } from "../../../src/policy/lease.ts";
import { EMPTY_POOL } from "../../../src/policy/lease.ts";
import type { Session } from "../../../src/policy/session.ts";
import { EVERY_UID } from "../../../src/policy/uid-map.ts";
import { listWarnings } from "../../../src/policy/warnings.ts";
import { configOf, GUEST, SESSION } from "../../helpers/samples.ts";

const NO_SWAP = { noswap: true, limitable: true, active: false };

const stateOf = (sessions: readonly Session[] = [], pool: LeasePool = EMPTY_POOL) => ({
  uidMap: EVERY_UID,
  sessions: new Map(sessions.map((session) => [session.id, session])),
  pool,
});

describe("listWarnings", () => {
  it("reports that guests' files can get into swap space", () => {
    const list = (line: string) =>
      listWarnings(configOf("[Limits]", line), stateOf(), { noswap: false, limitable: true, active: true });
    expect(list("MemorySwapMax=")).toEqual([expect.stringContaining("MemorySwapMax= in [Limits] is empty") as string]);
    expect(list("MemorySwapMax=0")).toEqual([]);
  });

  it("names the accounts whose sessions are all taken", () => {
    const list = (most: string) =>
      listWarnings(
        configOf("[Guests]", `MaxSessionsPerUser=${most}`),
        stateOf([SESSION, { ...SESSION, id: "s2" }]),
        NO_SWAP,
      );
    expect([list(""), list("3")]).toEqual([[], []]);
    expect(list("2")).toEqual([
      `${GUEST.user} has as many sessions as MaxSessionsPerUser= allows (2); "guestctl list" shows them.`,
    ]);
  });

  it("counts the UIDs of the range that belong to users, not those of guests", () => {
    const kept = (...foreign: boolean[]) =>
      new Map(foreign.map((isForeign, at) => [60600 + at, { reason: "x", user: "", foreign: isForeign }]));
    const list = (...foreign: boolean[]) =>
      listWarnings(configOf(), stateOf([], { ...EMPTY_POOL, quarantined: kept(...foreign) }), NO_SWAP);
    expect(list(false)).toEqual([]);
    expect(list(true, false, true)).toEqual([expect.stringMatching(/^2 uids of LeaseRange= .* belong to users/)]);
  });
});
