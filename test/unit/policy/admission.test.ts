import { describe, expect, it } from "vitest";
import type { Login } from "../../../src/policy/admission.ts";
import { judgeLogin } from "../../../src/policy/admission.ts";
import { INITIAL_STATE, step } from "../../../src/policy/manager.ts";
import type { Session } from "../../../src/policy/session.ts";
import { configOf, GUEST, openRequest } from "../../helpers/samples.ts";

const LOGIN: Login = { account: GUEST, service: "login", leaderPid: 500 };

function sessionOf(change: Partial<Session>): Session {
  const { state } = step({ ...INITIAL_STATE, config: configOf() }, openRequest());
  const [session] = state.sessions.values();
  if (session === undefined) throw new Error("no session");
  return { ...session, phase: "open", ...change };
}

describe("judgeLogin refuses", () => {
  it("everybody while the configuration has errors", () => {
    expect(judgeLogin(undefined, LOGIN, [])).toMatchObject({ kind: "refused", reason: expect.stringContaining("errors") as string });
  });

  it("everybody when guests are switched off", () => {
    expect(judgeLogin(configOf("[Guests]", "Enabled=no"), LOGIN, [])).toMatchObject({ kind: "refused" });
  });

  it.each(["cron", "crond", "atd"])("the service %s by default", (service) => {
    expect(judgeLogin(configOf(), { ...LOGIN, service }, [])).toMatchObject({ kind: "refused" });
  });

  it("services by pattern, and no others", () => {
    const config = configOf("[Guests]", "RefuseServices=gdm-*");
    expect(judgeLogin(config, { ...LOGIN, service: "gdm-password" }, [])).toMatchObject({ kind: "refused" });
    expect(judgeLogin(config, { ...LOGIN, service: "xgdm-password" }, [])).toMatchObject({ kind: "admitted" });
  });

  it("the login after the last that fits", () => {
    const config = configOf("[Guests]", "MaxSessions=1");
    expect(judgeLogin(config, { ...LOGIN, leaderPid: 501 }, [])).toMatchObject({ kind: "admitted" });
    expect(judgeLogin(config, { ...LOGIN, leaderPid: 501 }, [sessionOf({})])).toMatchObject({ kind: "refused" });
  });

  it("a home that is itself a hidden place", () => {
    const config = configOf("[View]", "Hide=/srv/guest");
    expect(judgeLogin(config, { ...LOGIN, account: { ...GUEST, home: "/srv/guest" } }, [])).toMatchObject({ kind: "refused" });
  });

  it("a second session for one leader of another account", () => {
    const other = { ...LOGIN, account: { ...GUEST, uid: 1102 } };
    expect(judgeLogin(configOf(), other, [sessionOf({})])).toMatchObject({ kind: "refused" });
  });

  it("a second session for a leader whose first is not open yet", () => {
    expect(judgeLogin(configOf(), LOGIN, [sessionOf({ phase: "opening" })])).toMatchObject({ kind: "refused" });
  });
});

describe("judgeLogin gives", () => {
  it("the same session again to a leader that asks twice", () => {
    const session = sessionOf({});
    expect(judgeLogin(configOf(), LOGIN, [session])).toEqual({ kind: "again", session });
  });

  it("a new session when the old one of that pid is ending", () => {
    expect(judgeLogin(configOf(), LOGIN, [sessionOf({ phase: "ending" })])).toMatchObject({ kind: "admitted" });
  });
});
