// Rules that name the ghost, and so reach no leased account, are found.
import { describe, expect, it } from "vitest";
import type { RuleFile } from "../../../src/policy/ghost-rules.ts";
import { findGhostRules } from "../../../src/policy/ghost-rules.ts";

const find = (kind: RuleFile["kind"], text: string) =>
  findGhostRules([{ kind, file: `/etc/security/${kind}.conf`, text }], "guest", "guests");

describe("findGhostRules", () => {
  it.each([
    ["limits", "guest hard nproc 20\n", "write @guests as well"],
    ["access", "-:alice guest:ALL\n", "write (guests) as well"],
    ["time", "login;*;alice|guest;!Al0000-2400\n", "write guest-* as well"],
    ["group", "login;*;guest;Al0000-2400;audio\n", "write %guests as well"],
  ] as const)("names a rule of %s.conf, and what to write", (kind, rule, advice) => {
    const [sentence = "", ...more] = find(kind, `# guest\n${rule}`);
    expect(more).toEqual([]);
    expect(sentence).toContain(`/etc/security/${kind}.conf:2 names guest, and reaches no leased account`);
    expect(sentence).toContain(advice);
  });

  it.each([
    ["limits", "#guest hard nproc 20\nguest1 hard nproc 20\n@guest hard nproc 20\n"],
    ["limits", "guest hard nproc 20\n@guests hard nproc 20\n"],
    ["access", "-:ALL:guest\n+:guest:ALL\n-:(guests):ALL\n"],
    ["time", "guest;*;alice;Al0000-2400\n"],
    ["group", "\n"],
  ] as const)("has nothing to say of %s.conf with %j", (kind, text) => {
    expect(find(kind, text)).toEqual([]);
  });
});
