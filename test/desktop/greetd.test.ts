// greetd by its protocol for greeters. The desktop is a compositor without a screen.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, demandTerms, hostView } from "../helpers/desktop.ts";
import { Greetd, SWAY } from "../helpers/greetd.ts";
import {
  awaitNoSessions,
  awaitReceipt,
  leftovers,
  listSessions,
  unexpectedLines,
  type GuestSession,
} from "../helpers/guests.ts";
import { PASSWORD } from "../helpers/machine.ts";

const SUCCESS = { type: "success" };

describeDesktop("greetd", (at) => {
  let greetd: Greetd;
  let guest: GuestSession;

  beforeAll(async () => {
    greetd = await Greetd.start(at.machine);
  });

  it("lets a guest in by name without a question", async () => {
    expect(await greetd.ask({ type: "create_session", username: "guest" })).toEqual(SUCCESS);
    expect(await greetd.ask({ type: "start_session", cmd: SWAY, env: [] })).toEqual(SUCCESS);
    guest = await awaitOpen(at.machine);
    expect(guest).toMatchObject({ service: "greetd", user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string });
  });

  it("has compositor, user manager and bus in one view", async () => {
    const views = await awaitViews(at.machine, guest.uid, ["sway", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
  });

  it("is back with its greeter when the guest's compositor has crashed, and nothing is left", async () => {
    await at.machine.sh(`pkill -KILL -x -u ${guest.uid} sway`);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    expect(await leftovers(at.machine)).toBe("");
  });

  it("asks other users for their password, and gives them the host", async () => {
    expect(await greetd.ask({ type: "create_session", username: "alice" })).toMatchObject({ type: "auth_message" });
    expect(await greetd.ask({ type: "post_auth_message_response", response: PASSWORD })).toEqual(SUCCESS);
    expect(await greetd.ask({ type: "start_session", cmd: SWAY, env: [] })).toEqual(SUCCESS);
    expect(await awaitViews(at.machine, 1000, ["sway", "systemd"])).toEqual(new Set([await hostView(at.machine)]));
    expect(await listSessions(at.machine)).toEqual([]);
  });

  it("passes terms of use to its greeter, and the answer back, before there is an account", async () => {
    await demandTerms(at.machine);
    await at.machine.sh("systemctl restart greetd");
    const shown = (style: string, text: string) => ({
      ...{ type: "auth_message", auth_message_type: style },
      auth_message: expect.stringContaining(text) as string,
    });
    const create = { type: "create_session", username: "guest" } as const;
    const answer = (response: string | null) => greetd.ask({ type: "post_auth_message_response", response });
    expect(await greetd.ask(create)).toEqual(shown("info", "Be kind to others."));
    expect(await answer(null)).toEqual(shown("visible", "> "));
    expect(await listSessions(at.machine)).toEqual([]);
    expect(await answer("no")).toEqual(shown("error", "You have not accepted the terms of"));
    expect(await answer(null)).toMatchObject({ type: "error", error_type: "auth_error" });
    // Whatever it answers: the worker has ended with the refusal.
    await greetd.ask({ type: "cancel_session" });
    await greetd.ask(create);
    await answer(null);
    expect(await answer("yes")).toEqual(SUCCESS);
    expect(await listSessions(at.machine)).toMatchObject([{ state: "allocated" }]);
    expect(await greetd.ask({ type: "cancel_session" })).toEqual(SUCCESS);
    await awaitNoSessions(at.machine);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine, /the terms of use/)).toEqual([]);
  });
});
