// An account's print jobs, through CUPS's own programs.
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunCups } from "../../../../src/system/sweep/print-jobs.ts";
import { sweepPrintJobs } from "../../../../src/system/sweep/print-jobs.ts";
import { failure, OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const { user } = OWNER;

let world: SweepWorld;
let jobs: Map<string, string>;
let asked: string[];
const server = createServer();
beforeEach(async () => {
  [world, jobs, asked] = [new SweepWorld(), new Map<string, string>(), []];
  world.file("var/spool/cups/c00001");
  world.directory("run/cups");
  await new Promise<void>((resolve) => server.listen(world.at("run/cups/cups.sock"), resolve));
});
afterEach(async () => {
  if (server.listening) await stopCups();
  world.remove();
});

/** systemd leaves the socket, too. */
const stopCups = () => new Promise((resolve) => server.close(resolve));

/** Like lpstat(1) and cancel(1). */
const run: RunCups = (program, args) => {
  asked.push([program, ...args].join(" "));
  if (program.endsWith("cancel")) jobs.delete(args.at(-1) ?? "");
  const own = [...jobs].filter(([, owner]) => owner === args.at(-1));
  return Promise.resolve(own.map(([job, owner]) => `${job.padEnd(24)}${owner}   1024   Mon 30 Nov 2026\n`).join(""));
};
const sweep = (policy: "remove" | "keep" = "remove", program = run) =>
  sweepPrintJobs(world.root, user, policy, program);

describe("the print jobs of an account", () => {
  it("are none where CUPS has none, and CUPS is not started for that", async () => {
    world.drop("var/spool/cups/c00001");
    world.directory("var/spool/cups/tmp");
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    world.drop("var/spool/cups");
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(asked).toEqual([]);
  });

  it("are removed with their files, and those of others stay", async () => {
    jobs = new Map([
      ["Office-2-7", user],
      ["PDF-8", user],
      ["PDF-9", "alice"],
    ]);
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [] });
    expect([...jobs.keys()]).toEqual(["PDF-9"]);
    const socket = world.at("run/cups/cups.sock");
    expect(asked[0]).toBe(`/usr/bin/lpstat -h ${socket} -W all -u ${user}`);
    expect(asked[1]).toBe(`/usr/bin/cancel -h ${socket} -x Office-2-7`);
  });

  it("are counted and stay where so configured", async () => {
    jobs.set("PDF-8", user);
    expect(await sweep("keep")).toEqual({ found: 1, removed: 0, left: [] });
    expect(jobs.size).toBe(1);
  });

  it("are named where CUPS keeps them", async () => {
    jobs.set("PDF-8", user);
    const stubborn: RunCups = (program, args) =>
      program.endsWith("cancel") ? Promise.reject(failure("EIO")) : run(program, args);
    expect(await sweep("remove", stubborn)).toEqual({
      found: 1,
      removed: 0,
      left: ["print job PDF-8 is still there: EIO"],
    });
  });

  it("are unknown where CUPS does not answer", async () => {
    await expect(sweep("remove", () => Promise.reject(failure("ETIMEDOUT")))).rejects.toThrow("ETIMEDOUT");
  });

  it.each(["stopped", "removed"])("are searched by their files where CUPS is %s", async (how) => {
    await stopCups();
    if (how === "stopped") world.file("run/cups/cups.sock");
    const control = (name: string) =>
      `\x42\0\x19job-originating-user-name\0${String.fromCharCode(name.length)}${name}\x42`;
    world.file("var/spool/cups/c00001", undefined, control("alice"));
    world.file("var/spool/cups/c00012", undefined, control(user));
    world.file("var/spool/cups/c00013", undefined, control(`${user}2`));
    for (const name of ["d00001-001", "d00012-001", "d00012-002"]) world.file(`var/spool/cups/${name}`);
    expect(await sweep("keep")).toEqual({ found: 1, removed: 0, left: [] });
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(readdirSync(world.at("var/spool/cups")).sort()).toEqual(["c00001", "c00013", "d00001-001"]);
    expect(asked).toEqual([]);
  });
});
