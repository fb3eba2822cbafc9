// An account's connections, and those it shares with others.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepConnections } from "../../../../src/system/sweep/connections.ts";
import { failure, OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const { user } = OWNER;
const DIRECTORY = "etc/NetworkManager/system-connections";

let world: SweepWorld;
let reloads: number;
beforeEach(() => {
  [world, reloads] = [new SweepWorld(), 0];
});
afterEach(() => world.remove());

const connection = (name: string, permissions: string, directory = DIRECTORY) =>
  world.file(
    `${directory}/${name}`,
    undefined,
    `[connection]\nid=${name}\n${permissions}\n\n[wifi-security]\npsk=secret\n`,
  );
const sweep = (reload = () => (reloads++, Promise.resolve())) => sweepConnections(world.root, user, reload);

describe("the NetworkManager connections of an account", () => {
  it("are none where NetworkManager does not run, which gets no call", async () => {
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    world.directory(DIRECTORY);
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(reloads).toBe(0);
  });

  it("are removed in all of NetworkManager's directories, and it is told once", async () => {
    const own = [
      connection("home.nmconnection", `permissions=user:${user}:;`),
      connection("old", `permissions=user:${user};`),
      connection("new.nmconnection", `permissions=user:${user}:`, "run/NetworkManager/system-connections"),
    ];
    expect(await sweep()).toEqual({ found: 3, removed: 3, left: [] });
    expect(own.filter((path) => world.has(path.slice(world.root.length)))).toEqual([]);
    expect(reloads).toBe(1);
  });

  it.each([
    "",
    "permissions=",
    "permissions=user:alice:;",
    `permissions=user:${user}2:;`,
    `permissions=user:alice:;user:${user}:;`,
    `permissions=user:${user}:;user:alice:;`,
    `id=permissions=user:${user}:;`,
  ])("do not include those with '%s'", async (permissions) => {
    connection("other.nmconnection", permissions);
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(world.has(`${DIRECTORY}/other.nmconnection`)).toBe(true);
  });

  it("are not gone until NetworkManager has reloaded", async () => {
    connection("home.nmconnection", `permissions=user:${user}:;`);
    expect(await sweep(() => Promise.reject(failure("EIO")))).toEqual({
      found: 1,
      removed: 1,
      left: ["NetworkManager has not read that they are gone: EIO"],
    });
  });
});
