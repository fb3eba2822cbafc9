// Reads ChrootDirectory rules as sshd does, whatever the files contain.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readChrootRules } from "../../../src/system/sshd-config.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sshd-config-"));
  mkdirSync(join(root, "sshd_config.d"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const write = (name: string, text: string) => {
  writeFileSync(join(root, name), text);
};
const read = () =>
  readChrootRules(join(root, "sshd_config")).map(({ at, directory, under }) => [
    at.slice(root.length + 1),
    directory,
    under,
  ]);

describe("readChrootRules", () => {
  it("returns none where there is no sshd", () => {
    expect(read()).toEqual([]);
  });

  it("survives files that include themselves or each other, and special files", () => {
    write("sshd_config", "Include sshd_config\nInclude sshd_config.d/*\nChrootDirectory /a\n");
    execFileSync("mkfifo", [join(root, "sshd_config.d/fifo.conf")]);
    mkdirSync(join(root, "sshd_config.d/dir.conf"));
    const rules = read();
    expect(rules.length).toBeGreaterThan(0);
    expect(new Set(rules.map(([at]) => at))).toEqual(new Set(["sshd_config:3"]));
    write("sshd_config", "Include sshd_config.d/*.conf sshd_config.d/*.conf\n");
    for (const name of "abcdefgh") write(`sshd_config.d/${name}.conf`, `Include ${root}/sshd_config.d/*.conf\n`);
    expect(read()).toEqual([]);
  });

  it("returns each rule's line and Match", () => {
    write(
      "sshd_config",
      'ChrootDirectory none\n# ChrootDirectory /no\nMatch User guest*,!alice Address 10.0.0.0/8\n\tchrootdirectory = "/srv/two words" # yes\nMatch all\n ChrootDirectory=%h\n',
    );
    expect(read()).toEqual([
      ["sshd_config:1", "none", []],
      ["sshd_config:4", "/srv/two words", [["User", "guest*,!alice", "Address", "10.0.0.0/8"]]],
      ["sshd_config:6", "%h", [["all"]]],
    ]);
  });

  it("follows Include by name; a Match ends with its file, and applies to the files it includes", () => {
    write("sshd_config", "Include sshd_config.d/*.conf\nChrootDirectory /c\nMatch Group guests\nInclude more\n");
    write("sshd_config.d/20.conf", "ChrootDirectory /b\n");
    write("sshd_config.d/10.conf", "Match User guest1\nChrootDirectory /a\n");
    write("sshd_config.d/.hidden.conf", "ChrootDirectory /no\n");
    write("sshd_config.d/30.conf.dpkg-old", "ChrootDirectory /no\n");
    write("more", "ChrootDirectory /d\nMatch User guest2\nChrootDirectory /e\n");
    expect(read()).toEqual([
      ["sshd_config.d/10.conf:2", "/a", [["User", "guest1"]]],
      ["sshd_config.d/20.conf:1", "/b", []],
      ["sshd_config:2", "/c", []],
      ["more:1", "/d", [["Group", "guests"]]],
      [
        "more:3",
        "/e",
        [
          ["Group", "guests"],
          ["User", "guest2"],
        ],
      ],
    ]);
  });
});
