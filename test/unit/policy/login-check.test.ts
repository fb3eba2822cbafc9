// How long a login check is valid, and which findings are faults.
import { describe, expect, it } from "vitest";
import {
  addWarnings,
  faultOf,
  ghostServices,
  isFresh,
  passwordlessServices,
  sessionServices,
} from "../../../src/policy/login-check.ts";
import { configOf } from "../../helpers/samples.ts";

const CONFIG = configOf();
const check = Promise.resolve({ fault: "", warnings: [], checkedAt: 1 });
const EXPLAINED = { verdict: "refused", reason: "No.", leased: true, plan: [], warnings: [] } as const;

describe("passwordlessServices", () => {
  it("contains those for logins and screen lockers, and not those for a card or a finger", () => {
    const services = [
      "gdm-fingerprint",
      "gdm-password",
      "gdm-smartcard-sssd-exclusive",
      "login",
      "sshd",
      "xscreensaver",
    ];
    expect(passwordlessServices(CONFIG, services)).toEqual(["gdm-password", "login", "xscreensaver"]);
  });
});

describe("sessionServices", () => {
  it("contains all except those of greeters", () => {
    const services = ["gdm-launch-environment", "greetd", "greetd-greeter", "lightdm", "lightdm-greeter", "sshd"];
    expect(sessionServices(services)).toEqual(["greetd", "lightdm", "sshd"]);
  });
});

describe("ghostServices", () => {
  it("contains only those for logins", () => {
    const services = ["gdm-fingerprint", "gdm-launch-environment", "gdm-password", "lightdm-greeter", "login", "sshd"];
    expect(ghostServices(CONFIG, [...services, "xscreensaver"])).toEqual(["gdm-password", "login"]);
  });
});

describe("a login check", () => {
  it("is valid for a minute, and for its configuration", () => {
    const kept = { config: CONFIG, uptime: 5e6, check };
    expect(isFresh(undefined, CONFIG, 5e6)).toBe(false);
    expect(isFresh(kept, CONFIG, 64.9e6)).toBe(true);
    expect(isFresh(kept, CONFIG, 65e6)).toBe(false);
    expect(isFresh(kept, configOf(), 5e6)).toBe(false);
    expect(isFresh(kept, undefined, 5e6)).toBe(false);
  });

  it("names once what keeps the ghost out, and all warnings", () => {
    const found = { fault: "No uids.", warnings: ["pam_krb5.so asks."], checkedAt: 1 };
    const warnings = ["guest2 is full.", "pam_krb5.so asks."];
    expect(addWarnings(found, ["No uids.", "guest2 is full."])).toEqual({ ...found, warnings });
    expect(addWarnings({ ...found, fault: "" }, ["No uids."]).warnings).toEqual(["No uids.", "pam_krb5.so asks."]);
  });

  it("has a fault where the ghost is refused by other than Enabled=no", () => {
    expect(faultOf(EXPLAINED, CONFIG)).toBe("No.");
    expect(faultOf({ ...EXPLAINED, verdict: "admitted" }, CONFIG)).toBe("");
    expect(faultOf(EXPLAINED, configOf("[Guests]", "Enabled=no"))).toBe("");
    expect(faultOf(undefined, CONFIG)).toBe("");
  });
});
