import { describe, expect, it } from "vitest";
import type { ValueType } from "../../../src/config/values.ts";
import * as value from "../../../src/config/values.ts";

const LONG = "x".repeat(65);

const BAD: [string, ValueType<unknown>, string[]][] = [
  [
    "a limit",
    value.limit,
    [
      "0",
      "00",
      "0G",
      "0%",
      "101%",
      "-1",
      "1.5G",
      "1T",
      "G",
      "%",
      "infinity",
      " 1G",
      "1G ",
      "1 G",
      "9999999999999",
      "1K%",
      "0x10",
    ],
  ],
  ["a limit that may be none", value.limitOrNone, ["00", "0G", "0%", "-1", "101%", "none", " 0"]],
  ["a weight", value.weight, ["0", "10001", "-1", "1.5", "100%", "x", "1e3", " 5", "99999999999"]],
  ["a quota", value.quota, ["0%", "100", "100001%", "-5%", "1.5%", "%", "%%", "50%%", "x%", "50 %", "%50"]],
  [
    "a number of seconds, or never",
    value.secondsOrNever,
    ["", "86401", "-1", "1.5", "60s", "x", "never", " 60", "60 "],
  ],
  ["a number of receipts", value.receipts, ["", "0", "100001", "-1", "1e3", "x", " 1"]],
  [
    "a range of uids",
    value.uidRange,
    [
      "",
      "60600",
      "60600-",
      "-61183",
      "999-1100",
      "0-2000",
      "60600-60599",
      "60600-100000",
      "60600..61183",
      "60600 - 61183",
      "060600-061183",
      "a-b",
      "60600-61183-61184",
    ],
  ],
  [
    "a name to show",
    value.displayName,
    ["", "a:b", "a,b", 'a"b', "a\\b", "a\nb", "a\tb", "a\u0000b", "a\u007fb", LONG],
  ],
  [
    "an account's name",
    value.accountName,
    ["", "a b", "-a", "1a", "a/b", "a:b", "a\n", "../a", "x".repeat(33), "gästin"],
  ],
  ["names of services", value.services, ["a/b", "../login", "a,b", "login gdm/x", LONG, "a\u0000"]],
  [
    "names of service units",
    value.units,
    ["sddm", "sddm.scope", ".service", "a/b.service", "../x.service", "a.service,b.service", "a\u0000.service"],
  ],
  ["a count", value.count, ["-1", "1.5", "x", "1e3", "9999999999", " 1"]],
  ["a size", value.size, ["", "0", "0%", "101%", "1T"]],
  ["yes or no", value.boolean, ["", "y", "n", "perhaps", "2", "yes no"]],
  ["a path", value.path, ["", "/", "bin/sh", "/bin/../sh", "/bin//sh", "/bin/sh/", "/bin/\nsh", `/${"x".repeat(256)}`]],
];

describe.each(BAD)("an invalid value of the kind: %s", (_, type, texts) => {
  it.each(texts)("%j", (text) => {
    expect(type.parse(text)).toBeUndefined();
  });
});

describe("a valid value of the kind", () => {
  it.each<[string, ValueType<unknown>, string, unknown]>([
    ["a limit of infinity", value.limit, "", ""],
    ["a limit as a share", value.limit, "100%", "100%"],
    ["a limit in lower case", value.limit, "512M", "512m"],
    [`"none", where a limit may be that`, value.limitOrNone, "0", "0"],
    [`infinity, where "none" is valid, too`, value.limitOrNone, "", ""],
    [`a limit, where "none" is valid, too`, value.limitOrNone, "512M", "512m"],
    [`the weight "idle" of systemd`, value.weight, "", 0],
    ["the smallest weight", value.weight, "1", 1],
    ["the largest weight", value.weight, "10000", 10_000],
    ["an unlimited quota", value.quota, "", 0],
    ["the smallest quota", value.quota, "1%", 1],
    ["a quota of more than one processor", value.quota, "250%", 250],
    ["the largest quota", value.quota, "100000%", 100_000],
    ["the smallest number of seconds", value.secondsOrNever, "1", 1],
    ["never, where seconds may be that", value.secondsOrNever, "0", 0],
    ["the most seconds, where they may be never", value.secondsOrNever, "86400", 86_400],
    ["the fewest receipts", value.receipts, "1", 1],
    ["the most receipts", value.receipts, "100000", 100_000],
    ["the default range of UIDs", value.uidRange, "65536-98303", { first: 65536, last: 98303 }],
    ["the range of earlier versions", value.uidRange, "60600-61183", { first: 60600, last: 61183 }],
    ["a range of one UID", value.uidRange, "1000-1000", { first: 1000, last: 1000 }],
    ["the widest range of UIDs", value.uidRange, "1000-99999", { first: 1000, last: 99999 }],
    ["the last UIDs", value.uidRange, "99999-99999", { first: 99999, last: 99999 }],
    ["a name in another script", value.displayName, "Gästin für heute (1)", "Gästin für heute (1)"],
    ["a name of the maximum length", value.displayName, "x".repeat(64), "x".repeat(64)],
    ["names of services, with patterns", value.services, "login gdm-* a@b.c", ["login", "gdm-*", "a@b.c"]],
    ["an empty list of services", value.services, "", []],
    ["names of service units, with patterns", value.units, "a@b.service ly@*.service", ["a@b.service", "ly@*.service"]],
  ])("%s", (_, type, text, expected) => {
    expect(type.parse(text)).toEqual(expected);
  });
});
