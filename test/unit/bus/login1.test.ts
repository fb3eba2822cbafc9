import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { findLoginCgroup } from "../../../src/bus/login1.ts";
import { field } from "../../../src/bus/values.ts";

const LEADER = 500;
const UID = 1101;
const OPENED = 7_000;

const SESSION = {
  Leader: LEADER,
  Scope: "session-4.scope",
  TimestampMonotonic: 8_000n,
  User: [UID, "/user"] as unknown,
};
const SIGNATURES: Record<string, string> = { Leader: "u", Scope: "s", TimestampMonotonic: "t", User: "(uo)" };

/** A bus with a logind that has these sessions. */
function busWith(...sessions: (typeof SESSION)[]): MessageBus {
  const list = sessions.map((_, index) => [String(index), UID, "guest1", "", `/session/${index}`]);
  const properties = (path: string) =>
    Object.fromEntries(
      Object.entries(sessions[Number(path.split("/").at(-1))] ?? {}).map(([name, value]) => [
        name,
        field(SIGNATURES[name] ?? "s", value),
      ]),
    );
  const call = ({ member, path }: Message) =>
    Promise.resolve({ body: [member === "ListSessions" ? list : properties(path)] });
  return { call } as unknown as MessageBus;
}

const find = (...sessions: (typeof SESSION)[]) => findLoginCgroup(busWith(...sessions), LEADER, UID, OPENED);

describe("findLoginCgroup takes nobody else's session for the leader's:", () => {
  it.each([
    [
      "one that logind made before the leader logged in, for an earlier process of that pid",
      { TimestampMonotonic: 6_999n },
    ],
    ["one of another account, for a later process of that pid", { User: [1000, "/user"] }],
    ["one of another leader", { Leader: 501 }],
    ["one whose unit is no session's", { Scope: "user@1101.service" }],
    ["one whose unit leads elsewhere", { Scope: "../session-4.scope" }],
  ])("not %s", async (_, change) => {
    expect(await find({ ...SESSION, ...change })).toBeUndefined();
  });
});

describe("findLoginCgroup", () => {
  it("finds the leader's among others", async () => {
    expect(await find({ ...SESSION, Leader: 7 }, { ...SESSION, TimestampMonotonic: 1n }, SESSION)).toBe(
      "/user.slice/user-1101.slice/session-4.scope",
    );
  });

  it("finds none when logind does not answer as it should", async () => {
    const broken = { call: () => Promise.reject(new Error("no logind")) } as unknown as MessageBus;
    expect(await findLoginCgroup(broken, LEADER, UID, OPENED)).toBeUndefined();
  });
});
