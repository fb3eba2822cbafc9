// access.conf is judged only where the result is certain.
import { describe, expect, it } from "vitest";
import { judgeAccess } from "../../../src/policy/access-rules.ts";

const FILE = "/etc/security/access.conf";
const judge = (rules: string[], args: string[] = []) => {
  const module = { type: "account", control: "required", name: "pam_access.so", args, file: "f", line: 1 } as const;
  return judgeAccess([{ kind: "access", file: FILE, text: rules.join("\n") }], "guests", module);
};

describe("judgeAccess", () => {
  it.each([
    [["+:root alice:ALL", "-:ALL:ALL"], 2],
    [["# all others", "- : ALL EXCEPT root (wheel) : ALL"], 2],
    [["-:guests:LOCAL"], 1],
    [["-:(guests):ALL", "+:ALL:ALL"], 1],
    [["-:ALL:tty2", "-:ALL:ALL"], 2],
    [["+:ALL EXCEPT guests:ALL", "-:ALL:ALL"], 2],
    [["+:ALL:10.0.0.0/8 .uni.example", "-:ALL:ALL"], 2],
    [["+:ALL:ALL EXCEPT LOCAL", "-:ALL:ALL"], 2],
  ])("finds that %j keep guests out, and by which rule", (rules, line) => {
    expect(judge(rules)).toEqual({ kind: "refuses", rule: `${FILE}:${line}` });
  });

  it.each([
    [["# -:ALL:ALL"]],
    [["+:(guests):ALL", "-:ALL:ALL"]],
    [["+:root guests:LOCAL", "-:ALL:ALL"]],
    [["-:ALL EXCEPT root guests:ALL"]],
    [["-:bob:ALL"]],
    [["-:ALL:192.168.0.0/16"]],
  ])("finds that %j let guests in", (rules) => {
    expect(judge(rules)).toEqual({ kind: "admits" });
  });

  it("ignores terminals, netgroups and rules in other files", () => {
    expect(judge(["+:ALL:tty1", "-:ALL:ALL"])).toEqual({ kind: "unclear" });
    expect(judge(["+:@lab:ALL", "-:ALL:ALL"])).toEqual({ kind: "unclear" });
    expect(judge(["-:ALL:ALL"], ["accessfile=/etc/lab.conf"])).toEqual({ kind: "unclear" });
  });

  it("takes a group without brackets for one only where the module does", () => {
    expect(judge(["+:guests:ALL", "-:ALL:ALL"], ["nodefgroup"])).toMatchObject({ kind: "refuses" });
  });
});
