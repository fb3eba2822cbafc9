import { closeSync, constants, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NOBODY, openNull, self, sessionsWith, VIEW } from "../../../helpers/sessions.ts";

describe("taking up a session", () => {
  it("whose leader's PID was reused reports the leader as gone", () => {
    const { takeUp } = sessionsWith();
    expect(takeUp({ ...self(), startTime: 1 }, undefined)).toEqual({ view: undefined, isLeaderThere: false });
    expect(takeUp(NOBODY, VIEW)).toEqual({ view: undefined, isLeaderThere: false });
  });

  it("trusts systemd's stored descriptor of the leader more than its PID", () => {
    const pidfd = openNull();
    const { takeUp, watches } = sessionsWith({ kept: [["s1-pidfd", pidfd]], dead: [pidfd] });
    expect(takeUp(self(), undefined)).toEqual({ view: undefined, isLeaderThere: false });
    expect([...watches.keys()]).toEqual([pidfd]);
    closeSync(pidfd);
  });

  it("takes nothing of another session", () => {
    const fd = openNull();
    const { takeUp, names } = sessionsWith({
      kept: [
        ["s2-view", fd],
        ["s11-view", fd],
        ["s1-viewx", fd],
      ],
    });
    expect(takeUp(NOBODY, VIEW)).toEqual({ view: undefined, isLeaderThere: false });
    expect(names.size).toBe(3);
    closeSync(fd);
  });

  it("finds the view by the stored descriptors though the leader is gone, and the rest by the view", () => {
    const view = openSync("/proc/self/ns/mnt", constants.O_RDONLY);
    const { takeUp } = sessionsWith({ kept: [["s1-view", view]] });
    expect(takeUp(NOBODY, VIEW)).toEqual({
      isLeaderThere: false,
      view: { ...VIEW, path: `/proc/${process.pid}/fd/${view}` },
    });
    closeSync(view);
  });

  it("stores what it holds in systemd again, since a stop empties the store", () => {
    const { takeUp, told } = sessionsWith();
    takeUp(self(), VIEW);
    expect(told.sort()).toEqual(["FDSTORE=1 FDNAME=s1-pidfd", "FDSTORE=1 FDNAME=s1-view"]);
  });

  it("reports that the leader's terminal was closed in between, unless systemd has stored it", () => {
    const leader = { ...self(), terminal: "/dev/pts/4294967295" };
    const { takeUp, holdings } = sessionsWith();
    takeUp(leader, VIEW);
    expect(holdings.find("s1")).toMatchObject({ hungUp: true });
    const terminal = openNull();
    const other = sessionsWith({ kept: [["s1-terminal", terminal]] });
    other.takeUp(leader, VIEW);
    expect(other.holdings.find("s1")).toMatchObject({ terminal });
    expect(other.holdings.find("s1")?.hungUp).toBeUndefined();
    closeSync(terminal);
  });

  it("watches the leader, and reports its end", () => {
    const { takeUp, leaders, watches, exited } = sessionsWith();
    expect(takeUp(self(), VIEW)).toMatchObject({ isLeaderThere: true, view: { inode: VIEW.inode } });
    expect(leaders.isAlive("s1")).toBe(true);
    for (const onExit of [...watches.values()]) onExit();
    expect(exited).toEqual(["s1"]);
  });
});
