import { describe, expect, it } from "vitest";
import type { EffectOf } from "../../../src/policy/effects.ts";
import { NO_NOTICE } from "../../../src/policy/notice.ts";
import type { Offer } from "../../../src/policy/offer.ts";
import type { LoginSwitch } from "../../../src/policy/switch.ts";
import type { Next, State } from "../../../src/policy/state.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import { after, configure, failed, find, happen, kinds } from "../../helpers/play.ts";
import { configOf, ON } from "../../helpers/samples.ts";

const OFF: LoginSwitch = { enabled: false, reason: "" };
const ALL: Offer = { ghost: "guest", by: ["lightdm", "sddm", "gdm"] };
const NONE: Offer = { ghost: "guest", by: [] };

const start = (loginSwitch: LoginSwitch, ...lines: readonly string[]): Next =>
  happen(configure(INITIAL_STATE, ...lines), { kind: "switch-found", loginSwitch });
const running = (loginSwitch = ON, ...lines: readonly string[]): State => start(loginSwitch, ...lines).state;
const toldBy = ({ effects }: Next): readonly Offer[] =>
  effects.flatMap((effect) => (effect.kind === "offer-ghost" ? [effect.offer] : []));

const loaded = (...lines: readonly string[]) => ({
  kind: "config-loaded" as const,
  config: configOf(...lines),
  notice: NO_NOTICE,
});

describe("greeters offer the ghost", () => {
  it.each<[string, LoginSwitch, readonly string[], Offer]>([
    ["not while the switch is off", OFF, [], NONE],
    ["not with Enabled=no", ON, ["[Guests]", "Enabled=no"], NONE],
    // The service does not authenticate, so a guest would remain the ghost.
    [
      "not where its service leases no account",
      ON,
      ["[Guests]", "Passwordless=", "Passwordless=login gdm-* sddm"],
      { ...ALL, by: ["sddm", "gdm"] },
    ],
    ["not where its service is refused", ON, ["[Guests]", "RefuseServices=sddm"], { ...ALL, by: ["lightdm", "gdm"] }],
    ["where guests may log in", ON, [], ALL],
    ["by its configured name", ON, ["[Guests]", "Ghost=visitor"], { ...ALL, ghost: "visitor" }],
  ])("%s", (_, loginSwitch, lines, offer) => {
    expect(toldBy(start(loginSwitch, ...lines))).toEqual([offer]);
  });

  it("not where nothing can be asked while there are terms of use to accept", () => {
    const terms = { text: "Be kind.", digest: "d", answer: "yes" };
    const config = configOf();
    const demanded = happen(running(), { kind: "config-loaded", config, notice: { ...NO_NOTICE, terms } });
    expect(toldBy(demanded)).toEqual([{ ...ALL, by: ["gdm"] }]);
    expect(toldBy(happen(demanded.state, loaded()))).toEqual([ALL]);
  });

  it("not while the configuration has errors, and again once they are fixed", () => {
    const broken = happen(INITIAL_STATE, { kind: "switch-found", loginSwitch: ON });
    expect(toldBy(broken)).toEqual([{ ghost: "", by: [] }]);
    expect(toldBy(happen(broken.state, loaded()))).toEqual([ALL]);
  });
});

describe("greeters are told", () => {
  it("nothing before the switch is known", () => {
    expect(toldBy(happen(INITIAL_STATE, loaded()))).toEqual([]);
  });

  it("nothing that they already know", () => {
    expect(kinds(after(running(), { kind: "switch-requested", loginSwitch: ON, call: 5 }).did)).toEqual([
      "write-switch",
      "answer",
    ]);
  });

  it("all of it by a reload: the machine may have another display manager", () => {
    expect(toldBy(happen(running(), loaded("[Guests]", "MaxSessions=3")))).toEqual([ALL]);
  });

  it("of a saved switch, before the administrator is answered", () => {
    const { did } = after(running(OFF), { kind: "switch-requested", loginSwitch: ON, call: 5 });
    expect(kinds(did)).toEqual(["write-switch", "offer-ghost", "answer"]);
    expect(find(did, "offer-ghost")).toMatchObject({ offer: ALL });
  });

  it("what they can be, and the administrator is answered even where that fails", () => {
    const request = { kind: "switch-requested", loginSwitch: ON, call: 5 } as const;
    expect(kinds(after(running(OFF), request, { failing: ["offer-ghost"] }).did)).toContain("answer");
    const effect: EffectOf<"offer-ghost"> = { kind: "offer-ghost", subject: { of: "switch" }, offer: ALL };
    expect(happen(running(), failed(effect)).effects).toEqual([]);
  });
});
