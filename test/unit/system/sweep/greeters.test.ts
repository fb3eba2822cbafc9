import { linkSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepGreeters } from "../../../../src/system/sweep/greeters.ts";
import { OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const { user } = OWNER;
const GTK = "var/lib/lightdm/.cache/lightdm-gtk-greeter/state";
const SDDM = "var/lib/sddm/state.conf";
const CLEAN = { found: 0, removed: 0, left: [] };

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
});
afterEach(() => {
  world.remove();
});

const read = (path: string) => readFileSync(world.at(path), "utf8");
const sweep = () => sweepGreeters(world.root, OWNER);

describe("a name that a greeter remembers", () => {
  it.each([
    [GTK, `[greeter]\nlast-user=${user}\nlast-session=ünicode\n`, "[greeter]\nlast-session=ünicode\n"],
    [
      SDDM,
      `[Last]\nSession=/usr/share/xsessions/x.desktop\nUser = ${user}\n`,
      "[Last]\nSession=/usr/share/xsessions/x.desktop\n",
    ],
  ])("is removed from %s, and all else stays", async (path, before, after) => {
    world.file(path, 0, before);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(read(path)).toBe(after);
  });

  it.each(["last-user=alice", `last-user=${user}2`, `# ${user}`, user, "last-user=*guest"])(
    "is left alone where it is another name (%s)",
    async (line) => {
      world.file(GTK, 0, `${line}\n`);
      expect(await sweep()).toEqual(CLEAN);
      expect(read(GTK)).toBe(`${line}\n`);
    },
  );

  it("does not exist on a machine without greeters", async () => {
    expect(await sweep()).toEqual(CLEAN);
  });

  it("is found where the greeter user's home is elsewhere", async () => {
    world.file("srv/sddm/state.conf", 0, `User=${user}\n`);
    world.link("var/lib/sddm", world.at("srv/sddm"));
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
  });
});

describe("what the greeter's user has put in its place is left alone and reported:", () => {
  const secret = `User=${user}\n`;

  it.each<[string, () => void]>([
    ["a link", () => world.link(SDDM, world.at("etc/secret"))],
    [
      "a file below a link",
      () => {
        world.file("etc/lightdm-gtk-greeter/state", 0, secret);
        world.directory("var/lib/lightdm");
        world.link("var/lib/lightdm/.cache", world.at("etc"));
      },
    ],
    [
      "a hard link to a file",
      () => {
        world.directory("var/lib/sddm");
        linkSync(world.at("etc/secret"), world.at(SDDM));
      },
    ],
    ["a large file", () => world.file(SDDM, 0, secret + "x".repeat(70_000))],
    ["a directory", () => world.directory(SDDM)],
  ])("%s", async (_, put) => {
    world.file("etc/secret", 0, secret);
    put();
    const { removed, left } = await sweep();
    expect(removed).toBe(0);
    expect(left).toEqual([expect.stringContaining("could not be looked at")]);
    expect(read("etc/secret")).toBe(secret);
  });
});
