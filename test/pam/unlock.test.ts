/** pam_authenticate for a program that does not run as root: a guest's locked screen, or somebody else's program. */
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { type Answer, mayUnlock, refused, silence, verdict } from "./scripted_guestd.ts";

const own = "60601";
const other = "1001";

const noPermission: readonly [string, string, Answer][] = [
  ["an error", "org.guestd1.Error.Refused: No.", refused("No.")],
  ["no value", "Bad message", { kind: "return", signature: "", body: [] }],
  ["a number", "Bad message", { kind: "return", signature: "u", body: [1] }],
  ["a string", "Bad message", { kind: "return", signature: "s", body: ["true"] }],
  ["two values", "Bad message", { kind: "return", signature: "bb", body: [true, true] }],
  ["a verdict", "Bad message", verdict("unlocked")],
];

describeModule("A guest's own program", (at) => {
  const unlock = async (answer: Answer, euid = own, options = "") => {
    at.guestd.answer = answer;
    const [hook] = await at.run([`euid=${euid}`, "auth"], { options });
    if (!hook) throw new Error("no hook was called");
    return hook;
  };

  it.each(noPermission)("is not unlocked by %s", async (_, reason, answer) => {
    const hook = await unlock(answer);
    expect(hook).toMatchObject({ result: "PAM_IGNORE", told: [] });
    expect(hook.logged).toHaveLength(1);
    expect(hook.logged[0]).toMatch(/^4 pam_guest\(login:auth\): cannot tell whether the guest may unlock: /);
    expect(hook.logged[0]).toContain(reason);
    expect(hook.after).toEqual(hook.before);
  });

  it("is not unlocked where guestd does not answer, and can ask for a password in bounded time", async () => {
    const hook = await unlock(silence, own, "timeout=1");
    expect(hook).toMatchObject({ result: "PAM_IGNORE", told: [] });
    expect(hook.logged.join()).toContain("Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(900);
    expect(hook.milliseconds).toBeLessThan(10_000);
  });

  it("is not unlocked where guestd says no", async () => {
    expect(await unlock(mayUnlock(false))).toMatchObject({ result: "PAM_IGNORE", told: [], logged: [] });
  });

  it("is unlocked where guestd says yes", async () => {
    const hook = await unlock(mayUnlock(true));
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: "guest-k3f9", told: [], logged: [] });
    expect(at.guestd.calls).toEqual([{ member: "MayUnlock", signature: "", body: [] }]);
    expect(hook.after).toEqual(hook.before);
  });

  it("is not the program of somebody else: guestd is not asked", async () => {
    expect(await unlock(mayUnlock(true), other)).toMatchObject({ result: "PAM_IGNORE", told: [], logged: [] });
    expect(at.guestd.calls).toEqual([]);
  });

  it("with the rights of root is a program of root", async () => {
    at.guestd.answer = verdict("unlocked");
    // Real uid the guest's, effective uid 0, as after executing a file that is setuid.
    const wrapper = ["setpriv", `--ruid=${own}`];
    const hook = await at.once({ action: "auth", wrapper });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["AllocateAccount"]);
  });
});
