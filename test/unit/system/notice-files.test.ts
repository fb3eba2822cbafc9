import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeNotice } from "../../../src/system/notice-files.ts";
import { configOf } from "../../helpers/samples.ts";

let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-notice-"));
  directory = join(root, "run/notice");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const filesWith = (...lines: string[]) => {
  writeNotice(configOf("[Notice]", ...lines), directory);
  return readdirSync(directory).sort();
};

describe("writeNotice", () => {
  it("writes a file for each language", () => {
    expect(filesWith("LoginText=Gone.", "LoginText[de]=Weg.", "LoginText[sr@latin]=Nema.")).toEqual([
      "login",
      "login.de",
      "login.sr@latin",
      "logout",
    ]);
    expect(readFileSync(join(directory, "login.de"), "utf8")).toBe("Weg.\n");
  });

  it("removes files of notices that are gone", () => {
    filesWith("LoginText[de]=Weg.");
    expect(filesWith("LoginText[fr]=Fini.")).toEqual(["login", "login.fr", "logout"]);
    expect(filesWith("Login=no", "Logout=no", "LoginText[de]=Weg.")).toEqual([]);
  });

  it("writes the reminder of the logout where it is wanted", () => {
    expect(filesWith("LogoutText[de]=Weg.")).toEqual(["login", "logout", "logout.de"]);
    expect(filesWith("Logout=no")).toEqual(["login"]);
  });

  it("writes files that guests can read but not change", () => {
    filesWith();
    expect(statSync(directory).mode & 0o777).toBe(0o755);
    expect(statSync(join(directory, "login")).mode & 0o777).toBe(0o644);
  });
});
