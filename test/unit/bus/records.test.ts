import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import { openReplyRecord, readOpenRequest } from "../../../src/bus/records.ts";
import { field, unwrap } from "../../../src/bus/values.ts";

const request = () => ({
  user: field("s", "guest1"),
  uid: field("u", 1101),
  gid: field("u", 1101),
  home: field("s", "/home/guest1"),
  shell: field("s", "/bin/bash"),
  service: field("s", "login"),
  tty: field("s", "tty1"),
  rhost: field("s", ""),
});

describe("readOpenRequest refuses", () => {
  it.each(Object.keys(request()))("a request without %s", (name) => {
    expect(() => readOpenRequest({ ...request(), [name]: undefined })).toThrow(`lacks "${name}"`);
  });

  it.each([
    ["uid", field("s", "0")],
    ["uid", field("d", 1.5)],
    ["user", field("u", 1)],
    ["home", field("s", "x".repeat(5000))],
    ["service", "login"],
  ])("%s as %o", (name, value) => {
    expect(() => readOpenRequest({ ...request(), [name]: value })).toThrow(`lacks "${name}"`);
  });

  it.each([undefined, null, 1, "x", []])("%o instead of a record", (value) => {
    expect(() => readOpenRequest(value)).toThrow(/lacks/);
  });
});

describe("readOpenRequest", () => {
  it("reads a login, and passes over fields it does not know", () => {
    expect(readOpenRequest({ ...request(), later: field("s", "x") })).toEqual({
      account: { user: "guest1", uid: 1101, gid: 1101, home: "/home/guest1", shell: "/bin/bash" },
      service: "login",
      tty: "tty1",
      rhost: "",
    });
  });
});

describe("unwrap", () => {
  it("gives no field that nobody sent", () => {
    expect(unwrap({ a: new dbus.Variant("s", "x") })["constructor"]).toBeUndefined();
  });
});

describe("openReplyRecord", () => {
  it("sends the inode as 64 bits", () => {
    const record = openReplyRecord({ id: "s1", namespace: "/proc/1/fd/2", inode: 4026532500, environment: { GUEST_SESSION: "s1" } });
    expect(record["inode"]).toMatchObject({ signature: "t", value: 4026532500n });
    expect(record["environment"]).toMatchObject({ signature: "a{ss}", value: { GUEST_SESSION: "s1" } });
  });
});
