// packaging/guest-notice on a guest's desktop: its text, its program, and that it never fails.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PROJECT } from "../helpers/tree.ts";

const TOOLS = ["cat", "cut", "fold", "getent", "id", "sed"];
/** In seconds, longer than any wait. */
const NEVER = 1000;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guest-notice-"));
  for (const directory of ["bin", "texts"]) mkdirSync(join(root, directory));
  for (const tool of TOOLS) symlinkSync(`/usr/bin/${tool}`, join(root, "bin", tool));
  writeFileSync(join(root, "clock"), "0\n");
  write("date", "read -r now <clock; echo $now");
  write("sleep", "read -r now <clock; echo $((now + $1)) >clock");
  say("login", "You & <others> are guests.");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const say = (name: string, text: string) => {
  writeFileSync(join(root, "texts", name), `${text}\n`);
};

/** The program runs in the directory of the clock. */
function write(name: string, script: string): void {
  const file = join(root, "bin", name);
  writeFileSync(file, `#!/bin/sh\ncd ${root}\n${script}\n`);
  chmodSync(file, 0o755);
}

/**
 * The program records its arguments and stdin.
 * @param fails for this many seconds
 */
function install(name: string, fails = 0): void {
  write(
    name,
    `printf '%s\\n' ${name} "$@" >>seen; for last; do :; done; [ "$last" != - ] || cat >>seen; [ "$(date)" -ge ${fails} ]`,
  );
}

const programsIn = (seen: string) => seen.match(/^(notify-send|zenity|kdialog|xmessage)$/gm) ?? [];

/** What was shown, and by which program. @throws Error unless the status is 0 */
function run(environment: Record<string, string> = {}): string {
  rmSync(join(root, "seen"), { force: true });
  writeFileSync(join(root, "seen"), "");
  execFileSync("/bin/sh", [join(PROJECT, "packaging/guest-notice"), join(root, "texts")], {
    env: { PATH: join(root, "bin"), ...environment },
    stdio: "ignore",
  });
  return readFileSync(join(root, "seen"), "utf8");
}

describe("guest-notice", () => {
  it("notifies with all text escaped, and opens no window besides", () => {
    for (const name of ["notify-send", "zenity"]) install(name);
    const seen = run();
    expect(seen).toMatch(/^notify-send\n--urgency=critical\n/);
    expect(seen).toContain("\nYou &amp; &lt;others&gt; are guests.\n");
    expect(seen).not.toContain("zenity");
  });

  it("waits for a desktop that shows notifications a little later", () => {
    install("notify-send", 2);
    install("zenity");
    expect(programsIn(run({ XDG_CURRENT_DESKTOP: "GNOME" }))).toEqual(["notify-send", "notify-send", "notify-send"]);
  });

  it("opens a window on a desktop that shows no notification for two minutes", () => {
    install("notify-send", NEVER);
    install("zenity");
    expect(programsIn(run({ XDG_CURRENT_DESKTOP: "GNOME" })).at(-1)).toBe("zenity");
    expect(readFileSync(join(root, "clock"), "utf8")).toBe("120\n");
  });

  it("does not wait where no program sends notifications", () => {
    install("zenity");
    expect(programsIn(run({ XDG_CURRENT_DESKTOP: "GNOME" }))).toEqual(["zenity"]);
    expect(readFileSync(join(root, "clock"), "utf8")).toBe("0\n");
  });

  it.each([
    ["zenity", ["zenity", "kdialog", "xmessage"]],
    ["kdialog", ["kdialog", "xmessage"]],
    ["xmessage", ["xmessage"]],
  ])("opens a window of %s where no notification service runs", (first, there) => {
    install("notify-send", NEVER);
    // Closing a window counts as shown.
    for (const name of there) install(name, NEVER);
    expect(programsIn(run())).toEqual(["notify-send", first]);
    expect(run()).toContain("You & <others> are guests.");
  });

  it("succeeds where nothing can show it, or there is nothing to show", () => {
    expect(run()).toBe("");
    install("zenity");
    rmSync(join(root, "texts"), { recursive: true });
    expect(run()).toBe("");
  });

  it.each([["gnome-session-inhibit"], ["mate-session-inhibit"]])("has %s remind of it at the logout", (program) => {
    install(program);
    expect(run()).toBe("");
    say("logout", "All is gone.");
    expect(run()).toBe(
      `${[program, "--inhibit", "logout", "--app-id", "guestd-notice", "--reason", "All is gone.", "--inhibit-only"].join("\n")}\n`,
    );
  });

  it.each([
    ["de_AT.UTF-8", "Servus"],
    ["de_DE.UTF-8", "Hallo"],
    ["sr_RS.UTF-8@latin", "Zdravo"],
    ["sr_RS.UTF-8", "guests"],
    ["C.UTF-8", "guests"],
    ["", "guests"],
    ["../../../etc/passwd", "guests"],
  ])("uses the language of %j: %s", (LANG, word) => {
    install("zenity");
    say("login.de", "Hallo");
    say("login.de_AT", "Servus");
    say("login.sr@latin", "Zdravo");
    expect(run({ LANG })).toContain(word);
    expect(run({ LANG: "fr_FR.UTF-8", LC_MESSAGES: LANG, LC_ALL: "" })).toContain(word);
  });
});
