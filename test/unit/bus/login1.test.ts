import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { findLoginCgroups } from "../../../src/bus/login1.ts";
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

const ASKED = { leader: LEADER, uid: UID, since: OPENED };
const find = async (...sessions: (typeof SESSION)[]) => (await findLoginCgroups(busWith(...sessions), [ASKED]))[0];

describe("findLoginCgroups takes no other session for the leader's:", () => {
  it.each([
    [
      "one that logind made before the leader logged in, for an earlier process of that pid",
      { TimestampMonotonic: 6_999n },
    ],
    ["one of another account, for a later process of that pid", { User: [1000, "/user"] }],
    ["one of another leader", { Leader: 501 }],
    ["one whose unit is no session scope", { Scope: "user@1101.service" }],
    ["one whose unit has another path", { Scope: "../session-4.scope" }],
  ])("not %s", async (_, change) => {
    expect(await find({ ...SESSION, ...change })).toBeUndefined();
  });
});

describe("findLoginCgroups", () => {
  it("finds the leader's session among others", async () => {
    expect(await find({ ...SESSION, Leader: 7 }, { ...SESSION, TimestampMonotonic: 1n }, SESSION)).toBe(
      "/user.slice/user-1101.slice/session-4.scope",
    );
  });

  it("asks once for many leaders, and only for sessions of their users", async () => {
    const asked: string[] = [];
    const bus = busWith(SESSION, { ...SESSION, Leader: 501, Scope: "session-5.scope" });
    const call = (message: Message) => {
      asked.push(`${message.member} ${message.path}`);
      return bus.call(message);
    };
    const leaders = [{ ...ASKED, leader: 501 }, { ...ASKED, leader: 502 }, ASKED];
    expect(await findLoginCgroups({ call } as unknown as MessageBus, leaders)).toEqual([
      "/user.slice/user-1101.slice/session-5.scope",
      undefined,
      "/user.slice/user-1101.slice/session-4.scope",
    ]);
    expect(asked).toHaveLength(3);
    asked.length = 0;
    await findLoginCgroups({ call } as unknown as MessageBus, [{ ...ASKED, uid: 1102 }]);
    expect(asked).toEqual(["ListSessions /org/freedesktop/login1"]);
  });

  it("finds none when logind answers in an unexpected form", async () => {
    const broken = { call: () => Promise.reject(new Error("no logind")) } as unknown as MessageBus;
    expect(await findLoginCgroups(broken, [ASKED])).toEqual([undefined]);
  });
});
