// Finds rules that name the ghost and so apply to no leased account.
import { describe, expect, it } from "vitest";
import type { RuleFile } from "../../../src/policy/ghost-rules.ts";
import { findAutologins, findGhostRules } from "../../../src/policy/ghost-rules.ts";

const find = (kind: RuleFile["kind"], text: string) =>
  findGhostRules([{ kind, file: `/etc/security/${kind}.conf`, text }], "guest", "guests");

describe("findGhostRules", () => {
  it.each([
    ["limits", "guest hard nproc 20\n", "write @guests as well"],
    ["access", "-:alice guest:ALL\n", "write (guests) as well"],
    ["time", "login;*;alice|guest;!Al0000-2400\n", "write guest-* as well"],
    ["group", "login;*;guest;Al0000-2400;audio\n", "write %guests as well"],
  ] as const)("reports a rule of %s.conf, and what to write", (kind, rule, advice) => {
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
  ] as const)("accepts %s.conf with %j", (kind, text) => {
    expect(find(kind, text)).toEqual([]);
  });
});

describe("findAutologins", () => {
  const UNIT = "/etc/systemd/system/getty@tty1.service.d/kiosk.conf";
  const findIn = (line: string) => findAutologins([{ file: UNIT, text: `[Service]\nExecStart=\n${line}\n` }], "guest");

  it.each([
    "ExecStart=-/sbin/agetty --autologin guest --noclear %I $TERM",
    "ExecStart=-/sbin/agetty --noclear --autologin=guest %I $TERM",
    "ExecStart=-/usr/sbin/agetty -a guest - $TERM",
    String.raw`ExecStart=-/sbin/agetty -o '-p -f -- \\u' --noclear --autologin guest %I $TERM`,
    'ExecStart = /sbin/agetty --autologin "guest" tty1',
    "ExecStart=-/sbin/agetty --noclear \\\n  --autologin guest %I",
  ])("names the unit with %j, and what to write", (line) => {
    expect(findIn(line)).toEqual([
      `${UNIT} has agetty log guest in without authentication, and such a login is refused; write --skip-login --login-options "-p -- guest" instead of --autologin.`,
    ]);
  });

  it.each([
    "ExecStart=-/sbin/agetty --autologin guest1 --noclear %I $TERM",
    'ExecStart=-/sbin/agetty --skip-login --login-options "-p -- guest" - $TERM',
    'ExecStart=-/sbin/agetty --autologin guest --login-options "-p -- \\u" - $TERM',
    String.raw`ExecStart=-/sbin/agetty -o '-p -- \\u' --noclear -f /etc/issue.kiosk --autologin guest %I $TERM`,
    "#ExecStart=-/sbin/agetty --autologin guest %I",
    "ExecStart=/bin/kiosk --autologin guest",
  ])("accepts %j", (line) => {
    expect(findIn(line)).toEqual([]);
  });
});
