// A kept program answers many questions. One that hangs, fails or ends harms no later question.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lookup } from "../../src/system/accounts/lookup.ts";

/** Answers each question with its PID and the question. Notes its start. */
const ECHO =
  'echo $$ >>"$0"; while read -r question; do case $question in none) echo -;; hang) exec sleep 600;; fail) exit 2;; *) echo "$$ $question";; esac; done';

describe("a lookup", () => {
  let directory: string;
  let starts: string;
  let lookup: Lookup;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "guestd-lookup-"));
    starts = join(directory, "starts");
    lookup = new Lookup(["/bin/sh", "-c", ECHO, starts]);
  });
  const pids = () => (existsSync(starts) ? readFileSync(starts, "utf8").trim().split("\n").map(Number) : []);
  afterEach(() => {
    // A kept program ends with its keeper.
    for (const pid of pids().filter((one) => !isGone(one))) process.kill(pid, "SIGKILL");
    rmSync(directory, { recursive: true });
  });
  const isGone = (pid: number) => {
    try {
      return /^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return true;
    }
  };

  it("is answered by one program, question after question", async () => {
    expect(await lookup.ask("none")).toBeUndefined();
    for (const question of ["one", "two words", ""])
      expect(await lookup.ask(question)).toBe(`${pids()[0]} ${question}`);
    expect(pids()).toHaveLength(1);
  });

  it("does not wait for another one", async () => {
    const answers = await Promise.all(["a", "b", "c"].map((question) => lookup.ask(question)));
    expect(new Set(answers.map((answer) => answer?.split(" ")[0])).size).toBe(3);
    // Two programs are kept.
    await Promise.all(["d", "e"].map((question) => lookup.ask(question)));
    expect(pids()).toHaveLength(3);
  });

  it("that hangs is killed, and says what to check", async () => {
    await lookup.ask("one");
    await expect(lookup.ask("hang", 50)).rejects.toThrow(
      "the name service has not answered in 0.05 s; see whether sssd or nslcd is up",
    );
    await expect.poll(() => isGone(pids()[0] ?? 0)).toBe(true);
    expect(await lookup.ask("two")).toBe(`${pids()[1]} two`);
  });

  it("that fails is asked again of a new program, but only once", async () => {
    await lookup.ask("one");
    await expect(lookup.ask("fail")).rejects.toThrow("/bin/sh failed: 2");
    expect(pids()).toHaveLength(2);
  });

  it("is answered although the program that waited for it was killed", async () => {
    await lookup.ask("one");
    process.kill(pids()[0] ?? 0, "SIGKILL");
    await expect.poll(() => isGone(pids()[0] ?? 0)).toBe(true);
    expect(await lookup.ask("two")).toBe(`${pids()[1]} two`);
  });

  it("fails without the program", async () => {
    await expect(new Lookup(["/nowhere/guest-lookup"]).ask("one")).rejects.toThrow("ENOENT");
  });

  it("never has more than one line", async () => {
    expect(await lookup.ask("a\nb")).toBeUndefined();
  });
});
