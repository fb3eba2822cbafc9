/** pam_close_session gives guestd a quick hint, whose result does not matter. */
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { refused, session, silence } from "./scripted_guestd.ts";

describeModule("the close of a session", (at) => {
  it("is reported to guestd with the id", async () => {
    const hooks = await at.run(["open", "close"]);
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(at.guestd.calls[1]).toEqual({ member: "CloseSession", signature: "s", body: ["k3f9"] });
    expect(at.guestd.calls).toHaveLength(2);
    expect(hooks[1]).toMatchObject({ told: [], logged: [] });
    expect(hooks[1]?.after).toEqual(hooks[1]?.before);
  });

  it("is not reported when no session was opened here", async () => {
    const [close] = await at.run(["close"]);
    expect(close).toMatchObject({ result: "PAM_IGNORE", told: [], logged: [] });
    expect(at.guestd.calls).toEqual([]);
  });

  it("is not reported when the session was refused", async () => {
    at.guestd.answer = refused("No more guests today.");
    await at.run(["open", "close"]);
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["OpenSession"]);
  });

  it("succeeds although guestd does not know the session", async () => {
    at.guestd.answer = (call) => (call.member === "OpenSession" ? session(at.view) : refused("No such session."));
    const [, close] = await at.run(["open", "close"]);
    expect(close).toMatchObject({ result: "PAM_SUCCESS", told: [], logged: [] });
  });

  it("succeeds although guestd does not answer, within its 3 seconds", async () => {
    at.guestd.answer = (call) => (call.member === "OpenSession" ? session(at.view) : silence);
    const [, close] = await at.run(["open", "close"], { options: "debug timeout=10" });
    expect(close).toMatchObject({ result: "PAM_SUCCESS", told: [] });
    expect(close?.logged).toEqual(["7 pam_guest(login:session): session k3f9: CloseSession: Connection timed out"]);
    expect(close?.milliseconds).toBeGreaterThan(2900);
    expect(close?.milliseconds).toBeLessThan(9000);
  });
});
