// packaging/guest-notice, which runs on a guest's desktop: which text, by which program, and that it never fails.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PROJECT } from "../helpers/tree.ts";

const TOOLS = ["cat", "cut", "fold", "getent", "id", "sed"];
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guest-notice-"));
  for (const directory of ["bin", "texts"]) mkdirSync(join(root, directory));
  for (const tool of TOOLS) symlinkSync(`/usr/bin/${tool}`, join(root, "bin", tool));
  say("login", "You & <others> are guests.");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const say = (name: string, text: string) => {
  writeFileSync(join(root, "texts", name), `${text}\n`);
};

/** A program that records its arguments and stdin. */
function install(name: string, status = 0): void {
  const file = join(root, "bin", name);
  const script = `#!/bin/sh\nprintf '%s\\n' ${name} "$@" >>${root}/seen\nfor last; do :; done\n[ "$last" != - ] || cat >>${root}/seen\nexit ${status}\n`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

/** What was shown, and by which program; throws unless the status is 0. */
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

  it.each([
    ["zenity", ["zenity", "kdialog", "xmessage"]],
    ["kdialog", ["kdialog", "xmessage"]],
    ["xmessage", ["xmessage"]],
  ])("opens a window of %s where no notification service runs", (first, there) => {
    install("notify-send", 1);
    // Closing a window by its corner counts as shown.
    for (const name of there) install(name, 1);
    const [, ...programs] = run().matchAll(/^(notify-send|zenity|kdialog|xmessage)$/gm);
    expect(programs.map(([name]) => name)).toEqual([first]);
    expect(run()).toContain("You & <others> are guests.");
  });

  it("succeeds where nothing can show it, or there is nothing to show", () => {
    expect(run()).toBe("");
    install("zenity");
    rmSync(join(root, "texts"), { recursive: true });
    expect(run()).toBe("");
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
