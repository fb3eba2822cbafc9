import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatDuration,
  formatFields,
  formatPlain,
  formatSpan,
  formatTable,
} from "../../../src/cli/format.ts";

describe("formatDuration", () => {
  it.each([
    [-5, "0s"],
    [999_999, "0s"],
    [12e6, "12s"],
    [181e6, "3min 1s"],
    [7200e6, "2h"],
    [7500e6, "2h 5min"],
    [90_000e6, "1d 1h"],
  ])("writes %d microseconds as %s", (microseconds, text) => {
    expect(formatDuration(microseconds)).toBe(text);
  });
});

describe("formatSpan", () => {
  it.each([
    [-5, "0ms"],
    [499, "0ms"],
    [999_400, "999ms"],
    [999_500, "1.0s"],
    [2_340_000, "2.3s"],
    [59_949_000, "59.9s"],
    [59_950_000, "59s"],
    [181e6, "3min 1s"],
  ])("writes %d microseconds as %s", (microseconds, text) => {
    expect(formatSpan(microseconds)).toBe(text);
  });
});

describe("formatPlain", () => {
  it("leaves text unchanged in every language", () => {
    expect(formatPlain("/tmp/größe 名 'x'")).toBe("/tmp/größe 名 'x'");
  });

  it("escapes characters that would control a terminal or end a line", () => {
    expect(formatPlain("\u001b[0m\r\n\u009b\u2028\u202e")).toBe("\\u{1b}[0m\\u{d}\\u{a}\\u{9b}\\u{2028}\\u{202e}");
  });
});

describe("formatTable", () => {
  it("pads each column to its widest cell, and leaves no trailing blanks", () => {
    expect(
      formatTable(
        ["A", "B"],
        [
          ["long", ""],
          ["x", "y"],
        ],
      ),
    ).toBe("A     B\nlong\nx     y");
  });
});

describe("formatFields", () => {
  it("aligns the values", () => {
    expect(
      formatFields([
        ["a", "1"],
        ["long", "2"],
      ]),
    ).toBe("a:    1\nlong: 2");
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1.0K"],
    [200 * 2 ** 20, "200.0M"],
    [5 * 2 ** 50, "5120.0T"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
