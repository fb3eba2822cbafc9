// guestd sees whether the other end of another process's connection is gone, and nothing else.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../helpers/wait.ts";
import { describeAsRoot, native } from "./rig.ts";

describeAsRoot("a connection of another process", () => {
  let directory: string;
  let holder: ChildProcess | undefined;
  let server: Server;
  let client: Socket;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "connection-"));
  });
  afterEach(() => {
    holder?.kill("SIGKILL");
    client.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });

  /** A process with the connection as its descriptor 3. */
  const hold = async (where: { port: number; host: string } | { path: string }) => {
    server = createServer({ pauseOnConnect: true });
    server.listen("path" in where ? where : { port: 0, host: where.host });
    await once(server, "listening");
    const address = server.address();
    const accepted = once(server, "connection") as Promise<[Socket]>;
    client = connect(typeof address === "string" ? { path: address } : { port: address?.port ?? 0, host: "127.0.0.1" });
    const [socket] = await accepted;
    holder = spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", socket] });
    await once(holder, "spawn");
    socket.destroy();
    return native.openPidfd(holder.pid ?? 0);
  };

  it.each(["127.0.0.1", "unix"])(
    "is open while its other end exists, and closed afterwards, even in a stopped process (%s)",
    async (host) => {
      const pidfd = await hold(host === "unix" ? { path: join(directory, "socket") } : { port: 0, host });
      expect(native.lookAtConnection(pidfd, 3)).toBe("open");
      holder?.kill("SIGSTOP");
      client.write("unread");
      expect(native.lookAtConnection(pidfd, 3)).toBe("open");
      client.destroy();
      await waitFor("the other end to be gone", () => native.lookAtConnection(pidfd, 3) === "gone");
    },
  );

  it("is not found where there is a file, or nothing", async () => {
    const pidfd = await hold({ port: 0, host: "127.0.0.1" });
    expect(native.lookAtConnection(pidfd, 0)).toBeUndefined();
    expect(native.lookAtConnection(pidfd, 99)).toBeUndefined();
  });

  it("is not found where a socket listens or is itself a client", async () => {
    const own = native.openPidfd(process.pid);
    await hold({ path: join(directory, "socket") });
    const fds = [server, client].map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd);
    expect(fds.map((fd) => native.lookAtConnection(own, fd))).toEqual([undefined, undefined]);
  });

  it("is not found where a client has bound an address, as sd-bus does", async () => {
    await hold({ path: join(directory, "socket") });
    const [path, own] = [join(directory, "socket"), join(directory, "own")];
    const script = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($ARGV[1])) or die; connect($s, pack_sockaddr_un($ARGV[0])) or die; print fileno($s), "\\n"; $| = 1; print "\\n"; sleep 600`;
    const caller = spawn("perl", ["-e", script, path, own], { stdio: ["ignore", "pipe", "inherit"] });
    const [fd] = (await once(caller.stdout, "data")) as [Buffer];
    const pidfd = native.openPidfd(caller.pid ?? 0);
    expect(native.lookAtConnection(pidfd, Number.parseInt(String(fd)))).toBeUndefined();
    caller.kill("SIGKILL");
  });

  it("cannot be looked at when its process has ended", async () => {
    const pidfd = await hold({ port: 0, host: "127.0.0.1" });
    holder?.kill("SIGKILL");
    await once(holder ?? client, "exit");
    expect(() => native.lookAtConnection(pidfd, 3)).toThrow(/pidfd_getfd.*ESRCH/);
  });
});
