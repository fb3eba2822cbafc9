/** The installed file, as the loader sees it. */
import { execFileSync } from "node:child_process";
import { beforeAll, expect, it } from "vitest";
import { buildModule, builds } from "./host.ts";
import { describeAsRoot } from "./world.ts";

const read = (...line: readonly string[]): string => {
  const [file = "", ...rest] = line;
  return execFileSync(file, [...rest, builds[0].module], { encoding: "utf8" });
};

describeAsRoot("pam_guest.so", () => {
  beforeAll(buildModule, 120_000);

  it("exports its four hooks and nothing else", () => {
    const names = read("nm", "-D", "--defined-only", "--format=just-symbols").trim().split("\n");
    const hooks = ["authenticate", "close_session", "open_session", "setcred"];
    expect(names.toSorted()).toEqual(hooks.map((hook) => `pam_sm_${hook}`));
  });

  it("loads no bus library for users who are no guests: that comes with the other part", () => {
    const needed = [...read("readelf", "-dW").matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
    expect(needed).toEqual(["libpam.so.0", "libc.so.6"]);
  });

  it("reads no environment variable through libc", () => {
    expect(read("nm", "-D", "--undefined-only")).not.toMatch(/(?<!pam_)getenv|environ/);
  });

  it("keeps no data between calls", () => {
    const fromCompiler = /^(_DYNAMIC|_GLOBAL_OFFSET_TABLE_|__TMC_END__|__dso_handle|__\w+_array_entry|completed\.\d+)$/;
    const writable = read("nm")
      .split("\n")
      .flatMap((line) => / [bBdD] (.*)/.exec(line)?.[1] ?? []);
    const ours = writable.filter((name) => !fromCompiler.test(name));
    expect(ours).toEqual([]);
  });

  it("has read-only function pointers", () => {
    expect(read("readelf", "-dW")).toMatch(/BIND_NOW/);
    expect(read("readelf", "-lW")).toMatch(/GNU_RELRO/);
    expect(read("nm", "-D", "--undefined-only")).toMatch(/__stack_chk_fail/);
  });
});
