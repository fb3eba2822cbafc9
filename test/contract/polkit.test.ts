// The rule, [Polkit] and guestd.conf(5) agree on what guests may ask polkit for.
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { SCHEMA } from "../../src/config/schema.ts";
import { flagOf } from "../../src/system/polkit-flags.ts";
import { readItems } from "../helpers/man.ts";
import { readProjectFile } from "../helpers/tree.ts";

const RULE = readProjectFile("systemd/guestd.rules");
const ACTION = /\b(?:org|com)\.[\w.-]*\w/g;
/** BlueZ does not ask polkit. */
const KEYS = Object.keys(SCHEMA.Polkit).filter((key) => key !== "Bluetooth");

type Rule = (action: { readonly id: string }, subject: object) => string | undefined;

/** Actions of the rule that a guest at the machine may use with this flag. */
function allowedWith(flag: string, subject: object = {}): string[] {
  const rules: Rule[] = [];
  runInNewContext(RULE, {
    polkit: {
      Result: { NO: "no", NOT_HANDLED: undefined },
      addRule: (rule: Rule) => rules.push(rule),
      spawn: () => `${flag}\n`,
    },
  });
  const guest = { groups: ["guests"], isInGroup: () => true, local: true, active: true, ...subject };
  const named = [...RULE.matchAll(ACTION)].map(([id]) => id);
  return named.filter((id) => rules.every((rule) => rule({ id }, guest) === undefined)).sort();
}

const ALWAYS = allowedWith("");
const itemOf = (key: string) =>
  readItems("guestd.conf.5").find(({ part, terms }) => part === "[Polkit]" && terms[0]?.startsWith(`${key}=`));

describe("the polkit actions that guests may use", () => {
  it("are few by default", () => {
    expect(ALWAYS).toHaveLength(6);
  });

  it.each(KEYS)("with %s= are what the manual says, and no others", (key) => {
    const added = allowedWith(flagOf(key)).filter((id) => !ALWAYS.includes(id));
    const documented = (itemOf(key)?.text ?? "").split("Actions: ")[1] ?? "";
    expect(added.length).toBeGreaterThan(0);
    expect([...documented.matchAll(ACTION)].map(([id]) => id).sort()).toEqual(added);
  });

  it.each([{ local: false }, { active: false }])("with all keys are no more for a guest who is %o", (subject) => {
    for (const key of KEYS) expect(allowedWith(flagOf(key), subject)).toEqual(ALWAYS);
  });

  it("have a key for each row of the rule", () => {
    const flags = [...RULE.matchAll(/flag: "([^"]*)"/g)].map(([, flag]) => flag);
    expect(flags).toEqual(KEYS.map(flagOf));
  });
});
