// Every MESSAGE_ID has a catalog entry, and every entry is guestd's.
import { describe, expect, it } from "vitest";
import { MESSAGE_IDS } from "../../src/policy/messages.ts";
import { readProjectFile } from "../helpers/tree.ts";

const catalog = readProjectFile("systemd/guestd.catalog");
const entries = [...catalog.matchAll(/^# ([a-z-]+)\n-- ([0-9a-f]{32})\nSubject: (.+)\nDefined-By: guestd\n/gm)];

describe("the catalog", () => {
  it("explains every message of the code under its name", () => {
    expect(Object.fromEntries(entries.map(([, name, id]) => [name, id]))).toEqual(MESSAGE_IDS);
  });

  it("has each message ID once", () => {
    const ids = Object.values(MESSAGE_IDS);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("uses only fields that the journal has", () => {
    const known = new Set(["GUEST_SESSION", "GUEST_USER", "GUEST_UID", "GUEST_LEADER", "GUEST_SERVICE"]);
    expect([...catalog.matchAll(/@(\w+)@/g)].map(([, name = ""]) => name).filter((name) => !known.has(name))).toEqual(
      [],
    );
  });
});
