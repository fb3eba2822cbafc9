import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserRecords } from "../../../../src/system/accounts/userdb.ts";
import { LEASED } from "../../../helpers/samples.ts";

let root: string;
let directory: string;
let records: UserRecords;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-userdb-"));
  directory = join(root, "userdb");
  records = new UserRecords(directory);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const contents = () => readdirSync(directory).sort();

/** A foreign record has a link by its UID. */
function addForeign(
  name: string,
  uid: number,
  text = JSON.stringify({ userName: name, uid, service: "io.systemd.Home" }),
): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${name}.user`), text);
  symlinkSync(`${name}.user`, join(directory, `${uid}.user`));
}

describe("UserRecords refuses to create or remove an account named", () => {
  it.each([
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc/passwd",
    "-x",
    "1x",
    "60600",
    "a b",
    "a\nb",
    "a\0b",
    "x".repeat(33),
    "gästin",
    ".hidden",
  ])("%j", (user) => {
    expect(() => {
      records.publish({ ...LEASED, user });
    }).toThrow(/cannot be the name/);
    expect(() => {
      records.withdraw({ user, uid: LEASED.uid });
    }).toThrow(/cannot be the name/);
    expect(existsSync(directory) ? contents() : []).toEqual([]);
  });
});

describe("UserRecords leaves records of others alone:", () => {
  it.each([
    ["a record of another service", undefined],
    ["a record without a service", JSON.stringify({ userName: LEASED.user, uid: LEASED.uid })],
    ["a record that is not JSON", "}{"],
    ["an empty record", ""],
    ["a record that is null", "null"],
  ])("%s", (_, text) => {
    addForeign(LEASED.user, LEASED.uid, text);
    records.withdraw(LEASED);
    expect(readFileSync(join(directory, `${LEASED.user}.user`), "utf8")).toBe(
      text ?? JSON.stringify({ userName: LEASED.user, uid: LEASED.uid, service: "io.systemd.Home" }),
    );
    expect(readlinkSync(join(directory, `${LEASED.uid}.user`))).toBe(`${LEASED.user}.user`);
    expect(records.list()).toEqual([]);
  });

  it("a link from the UID to another account", () => {
    addForeign("other", LEASED.uid);
    mkdirSync(join(root, "spare"));
    const spare = new UserRecords(join(root, "spare"));
    spare.publish(LEASED);
    writeFileSync(join(directory, `${LEASED.user}.user`), readFileSync(join(root, "spare", `${LEASED.user}.user`)));
    records.withdraw(LEASED);
    expect(contents()).toEqual([`${LEASED.uid}.user`, "other.user"]);
  });
});

describe("UserRecords", () => {
  it("writes what nss-systemd and logind need, marked as guestd's", () => {
    records.publish(LEASED);
    expect(JSON.parse(readFileSync(join(directory, `${LEASED.user}.user`), "utf8"))).toEqual({
      userName: "guest-aaaa",
      uid: 60600,
      gid: 985,
      realName: "Guest aaaa",
      homeDirectory: "/home/guest-aaaa",
      shell: "/bin/bash",
      disposition: "regular",
      service: "org.guestd1",
      killProcesses: true,
      stopDelayUSec: 0,
    });
  });

  it("stores no password, so no password logs in", () => {
    records.publish(LEASED);
    expect(readFileSync(join(directory, `${LEASED.user}.user`), "utf8")).not.toMatch(/password|privileged|secret/i);
    const privileged = join(directory, `${LEASED.user}.user-privileged`);
    expect(JSON.parse(readFileSync(privileged, "utf8"))).toEqual({ privileged: { hashedPassword: ["*"] } });
    expect(statSync(privileged).mode & 0o777).toBe(0o600);
  });

  it("writes files that all can read and that are found by UID", () => {
    records.publish(LEASED);
    expect(contents()).toEqual([`${LEASED.uid}.user`, `${LEASED.user}.user`, `${LEASED.user}.user-privileged`]);
    expect(statSync(directory).mode & 0o777).toBe(0o755);
    expect(statSync(join(directory, `${LEASED.user}.user`)).mode & 0o777).toBe(0o644);
    expect(lstatSync(join(directory, `${LEASED.uid}.user`)).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(directory, `${LEASED.uid}.user`), "utf8"))).toMatchObject({
      userName: LEASED.user,
    });
  });

  it("uses an account's own name where it has no real name", () => {
    const { realName: _none, ...account } = LEASED;
    records.publish(account);
    expect(JSON.parse(readFileSync(join(directory, `${LEASED.user}.user`), "utf8"))).toMatchObject({
      realName: LEASED.user,
    });
  });

  it("replaces an account that was half written", () => {
    mkdirSync(directory);
    writeFileSync(join(directory, `${LEASED.user}.user.new`), "half");
    symlinkSync("half", join(directory, `${LEASED.uid}.user.new`));
    records.publish(LEASED);
    records.publish(LEASED);
    expect(contents()).toEqual([`${LEASED.uid}.user`, `${LEASED.user}.user`, `${LEASED.user}.user-privileged`]);
  });

  it("removes half-written files, and none of others", () => {
    addForeign("other", 60700);
    records.publish(LEASED);
    const kept = [...contents(), "other.user-privileged", "other.user.new", "guest-mine.conf.new"];
    for (const name of [...kept.slice(-3), "guest-k3f7.user.new", "guest-k3f7.user-privileged", "60600.user.new"])
      writeFileSync(join(directory, name), "");
    records.sweep();
    expect(contents()).toEqual(kept.sort());
  });

  it("removes an account with its link, and accepts a missing one", () => {
    records.publish(LEASED);
    records.publish({ ...LEASED, user: "guest-bbbb", uid: 60601 });
    records.withdraw(LEASED);
    records.withdraw(LEASED);
    expect(contents()).toEqual(["60601.user", "guest-bbbb.user", "guest-bbbb.user-privileged"]);
  });

  it("lists its own accounts, each once, and none of others", () => {
    expect(records.list()).toEqual([]);
    records.publish(LEASED);
    addForeign("other", 60700);
    writeFileSync(join(directory, "guest-cccc.user"), "{");
    writeFileSync(
      join(directory, "guest-dddd.user.new"),
      JSON.stringify({ userName: "guest-dddd", uid: 60601, service: "org.guestd1" }),
    );
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });
});
