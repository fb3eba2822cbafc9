import { chmodSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runGuestKeys, sweepKeys } from "../../../../src/system/sweep/keys.ts";
import { GUEST_UID, SweepWorld } from "../../../helpers/sweep.ts";

const LIMIT_MS = 60;

let world: SweepWorld;
let runs: number[];
beforeEach(() => {
  world = new SweepWorld();
  runs = [];
});
afterEach(() => world.remove());

/** Fills /proc/key-users: root, a UID with the same first digits, and the guest if they have keys. */
function count(keys?: number): void {
  const own =
    keys === undefined ? [] : [`${String(GUEST_UID).padStart(5)}:     ${keys} ${keys}/${keys} ${keys}/200 37/20000`];
  world.file(
    "proc/key-users",
    undefined,
    ["    0:    12 11/11 4/1000000 807/25000000", `${GUEST_UID}1:     9 9/9 9/200 37/20000`, ...own, ""].join("\n"),
  );
}

const sweep = (said: string | Error, then?: () => void) =>
  sweepKeys(
    world.root,
    GUEST_UID,
    (uid) => {
      runs.push(uid);
      then?.();
      return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
    },
    LIMIT_MS,
  );

describe("the kernel keys of an account", () => {
  it("are left while the kernel counts them, whatever the program says", async () => {
    count(3);
    expect(await sweep("3 3 0")).toEqual({ found: 3, removed: 0, left: ["3 keys of the account are still there"] });
    expect(await sweep("0 0 0", () => count(1))).toEqual({
      found: 3,
      removed: 2,
      left: ["1 keys of the account are still there"],
    });
    expect(runs).toEqual([GUEST_UID, GUEST_UID]);
  });

  it("may go a moment after the program has run", async () => {
    count(2);
    expect(await sweep("1 1 0", () => setTimeout(() => count(0), LIMIT_MS / 3))).toEqual({
      found: 2,
      removed: 2,
      left: [],
    });
    count(2);
    expect(await sweep("1 1 0", () => setTimeout(() => count(), LIMIT_MS / 3))).toEqual({
      found: 2,
      removed: 2,
      left: [],
    });
  });

  it("are unknown when the program cannot run", async () => {
    count(2);
    await expect(sweep(new Error("guest-keys failed: ENOENT"))).rejects.toThrow("ENOENT");
  });

  it("are none, and nothing runs as the account, where the kernel counts none or has none", async () => {
    expect(await sweep("")).toEqual({ found: 0, removed: 0, left: [] });
    count();
    expect(await sweep("")).toEqual({ found: 0, removed: 0, left: [] });
    expect(runs).toEqual([]);
  });

  it("belong to a user outside, in a container without access to keys", async () => {
    count(2);
    world.file("run/systemd/container", undefined, "systemd-nspawn");
    expect(await sweep("0 0 0")).toEqual({ found: 0, removed: 0, left: [] });
    expect(await sweep("2 0 2")).toMatchObject({ left: ["2 keys of the account are still there"] });
  });
});

describe("guest-keys", () => {
  const program = (text: string) => {
    const path = world.file("guest-keys", undefined, `#!/bin/sh\n${text}\n`);
    chmodSync(world.root, 0o755);
    chmodSync(path, 0o755);
    return path;
  };

  it.skipIf(process.getuid?.() !== 0)(
    "runs as the account, in none of its groups, with an empty environment",
    async () => {
      await expect(
        runGuestKeys(
          GUEST_UID,
          program('[ "$(id -u):$(id -g):$(id -G)" = "60600:0:0" ] && [ -z "$HOME" ] && [ "$PWD" = / ] && echo 1 2 3'),
        ),
      ).resolves.toBe("1 2 3");
    },
  );

  it.skipIf(process.getuid?.() !== 0).each([
    ["prints anything else", "echo 1 2 3 4", "does not say"],
    ["prints two lines", "echo 1 2 3; echo 1 2 3", "does not say"],
    ["prints nothing", "true", "does not say"],
    ["prints without end", "yes '1 2 3'", "ERR_CHILD_PROCESS_STDIO_MAXBUFFER"],
    ["fails", "echo 1 2 3; exit 1", "failed: 1"],
    ["is killed", "kill -9 $$", "failed: SIGKILL"],
  ])("is not believed when it %s", async (_, text, message) => {
    await expect(runGuestKeys(GUEST_UID, program(text))).rejects.toThrow(message);
  });

  it("that is missing or may not be started is only an error", async () => {
    await expect(runGuestKeys(GUEST_UID, world.at("nowhere"))).rejects.toThrow(/nowhere failed: E/);
  });
});
