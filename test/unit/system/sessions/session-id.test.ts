import { describe, expect, it } from "vitest";
import { scopeName } from "../../../../src/policy/session.ts";
import { idOfScope, makeSessionId } from "../../../../src/system/sessions/session-id.ts";

describe("makeSessionId", () => {
  it("makes unique ids that can be read back from their scopes", () => {
    const ids = Array.from({ length: 1000 }, makeSessionId);
    expect(new Set(ids).size).toBe(1000);
    expect(ids.map((id) => idOfScope(scopeName(id)))).toEqual(ids);
  });
});

describe("idOfScope", () => {
  it.each(["guest-my-vm.scope", "guest-abcdefgh2.scope", "guest-abcdefgh23.service", "my-guest-abcdefgh23.scope"])(
    "finds none in %s",
    (unit) => {
      expect(idOfScope(unit)).toBeUndefined();
    },
  );
});
