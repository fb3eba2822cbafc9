import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Autologins } from "../../../src/autologin/autologin.ts";
import { Files } from "../../../src/autologin/files.ts";
import type { Client } from "../../../src/bus/client.ts";
import { autologin, mentionAutologin } from "../../../src/cli/autologin.ts";
import { describeError } from "../../../src/cli/main.ts";
import { runWith } from "../../helpers/guestctl.ts";

const CONFIG = "/etc/lightdm/lightdm.conf.d/50-guestd-autologin.conf";
const ADMITTED = { verdict: "admitted", leased: true, reason: "guest gets a leased account." };
const REFUSED = { verdict: "refused", leased: false, reason: "Guest logins are switched off." };

let root: string;
let autologins: Autologins;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-autologin-"));
  autologins = new Autologins(new Files(root, process.getuid?.() ?? 0, () => undefined), root);
  for (const file of ["/usr/sbin/lightdm", "/usr/share/xsessions/xfce.desktop"]) {
    mkdirSync(dirname(root + file), { recursive: true });
    writeFileSync(root + file, "");
  }
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** @param answer guestd's explanation of a login */
function run(word: string, { session = "", answer = ADMITTED, isRoot = true } = {}) {
  const options = { service: "login", failed: false, all: false, reason: "", "display-manager": "", session };
  const client = {
    call: (...call: unknown[]) => {
      expect(call).toEqual(["ExplainLogin", "ss", ["guest", "lightdm-guest"]]);
      return Promise.resolve([answer]);
    },
  };
  return autologin([word], options, () => Promise.resolve(client as unknown as Client), autologins, isRoot);
}

describe("guestctl autologin", () => {
  it.each([[[]], [["on"]], [["enable", "guest"]]])("rejects %j as a wrong command line", async (words) => {
    expect(await runWith(["autologin", ...words])).toMatchObject({
      code: 2,
      err: 'guestctl: autologin takes one of enable, disable, status; see "guestctl --help"',
    });
  });

  it("requires root", async () => {
    const error: unknown = await run("enable", { isRoot: false }).catch((caught: unknown) => caught);
    expect(describeError(error)).toBe("only root may do this; try it with sudo");
  });

  it("enable names the changed files and when the change takes effect, and changes nothing the second time", async () => {
    const { text, json, bad } = await run("enable", { session: "xfce" });
    expect(text).toBe(
      [
        `Changed ${CONFIG}.`,
        'lightdm reads this when it starts: "systemctl restart lightdm" ends its sessions, and starts it.',
        "lightdm logs in guest when it starts, and again after each session.",
      ].join("\n"),
    );
    expect(json).toEqual({
      enabled: true,
      display_manager: "lightdm",
      user: "guest",
      session: "xfce",
      service: "lightdm-guest",
      faults: [],
      changed: [CONFIG],
    });
    expect(bad).toBe(false);
    expect((await run("enable", { session: "xfce" })).text).toMatch(/^Automatic logins by lightdm were set up already/);
  });

  it("status shows the setup, and exits with 1 where guestd would refuse the login", async () => {
    expect(await run("status")).toEqual({ text: "There are no automatic logins of guests.", json: { enabled: false } });
    await run("enable");
    const { text, bad } = await run("status", { answer: REFUSED });
    expect(text).toBe(
      [
        "user:            guest",
        "display manager: lightdm",
        "session:         its default",
        "service:         lightdm-guest",
        "It does not work:",
        "  Guest logins are switched off.",
      ].join("\n"),
    );
    expect(bad).toBe(true);
  });

  it("disable undoes the setup, and takes no option of enable", async () => {
    await expect(run("disable", { session: "xfce" })).rejects.toThrow("are for autologin enable");
    expect((await run("disable")).text).toBe("There were no automatic logins of guests.");
    await run("enable");
    expect(await run("disable")).toEqual({
      text: `Took back ${CONFIG}.`,
      json: { enabled: false, changed: [CONFIG] },
    });
  });
});

describe("guestctl status and guestctl explain", () => {
  it("name the user of an automatic login, if guestd concerns them, and whether something is missing", async () => {
    expect(mentionAutologin(undefined, autologins)).toEqual({ fields: [], json: {} });
    await run("enable");
    expect(mentionAutologin("alice", autologins).fields).toEqual([]);
    expect(mentionAutologin("guest", autologins)).toMatchObject({
      fields: [["autologin", "guest by lightdm"]],
      json: { autologin: { display_manager: "lightdm", user: "guest", faults: [] } },
    });
    rmSync(join(root, "usr/sbin/lightdm"));
    expect(mentionAutologin(undefined, autologins).fields).toEqual([
      ["autologin", 'guest by lightdm, which does not work: see "guestctl autologin status"'],
    ]);
  });
});
