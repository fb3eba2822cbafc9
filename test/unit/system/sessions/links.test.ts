import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findLinks } from "../../../../src/system/sessions/links.ts";
import { requireRoot } from "../../../helpers/root.ts";
import { mountsOf } from "../../../helpers/samples.ts";

const ROOT = ["1 0 8:1 / / ext4 x"];

describe.skipIf(!requireRoot("links of root's"))("findLinks", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "guestd-links-"));
    chmodSync(root, 0o755);
    for (const name of ["var/home/alice", "run/lock", "etc"]) mkdirSync(join(root, name), { recursive: true });
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const link = (path: string, target: string) => {
    symlinkSync(target, join(root, path));
  };
  const find = (paths: string[], lines = ROOT) => findLinks(root, paths, mountsOf(...lines));

  it("finds relative and absolute links, also behind others, each once", () => {
    link("home", "var/home");
    link("var/lock", "../run/lock");
    link("run/lock/deep", "/var/lock");
    expect(find(["/home/guest", "/home", "/var/lock", "/run/lock/deep/x"])).toEqual([
      { path: "/home", target: "/var/home" },
      { path: "/var/lock", target: "/run/lock" },
      { path: "/run/lock/deep", target: "/var/lock" },
    ]);
  });

  it("finds none in a directory that others own or can write to", () => {
    mkdirSync(join(root, "open"));
    chmodSync(join(root, "open"), 0o1777);
    link("open/home", "/var/home");
    link("var/home/alice/home", "/etc");
    chownSync(join(root, "var/home/alice"), 1000, 1000);
    expect(find(["/open/home/x", "/var/home/alice/home"])).toEqual([]);
  });

  it("stops at circular links, files and missing names", () => {
    link("a", "b");
    link("b", "a");
    writeFileSync(join(root, "file"), "");
    expect(find(["/a/x", "/file/x", "/none/x"])).toEqual([
      { path: "/a", target: "/b" },
      { path: "/b", target: "/a" },
    ]);
  });

  it.each(["autofs auto.home", "nfs4 srv:/home", "fuse.sshfs alice@srv:"])(
    "does not look at or below a mount of %s",
    (mount) => {
      link("var/home/inside", "/etc");
      expect(find(["/var/home/inside/x"])).toHaveLength(1);
      expect(find(["/var/home/inside/x"], [...ROOT, `2 1 0:9 / /var/home ${mount}`])).toEqual([]);
    },
  );
});
