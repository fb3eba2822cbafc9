// Reads PAM stacks as libpam does, whatever the files contain.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listPamServices, readPamStack } from "../../../src/system/pam-stacks.ts";

let root: string;
let directories: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pam-stacks-"));
  directories = ["etc", "usr"].map((name) => join(root, name));
  for (const directory of directories) mkdirSync(directory);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const write = (name: string, text: string) => {
  writeFileSync(join(root, name), text);
};
const names = (service: string, type: "auth" | "session" = "auth") =>
  readPamStack(service, type, directories).map(({ name }) => name);

describe("readPamStack", () => {
  it("rejects a file that includes itself", () => {
    write("etc/login", "@include login\n");
    expect(() => names("login")).toThrow("more than 16 deep");
  });

  it("rejects an endless stack, and what is no regular file", () => {
    write("etc/login", "auth required pam_permit.so\n".repeat(501));
    expect(() => names("login")).toThrow("more than 500 modules");
    execFileSync("mkfifo", [join(root, "etc/su")]);
    expect(() => names("su")).toThrow("is not a file");
  });

  it("reads no service outside the directories", () => {
    write("secret", "auth required pam_permit.so\n");
    for (const name of ["../secret", "/etc/passwd", "..", "", "a\0b"]) expect(names(name)).toEqual([]);
  });

  it("follows @include, include and substack, each for its type", () => {
    write("etc/login", "auth requisite pam_nologin.so\n@include common\nauth include more\nsession substack more\n");
    write("etc/common", "auth required pam_unix.so nullok\nsession required pam_limits.so\n");
    write("etc/more", "auth optional pam_group.so\nsession optional pam_systemd.so\n");
    expect(names("login")).toEqual(["pam_nologin.so", "pam_unix.so", "pam_group.so"]);
    expect(names("login", "session")).toEqual(["pam_limits.so", "pam_systemd.so"]);
  });

  it("returns for each module its file and its arguments", () => {
    const text =
      "# a comment\nAUTH\t[success=1 \\\n  default=ignore] /lib/security/pam_krb5.so minimum_uid=1000 # more\n";
    write("etc/login", text);
    expect(readPamStack("LOGIN", "auth", directories)).toEqual([
      {
        type: "auth",
        control: "[success=1   default=ignore]",
        name: "pam_krb5.so",
        args: ["minimum_uid=1000"],
        file: join(root, "etc/login"),
        line: 2,
      },
    ]);
  });

  it("skips an optional module that is not installed", () => {
    mkdirSync(join(root, "lib/x86_64-linux-gnu/security"), { recursive: true });
    write("lib/x86_64-linux-gnu/security/pam_kwallet5.so", "");
    write(
      "etc/sddm",
      "-auth optional pam_kwallet5.so\n-auth optional pam_gnome_keyring.so\nauth required pam_missing.so\n",
    );
    const found = readPamStack("sddm", "auth", directories, [join(root, "lib")]);
    expect(found.map(({ name }) => name)).toEqual(["pam_kwallet5.so", "pam_missing.so"]);
  });

  it(`prefers the administrator's file to the vendor's, and "other" for what a service lacks`, () => {
    write("usr/login", "auth required pam_vendor.so\n");
    write("usr/su", "auth required pam_rootok.so\n");
    write("etc/login", "auth required pam_unix.so\n");
    write("etc/other", "auth required pam_deny.so\nsession required pam_warn.so\n");
    expect(names("login")).toEqual(["pam_unix.so"]);
    expect(names("su")).toEqual(["pam_rootok.so"]);
    expect(names("login", "session")).toEqual(["pam_warn.so"]);
    expect(names("nothing")).toEqual(["pam_deny.so"]);
  });
});

describe("listPamServices", () => {
  it("lists each service once, without backup files and files that others include", () => {
    for (const name of [
      "etc/login",
      "usr/login",
      "usr/su",
      "etc/login.dpkg-old",
      "etc/su~",
      "etc/.hidden",
      "etc/common-auth",
    ])
      write(name, "");
    expect(listPamServices([...directories, join(root, "missing")])).toEqual(["login", "su"]);
  });

  it("omits services that libpam refuses because an included file is missing", () => {
    write("etc/lightdm-guest", "auth required pam_guest.so\n@include lightdm-autologin\n");
    write("etc/far", "session include near\n");
    write("usr/near", "session substack gone\n");
    expect(listPamServices(directories)).toEqual([]);
    write("usr/lightdm-autologin", "");
    write("etc/gone", "");
    expect(listPamServices(directories)).toEqual(["far", "gone", "lightdm-autologin", "lightdm-guest", "near"]);
  });

  it("includes services whose stacks cannot be read, so that is reported", () => {
    write("etc/login", "@include login\n@include su\n");
    execFileSync("mkfifo", [join(root, "etc/su")]);
    expect(listPamServices(directories)).toEqual(["login", "su"]);
  });
});
