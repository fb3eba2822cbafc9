// Accounts are found by their names, even names that getent(1) takes for numbers.
import { describe, expect, it } from "vitest";
import { ask, findAccount, findGroup } from "../../../../src/system/accounts/nss.ts";

describe("findAccount", () => {
  it.each(["", "-s", "--help", "0", "+0", " 0", "no:body", "nobody@uni.example", "../x"])(
    "finds no account named %j",
    async (name) => {
      expect(await findAccount(name)).toBeUndefined();
    },
  );

  it("finds root by name only", async () => {
    expect(await findAccount("root")).toMatchObject({ user: "root", uid: 0, gid: 0 });
    expect(await findGroup("root")).toBe(0);
  });
});

describe("ask", () => {
  const sh = (script: string, limitMs = 20_000) => ask(["/bin/sh", "-c", script], 2, limitMs);

  it("says what to check where the name service does not answer", async () => {
    await expect(sh("exec sleep 600", 50)).rejects.toThrow(
      "the name service has not answered in 0.05 s; see whether sssd or nslcd is up",
    );
  });

  it("tells a missing entry from a failed lookup", async () => {
    expect(await sh("exit 2")).toBeUndefined();
    await expect(sh("exit 3")).rejects.toThrow();
    expect(await sh("echo one; echo two")).toBe("one");
  });
});
