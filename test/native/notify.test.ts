// Sends the service manager a datagram with descriptors. manager.c plays the manager.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { native } from "./rig.ts";

interface Manager {
  readonly process: ChildProcess;
  receive(): Promise<string>;
}

async function startManager(program: string, address: string): Promise<Manager> {
  const child = spawn(program, [address], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return {
    process: child,
    receive: async () => {
      child.stdin.write("next\n");
      return (await lines.next()).value as string;
    },
  };
}

const open = () => readdirSync("/proc/self/fd").length;

describe("notifying the service manager", () => {
  const dir = mkdtempSync(join(tmpdir(), "guestns-"));
  const [path, abstract] = [`${dir}/socket`, `@guestns-${process.pid}`];
  const managers = new Map<string, Manager>();
  beforeAll(async () => {
    execFileSync("gcc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", `${dir}/manager`, "test/native/manager.c"]);
    for (const address of [path, abstract]) managers.set(address, await startManager(`${dir}/manager`, address));
  });
  afterAll(async () => {
    for (const { process: manager } of managers.values()) {
      const ended = once(manager, "exit");
      manager.stdin?.end();
      await ended;
    }
    rmSync(dir, { recursive: true });
  });

  it.each<[title: string, address: unknown, state: unknown, fds: unknown, expected: object]>([
    ["an address that is no text", 7, "READY=1", [], { step: "arguments", path: "address" }],
    ["an empty address", "", "READY=1", [], { step: "notify", code: "EINVAL" }],
    ["an address without a name", "@", "READY=1", [], { step: "notify", code: "EINVAL" }],
    ["a relative address", "socket", "READY=1", [], { step: "notify", code: "EINVAL" }],
    ["an address of another family", "vsock:2:1", "READY=1", [], { step: "notify", code: "EINVAL" }],
    ["a NUL in an address", "/run\0", "READY=1", [], { step: "notify", code: "EINVAL" }],
    ["an address that is too long", `/${"a".repeat(107)}`, "READY=1", [], { step: "notify", code: "ENAMETOOLONG" }],
    [
      "an address without a listener",
      `${dir}/nobody`,
      "READY=1",
      [],
      { step: "notify", code: "ENOENT", path: `${dir}/nobody` },
    ],
    [
      "an abstract address without a listener",
      "@guestns-nobody",
      "READY=1",
      [],
      { step: "notify", code: "ECONNREFUSED" },
    ],
    ["an empty message", path, "", [], { step: "notify", code: "EINVAL" }],
    ["descriptors that are no array", path, "READY=1", 3, { step: "arguments", path: "fds" }],
    ["a negative descriptor", path, "READY=1", [-1], { step: "arguments", path: "fds" }],
    ["a descriptor that is not open", path, "READY=1", [1 << 20], { step: "notify", code: "EBADF" }],
    ["too many descriptors", path, "READY=1", Array<number>(254).fill(0), { step: "notify", code: "EINVAL" }],
  ])("sends nothing and fails for %s", (_title, address, state, fds, expected) => {
    const before = open();
    expect(() => {
      native.notify(address as string, state as string, fds as number[]);
    }).toThrow(expect.objectContaining(expected));
    expect(open()).toBe(before);
  });

  it.each([path, abstract])("sends the text and the descriptors in order to %s", async (address) => {
    const fds = ["one", "two"].map((name) => {
      writeFileSync(`${dir}/${name}`, name);
      return openSync(`${dir}/${name}`, "r");
    });
    const before = open();
    native.notify(address, "FDSTORE=1\nFDNAME=é", fds);
    native.notify(address, "READY=1", []);
    expect(open()).toBe(before);
    const manager = managers.get(address);
    expect(await manager?.receive()).toBe("FDSTORE=1 FDNAME=é [one] [two]");
    expect(await manager?.receive()).toBe("READY=1");
    fds.forEach(closeSync);
  });

  it("sends as many descriptors as the kernel allows", async () => {
    const fd = openSync(`${dir}/full`, "w+");
    native.notify(abstract, "FDSTORE=1", Array<number>(253).fill(fd));
    expect(await managers.get(abstract)?.receive()).toBe(`FDSTORE=1${" []".repeat(253)}`);
    closeSync(fd);
  });

  it("does not block when the manager does not read", async () => {
    const fill = () => {
      for (let sent = 0; ; sent++) {
        try {
          native.notify(path, "STATUS=full", []);
        } catch (error) {
          return { sent, error };
        }
      }
    };
    const { sent, error } = fill();
    expect(error).toMatchObject({ step: "notify", code: "EAGAIN" });
    for (let read = 0; read < sent; read++) expect(await managers.get(path)?.receive()).toBe("STATUS=full");
  });
});
