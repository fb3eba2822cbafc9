import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FdStore } from "../../../../src/system/sessions/fd-store.ts";

const ADDRESS = "/run/systemd/notify";

function storeWith(environment: Record<string, string | undefined>, refuse?: (state: string) => boolean) {
  const told: [string, string, readonly number[]][] = [];
  const store = new FdStore((address, state, fds) => {
    if (refuse?.(state) === true) throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
    told.push([address, state, fds]);
  }, environment);
  return { store, told };
}

const kept = (names: string, change: Record<string, string | undefined> = {}) => ({
  NOTIFY_SOCKET: ADDRESS,
  LISTEN_PID: String(process.pid),
  LISTEN_FDS: String(names.split(":").length),
  LISTEN_FDNAMES: names,
  ...change,
});

const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

describe("FdStore accepts nothing", () => {
  it.each<[string, Record<string, string | undefined>]>([
    ["when systemd passes nothing", {}],
    ["that was passed to another process", kept("s1-view", { LISTEN_PID: String(process.pid + 1) })],
    ["without a LISTEN_PID", kept("s1-view", { LISTEN_PID: undefined })],
    ["of no descriptors", kept("s1-view", { LISTEN_FDS: "0" })],
    ["for a negative number", kept("s1-view", { LISTEN_FDS: "-1" })],
    ["for a count that is no number", kept("s1-view", { LISTEN_FDS: "x" })],
    ["for a descriptor that is not open", kept("s1-view", { LISTEN_FDS: undefined })],
  ])("%s", (_, environment) => {
    const { store, told } = storeWith(environment);
    expect(store.take("s1-view")).toBeUndefined();
    store.forgetRest();
    expect(told).toEqual([]);
  });

  it("under another name, and nothing twice", () => {
    const { store } = storeWith(kept("s1-view:s1-ipc"));
    expect(store.take("s1-pidfd")).toBeUndefined();
    expect(store.take("s1")).toBeUndefined();
    expect([store.take("s1-ipc"), store.take("s1-ipc"), store.take("s1-view")]).toEqual([4, undefined, 3]);
  });
});

describe("FdStore", () => {
  it("stores a descriptor under its name, even of a process that has ended", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.keep("s1-pidfd", 17);
    expect(told).toEqual([[ADDRESS, "FDSTORE=1\nFDNAME=s1-pidfd\nFDPOLL=0", [17]]]);
  });

  it("removes a stored descriptor, once, and no other", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.forget("s1-pidfd");
    expect(told).toEqual([]);
    store.keep("s1-pidfd", 17);
    for (let times = 0; times < 2; times++) store.forget("s1-pidfd");
    expect(told.slice(1)).toEqual([[ADDRESS, "FDSTOREREMOVE=1\nFDNAME=s1-pidfd", []]]);
  });

  it("removes what an earlier guestd has stored", () => {
    const { store, told } = storeWith(kept("s1-view:s1-ipc"));
    store.take("s1-ipc");
    store.forget("s1-ipc");
    expect(told).toEqual([[ADDRESS, "FDSTOREREMOVE=1\nFDNAME=s1-ipc", []]]);
  });

  it("notifies the watchdog", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.wake();
    expect(told).toEqual([[ADDRESS, "WATCHDOG=1", []]]);
  });

  it("does nothing without a service manager", () => {
    const { store, told } = storeWith({});
    store.keep("s1-view", 17);
    store.forget("s1-view");
    store.wake();
    expect(told).toEqual([]);
  });

  it("reports when systemd cannot be notified", () => {
    const { store } = storeWith({ NOTIFY_SOCKET: ADDRESS }, () => true);
    expect(() => {
      store.keep("s1-view", 17);
    }).toThrow("EAGAIN");
  });

  it("stores a descriptor again when asked, and not twice", () => {
    let refuses = true;
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS }, () => refuses);
    const keep = () => {
      store.keep("s1-view", 17);
    };
    expect(keep).toThrow("EAGAIN");
    refuses = false;
    for (let times = 0; times < 2; times++) keep();
    expect(told).toHaveLength(1);
  });

  it("closes what was not claimed, here and in systemd, once", () => {
    // The first one is passed on. The others have numbers that may be closed.
    const fds = Array.from({ length: 50 }, () => openSync("/dev/null", constants.O_RDONLY));
    const taken = (fds.at(-2) ?? 0) - 3;
    expect(fds.at(-1)).toBe(taken + 4);
    const names = Array.from({ length: taken + 2 }, (_, index) => `n${index}`);
    const { store, told } = storeWith(kept(names.join(":")));
    for (const name of names.slice(0, -1)) store.take(name);
    store.forgetRest();
    expect([fds.at(-2), fds.at(-1)].map((fd) => isOpen(fd ?? -1))).toEqual([true, false]);
    expect(told).toEqual([[ADDRESS, `FDSTOREREMOVE=1\nFDNAME=n${taken + 1}`, []]]);
    store.forgetRest();
    expect(told).toHaveLength(1);
    for (const fd of fds.slice(0, -1)) closeSync(fd);
  });

  it("numbers descriptors without a name, and takes none for a session's", () => {
    const { store } = storeWith(kept("s1-view", { LISTEN_FDS: "2" }));
    expect(store.take("s1-view")).toBe(3);
    expect(store.take("unnamed-1")).toBe(4);
  });
});

describe("FdStore, when systemd does not listen,", () => {
  const removal = (name: string) => [ADDRESS, `FDSTOREREMOVE=1\nFDNAME=${name}`, []];

  /** Cannot remove descriptors in `refused`. */
  function forgetting() {
    const refused = new Set<string>();
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS }, (state) =>
      refused.has(/FDNAME=(.*)/.exec(state)?.[1] ?? ""),
    );
    for (const name of ["a", "b", "c"]) store.keep(name, 17);
    told.length = 0;
    for (const name of ["a", "b"]) {
      refused.add(name);
      store.forget(name);
    }
    return { store, told, refused };
  }

  it("repeats each message until systemd has received it", () => {
    const { store, told, refused } = forgetting();
    for (let times = 0; times < 2; times++) store.retry();
    refused.delete("a");
    store.retry();
    expect(told).toEqual([removal("a")]);
    refused.delete("b");
    for (let times = 0; times < 2; times++) store.retry();
    expect(told).toEqual([removal("a"), removal("b")]);
  });

  it("drops a message about a descriptor that was removed in between", () => {
    const { store, told, refused } = forgetting();
    refused.clear();
    store.forget("b");
    for (let times = 0; times < 2; times++) store.retry();
    expect(told).toEqual([removal("a"), removal("b")]);
  });

  it("pauses while systemd is busy, and notifies the watchdog first when it listens again", () => {
    let asked = 0;
    let isBusy = false;
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS }, () => ++asked > 0 && isBusy);
    for (const name of ["a", "b", "c"]) store.keep(name, 17);
    [isBusy, asked] = [true, 0];
    for (const name of ["a", "b", "c"]) store.forget(name);
    expect(asked).toBe(1);
    expect(() => {
      store.wake();
    }).toThrow("EAGAIN");
    [isBusy, told.length] = [false, 0];
    store.retry();
    expect(told).toEqual([[ADDRESS, "WATCHDOG=1", []], removal("a"), removal("b"), removal("c")]);
    store.retry();
    expect(told).toHaveLength(4);
  });

  it("reports any other reason", () => {
    let isGone = false;
    const store = new FdStore(
      () => {
        if (isGone) throw Object.assign(new Error("ECONNREFUSED"), { code: "ECONNREFUSED" });
      },
      { NOTIFY_SOCKET: ADDRESS },
    );
    store.keep("a", 17);
    isGone = true;
    expect(() => {
      store.forget("a");
    }).toThrow("ECONNREFUSED");
  });

  it("repeats the removal of unclaimed descriptors after they are closed", () => {
    const fds = Array.from({ length: 50 }, () => openSync("/dev/null", constants.O_RDONLY));
    const last = fds.at(-1) ?? 0;
    expect(fds.slice(-3)).toEqual([last - 2, last - 1, last]);
    const names = Array.from({ length: last - 2 }, (_, index) => `n${index}`);
    let refuses = true;
    const { store, told } = storeWith(kept(names.join(":")), () => refuses);
    for (const name of names.slice(0, -2)) store.take(name);
    store.forgetRest();
    expect([last - 2, last - 1, last].map(isOpen)).toEqual([true, false, false]);
    refuses = false;
    store.forgetRest();
    expect(told).toEqual([removal(`n${last - 4}`), removal(`n${last - 3}`)]);
    for (const fd of fds.slice(0, -2)) closeSync(fd);
  });
});
