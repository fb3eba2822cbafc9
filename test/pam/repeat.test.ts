/** A stack that names the module twice, and an application that opens and closes again. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { refused, session } from "./scripted_guestd.ts";
import { accounts, createView, type View } from "./world.ts";

describeModule("a stack that names the module twice", (at) => {
  const members = () => at.guestd.calls.map((call) => call.member);
  const twice = () => [`required ${at.build.module}`, `required ${at.build.module}`];

  it("opens one session, and closes it once", async () => {
    const hooks = await at.run(["open", "close"], { stack: twice() });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(BigInt(hooks[0]?.after.namespace ?? 0)).toBe(at.view.inode);
    expect(hooks[0]).toMatchObject({ told: [], logged: [] });
    expect(members()).toEqual(["OpenSession", "CloseSession"]);
  });

  it("joins once for a user manager, and closes nothing", async () => {
    const hooks = await at.run(["open", "close"], { stack: twice(), service: "systemd-user" });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(members()).toEqual(["JoinSession"]);
  });

  it("is refused by guestd twice, since a refusal is not remembered as a session", async () => {
    at.guestd.answer = refused("No more guests today.");
    const [hook] = await at.run(["open"], { stack: twice() });
    expect(hook?.result).toBe("PAM_SESSION_ERR");
    expect(members()).toEqual(["OpenSession", "OpenSession"]);
  });
});

describeModule("an application that opens a session twice", (at) => {
  let second: View;
  beforeAll(async () => {
    second = await createView(at.world);
  });
  afterAll(() => second.stop());

  /** Each session has its own view. */
  const alternate = () => {
    let opened = 0;
    at.guestd.answer = (call) => session(call.member === "OpenSession" && opened++ % 2 === 1 ? second : at.view);
  };
  const members = () => at.guestd.calls.map((call) => call.member);

  it("stays in the first without closing it", async () => {
    alternate();
    const hooks = await at.run(["open", "open", "close", "close"]);
    expect(hooks.map((hook) => hook.result)).toEqual(hooks.map(() => "PAM_SUCCESS"));
    expect(BigInt(hooks[1]?.after.namespace ?? 0)).toBe(at.view.inode);
    expect(members()).toEqual(["OpenSession", "CloseSession"]);
  });

  it("gets another one after closing it", async () => {
    alternate();
    const hooks = await at.run(["open", "close", "open", "close"]);
    expect(hooks.map((hook) => hook.result)).toEqual(hooks.map(() => "PAM_SUCCESS"));
    expect(BigInt(hooks[2]?.after.namespace ?? 0)).toBe(second.inode);
    expect(members()).toEqual(["OpenSession", "CloseSession", "OpenSession", "CloseSession"]);
  });

  it("is refused where it closed the first and gets the same view again", async () => {
    const [, , hook] = await at.run(["open", "close", "open"]);
    expect(hook?.result).toBe("PAM_SESSION_ERR");
    expect(hook?.logged.join()).toContain("is the mount namespace that this login comes from");
  });

  it("gets two for two guests", async () => {
    alternate();
    const hooks = await at.run(["open", `user=${accounts.byMembership}`, "open"]);
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(BigInt(hooks[1]?.after.namespace ?? 0)).toBe(second.inode);
    expect(members()).toEqual(["OpenSession", "OpenSession"]);
  });

  it("is refused the second time from a thread outside the view", async () => {
    const [, hook] = await at.run(["open", "thread-open"]);
    expect(hook?.result).toBe("PAM_SESSION_ERR");
  });
});
