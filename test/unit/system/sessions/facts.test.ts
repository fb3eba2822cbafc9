import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gatherFacts, listFiles } from "../../../../src/system/sessions/facts.ts";
import { configOf } from "../../../helpers/samples.ts";

const LOGIN = { pid: 9, home: "/home/guest1", overlay: true };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-facts-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("gatherFacts", () => {
  it("fails when the leader is gone from /proc", () => {
    expect(() => gatherFacts(configOf(), LOGIN, root)).toThrow(/has ended/);
  });

  it("returns the mounts and the links on the way to the plan's paths and the home", () => {
    mkdirSync(join(root, "9/root/srv"), { recursive: true });
    for (const [path, target] of [
      ["tmp", "/var/tmp"],
      ["people", "srv"],
    ] as const)
      symlinkSync(target, join(root, "9/root", path));
    writeFileSync(join(root, "9/mountinfo"), "1 2 0:5 / / rw - ext4 x rw\n");
    expect(gatherFacts(configOf(), { ...LOGIN, home: "/people/guest1" }, root)).toMatchObject({
      overlay: true,
      mounts: [{ id: 1, device: "0:5", mountPoint: "/" }],
      links: [
        { path: "/tmp", target: "/var/tmp" },
        { path: "/people", target: "/srv" },
      ],
      etcFiles: [],
    });
  });

  it.each([
    ["Mode=bind", true, ["issue"]],
    ["Mode=overlay", false, ["issue"]],
    ["Mode=overlay", true, []],
  ])("with %s and overlayfs %s lists the files %j", (mode, overlay, files) => {
    mkdirSync(join(root, "9"));
    mkdirSync(join(root, "tree"));
    writeFileSync(join(root, "9/mountinfo"), "");
    writeFileSync(join(root, "tree/issue"), "");
    const config = configOf("[Etc]", mode, `Overlay=${join(root, "tree")}`);
    // Skips a tree that this machine's guestd may have.
    const found = gatherFacts(config, { ...LOGIN, overlay }, root).etcFiles.filter(
      (file) => file.root === join(root, "tree"),
    );
    expect(found.map(({ name }) => name)).toEqual(files);
  });
});

describe("the tree that is laid over /etc", () => {
  it("is not read from a file server, which could hang guestd", () => {
    mkdirSync(join(root, "9"));
    mkdirSync(join(root, "tree/sub"), { recursive: true });
    const config = configOf("[Etc]", "Mode=bind", `Overlay=${join(root, "tree/sub")}`);
    const mounts = ["1 0 8:1 / / rw - ext4 x rw", `2 1 0:9 / ${join(root, "tree")} rw - nfs4 srv:/tree rw`];
    writeFileSync(join(root, "9/mountinfo"), mounts.join("\n"));
    expect(() => gatherFacts(config, LOGIN, root)).toThrow(/Overlay=.* lies on a file server/);
  });
});

describe("listFiles", () => {
  it("lists regular files at any depth and follows no link", () => {
    mkdirSync(join(root, "a/b"), { recursive: true });
    writeFileSync(join(root, "a/b/c"), "");
    writeFileSync(join(root, "d"), "");
    symlinkSync("/etc", join(root, "link"));
    expect(listFiles(root)).toEqual(["a/b/c", "d"]);
  });

  it("lists none where the directory is missing", () => {
    expect(listFiles(join(root, "none"))).toEqual([]);
  });
});
