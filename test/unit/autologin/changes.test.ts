import { describe, expect, it } from "vitest";
import type { Edit } from "../../../src/autologin/changes.ts";
import { greeterPrefix, withEdit, withoutEdit } from "../../../src/autologin/changes.ts";

const LINES: Edit = { kind: "lines", path: "/etc/gdm3/daemon.conf", text: "[daemon]\nTimedLogin=guest\n" };
const PREFIX: Edit = { kind: "prefix", path: "/etc/greetd/config.toml", text: greeterPrefix("guest", "sway") };
const GREETD = `[terminal]
command = "no"
vt = 7

# [default_session]
[default_session]
user = "_greetd"
command = "/usr/sbin/agreety --cmd '\${SHELL:-/bin/sh}'"
`;

describe("lines added to the end of a file", () => {
  it.each(["", "\n", "[daemon]\nWaylandEnable=false\n", "[daemon]\n#no end", "a\n\n\n", "\r\n[x]\r\n"])(
    "are added to %j once, and removed to the byte",
    (text) => {
      const edited = withEdit(LINES, text) ?? "";
      expect(edited.startsWith(text)).toBe(true);
      expect(edited).toMatch(/^\[daemon\]\nTimedLogin=guest\n/m);
      expect(withEdit(LINES, edited)).toBe(edited);
      expect(withoutEdit(LINES, edited)).toBe(text);
    },
  );

  it("are removed without what an administrator wrote around them", () => {
    const edited = withEdit(LINES, "[daemon]\n") ?? "";
    expect(withoutEdit(LINES, `#above\n${edited}[debug]\nEnable=true\n`)).toBe(
      "#above\n[daemon]\n[debug]\nEnable=true\n",
    );
  });

  it("written by an administrator stay, though they look alike", () => {
    const text = "# BEGIN guestd stuff of ours\n# END guestd\n";
    expect(withoutEdit(LINES, text)).toBe(text);
  });
});

describe("the command of greetd's greeter", () => {
  it("is prefixed with guest-greeter once, and restored to the byte", () => {
    const edited = withEdit(PREFIX, GREETD) ?? "";
    expect(edited).toContain(
      `\ncommand = "/usr/lib/guestd/guest-greeter.js --user=guest --session=sway -- /usr/sbin/agreety --cmd '`,
    );
    expect(edited).toContain('\ncommand = "no"\n');
    expect(withEdit(PREFIX, edited)).toBe(edited);
    expect(withoutEdit(PREFIX, edited)).toBe(GREETD);
    const other: Edit = { ...PREFIX, text: greeterPrefix("guest", "kiosk") };
    expect(withoutEdit(PREFIX, withEdit(other, edited) ?? "")).toBe(GREETD);
  });

  it("may be in single quotes, and may change in between", () => {
    const text = "[default_session]\ncommand='tuigreet'\n";
    const edited = withEdit(PREFIX, text) ?? "";
    expect(withoutEdit(PREFIX, edited.replace("tuigreet", "gtkgreet -l"))).toBe(
      "[default_session]\ncommand='gtkgreet -l'\n",
    );
  });

  it.each([
    "",
    '[initial_session]\ncommand = "sway"\n',
    '[default_session]\nuser = "greeter"\n[initial_session]\ncommand = "sway"\n',
    '[default_session]\n#command = "x"\n',
    '[default_session]\ncommand = """\nx"""\n',
  ])("is not found in %j", (text) => {
    expect(withEdit(PREFIX, text)).toBeUndefined();
  });
});
