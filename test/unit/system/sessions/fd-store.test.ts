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

describe("FdStore takes nothing", () => {
  it.each<[string, Record<string, string | undefined>]>([
    ["that systemd has not passed", {}],
    ["that was passed to another process", kept("s1-view", { LISTEN_PID: String(process.pid + 1) })],
    ["that was passed to nobody", kept("s1-view", { LISTEN_PID: undefined })],
    ["of no descriptors", kept("s1-view", { LISTEN_FDS: "0" })],
    ["of less than none", kept("s1-view", { LISTEN_FDS: "-1" })],
    ["of what is no number", kept("s1-view", { LISTEN_FDS: "x" })],
    ["of a number that is not there", kept("s1-view", { LISTEN_FDS: undefined })],
  ])("%s", (_, environment) => {
    const { store, told } = storeWith(environment);
    expect(store.take("s1-view")).toBeUndefined();
    store.forgetRest();
    expect(told).toEqual([]);
  });

  it("of another name, and nothing twice", () => {
    const { store } = storeWith(kept("s1-view:s1-ipc"));
    expect(store.take("s1-pidfd")).toBeUndefined();
    expect(store.take("s1")).toBeUndefined();
    expect([store.take("s1-ipc"), store.take("s1-ipc"), store.take("s1-view")]).toEqual([4, undefined, 3]);
  });
});

describe("FdStore", () => {
  it("has systemd keep a descriptor by its name, also of a process that has ended", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.keep("s1-pidfd", 17);
    expect(told).toEqual([[ADDRESS, "FDSTORE=1\nFDNAME=s1-pidfd\nFDPOLL=0", [17]]]);
  });

  it("has it let go of one that it keeps, once, and of no other", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.forget("s1-pidfd");
    expect(told).toEqual([]);
    store.keep("s1-pidfd", 17);
    for (let times = 0; times < 2; times++) store.forget("s1-pidfd");
    expect(told.slice(1)).toEqual([[ADDRESS, "FDSTOREREMOVE=1\nFDNAME=s1-pidfd", []]]);
  });

  it("has it let go of what an earlier guestd has given it", () => {
    const { store, told } = storeWith(kept("s1-view:s1-ipc"));
    store.take("s1-ipc");
    store.forget("s1-ipc");
    expect(told).toEqual([[ADDRESS, "FDSTOREREMOVE=1\nFDNAME=s1-ipc", []]]);
  });

  it("wakes the watchdog", () => {
    const { store, told } = storeWith({ NOTIFY_SOCKET: ADDRESS });
    store.wake();
    expect(told).toEqual([[ADDRESS, "WATCHDOG=1", []]]);
  });

  it("has nobody to tell without a service manager, and goes on", () => {
    const { store, told } = storeWith({});
    store.keep("s1-view", 17);
    store.forget("s1-view");
    store.wake();
    expect(told).toEqual([]);
  });

  it("says so when systemd cannot be told", () => {
    const { store } = storeWith({ NOTIFY_SOCKET: ADDRESS }, () => true);
    expect(() => {
      store.keep("s1-view", 17);
    }).toThrow("EAGAIN");
  });

  it("keeps one when it is told again, and not twice", () => {
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

  it("lets go of what nobody has taken, here and at systemd, and once", () => {
    // The first one is given away; of the rest the numbers begin where there are some that can be closed.
    const fds = [openSync("/dev/null", constants.O_RDONLY)];
    while ((fds.at(-1) ?? 0) < 40) fds.push(openSync("/dev/null", constants.O_RDONLY));
    const taken = (fds.at(-2) ?? 0) - 3;
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

  it("numbers descriptors that came without a name, and takes none of them for a session's", () => {
    const { store } = storeWith(kept("s1-view", { LISTEN_FDS: "2" }));
    expect(store.take("s1-view")).toBe(3);
    expect(store.take("unnamed-1")).toBe(4);
  });
});

describe("FdStore that systemd did not listen to", () => {
  const removal = (name: string) => [ADDRESS, `FDSTOREREMOVE=1\nFDNAME=${name}`, []];

  /** Keeps three, and could let go of none but those that `refused` does not name. */
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

  it("tells it again, and of each one until it has listened", () => {
    const { store, told, refused } = forgetting();
    for (let times = 0; times < 2; times++) store.retry();
    refused.delete("a");
    store.retry();
    expect(told).toEqual([removal("a")]);
    refused.delete("b");
    for (let times = 0; times < 2; times++) store.retry();
    expect(told).toEqual([removal("a"), removal("b")]);
  });

  it("has nothing more to tell of one that was let go of meanwhile", () => {
    const { store, told, refused } = forgetting();
    refused.clear();
    store.forget("b");
    for (let times = 0; times < 2; times++) store.retry();
    expect(told).toEqual([removal("a"), removal("b")]);
  });

  it("asks it no more while it is busy, and wakes its watchdog first of all when it listens again", () => {
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

  it("says so when it cannot be told for another reason", () => {
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

  it("tells it again of what nobody has taken, whose descriptors are closed by then", () => {
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
