import { describe, expect, it } from "vitest";
import { makePlan } from "../../../src/policy/plan.ts";
import { configOf, FACTS, GUEST, LEASED } from "../../helpers/samples.ts";

const planOf = (lines: string[] = [], facts = FACTS, login = { account: GUEST, leased: false, tty: "tty1" }) =>
  makePlan(configOf(...lines), login, facts);

describe("makePlan", () => {
  it("caps every directory that can be written in size and inodes", () => {
    for (const step of planOf()) {
      if (step.kind !== "tmpfs") continue;
      expect(step.size, step.target).toMatch(/^\d+[%k]?$/);
      expect(step.inodes, step.target).toBeGreaterThan(0);
    }
  });

  it("gives the home to its guest alone, with the skeletons in it", () => {
    expect(planOf().find(({ target }) => target === GUEST.home)).toMatchObject({
      kind: "tmpfs",
      create: true,
      mode: 0o700,
      uid: GUEST.uid,
      gid: GUEST.gid,
      skeletons: ["/etc/skel", "/etc/guestd/skel"],
    });
  });

  it("hides /home before it puts the guest's home into it", () => {
    const targets = planOf().map(({ target }) => target);
    expect(targets.indexOf("/home")).toBeLessThan(targets.indexOf(GUEST.home));
    expect(targets.indexOf("/run/user")).toBeLessThan(targets.indexOf(`/run/user/${GUEST.uid}`));
  });

  it("lays /etc first, so that a path hidden in it stays hidden", () => {
    const kinds = planOf(["[View]", "Hide=/etc/cups"]).map(({ kind, target }) => `${kind} ${target}`);
    expect(kinds.indexOf("overlay /etc")).toBeLessThan(kinds.indexOf("hide /etc/cups"));
  });

  it.each(["overlay", "bind"])("makes /etc read-only before anything else with Mode=%s", (mode) => {
    expect(planOf(["[Etc]", `Mode=${mode}`])[0]).toEqual({ kind: "readonly", target: "/etc", optional: false });
  });

  it("makes paths read-only before it puts what can be written into them", () => {
    const targets = planOf(["[View]", "ReadOnly=/var"]).map(({ target }) => target);
    expect(targets.indexOf("/var")).toBeLessThan(targets.indexOf("/var/tmp"));
  });

  it("mounts /proc last, also where it would be the host's: its own processes need one", () => {
    for (const lines of [[], ["[View]", "Proc=default"]]) {
      expect(planOf(lines).at(-1)).toEqual({ kind: "proc", target: "/proc", hidepid: "invisible" });
    }
    expect(planOf(["[View]", "Proc=ptraceable"]).at(-1)).toMatchObject({ hidepid: "ptraceable" });
  });

  it("gives screen's directory the mode and the group of the host's, and root as its owner; no other directory", () => {
    const asOnHost = [{ path: "/run/screen", mode: 0o775, gid: 43 }];
    const plan = planOf([], { ...FACTS, asOnHost });
    const at = (target: string) => plan.find((step) => step.target === target);
    expect(at("/run/screen")).toMatchObject({ kind: "tmpfs", mode: 0o775, uid: 0, gid: 43, optional: true });
    expect(at("/tmp")).toMatchObject({ mode: 0o1777, gid: 0 });
    expect(at("/var/lib/php/sessions")).toMatchObject({ kind: "tmpfs", mode: 0o1777, optional: true });
  });

  it("shows again what is mounted below /etc after the overlay has covered it", () => {
    const plan = planOf([], { ...FACTS, etcMounts: ["/etc/machine-id"] });
    const at = plan.findIndex(({ kind }) => kind === "overlay");
    expect(plan[at + 1]).toMatchObject({ kind: "bind", source: "/etc/machine-id", target: "/etc/machine-id" });
  });

  it.each([
    ["Mode=bind is set", ["[Etc]", "Mode=bind", "Hide=motd"], true],
    ["the kernel has no overlayfs", ["[Etc]", "Hide=motd"], false],
  ])("binds file by file when %s", (_, lines, overlay) => {
    const plan = planOf(lines, { ...FACTS, overlay, etcFiles: [{ root: "/etc/guestd/etc", name: "issue" }] });
    expect(plan.some(({ kind }) => kind === "overlay")).toBe(false);
    expect(plan).toContainEqual({
      kind: "bind",
      source: "/etc/guestd/etc/issue",
      target: "/etc/issue",
      readonly: true,
      optional: true,
    });
    expect(plan).toContainEqual({ kind: "hide", target: "/etc/motd", optional: true });
  });

  it("passes the admin's own paths on", () => {
    const plan = planOf(["[View]", "ReadOnly=/opt", "Bind=/srv/a:/mnt:rw", "Private=-/scratch", "Hide=-/srv/b"]);
    expect(plan).toContainEqual({ kind: "readonly", target: "/opt", optional: false });
    expect(plan).toContainEqual({ kind: "bind", source: "/srv/a", target: "/mnt", readonly: false, optional: false });
    expect(plan).toContainEqual({ kind: "hide", target: "/srv/b", optional: true });
    expect(plan.find(({ target }) => target === "/scratch")).toMatchObject({
      kind: "tmpfs",
      mode: 0o1777,
      optional: true,
    });
  });
});

describe("makePlan for an account that sessions share", () => {
  const kindsOf = (tty: string) => planOf([], FACTS, { account: GUEST, leased: false, tty }).map(({ kind }) => kind);

  it("keeps them apart where they would meet: /run/user and message queues", () => {
    const plan = planOf();
    expect(plan).toContainEqual({ kind: "mqueue", target: "/dev/mqueue" });
    expect(plan.find(({ target }) => target === `/run/user/${GUEST.uid}`)).toMatchObject({
      kind: "tmpfs",
      mode: 0o700,
      uid: GUEST.uid,
      gid: GUEST.gid,
    });
    expect(plan.find(({ target }) => target === "/run/user")).toMatchObject({ kind: "tmpfs", readonly: true });
  });

  it.each(["", "ssh", "cron", "xtty1", ":0"])(
    "makes terminals of the view's own when PAM says %j: that is none",
    (tty) => {
      expect(kindsOf(tty)).toContain("devpts");
    },
  );

  it.each(["tty1", "/dev/tty1", "pts/0", "/dev/pts/12", "ttyS0"])(
    "leaves the login the terminal %s that it has",
    (tty) => {
      expect(kindsOf(tty)).not.toContain("devpts");
    },
  );
});

describe("makePlan for a leased account", () => {
  const plan = planOf([], FACTS, { account: LEASED, leased: true, tty: "" });

  it("leaves logind's /run/user and the host's terminals: its uid has no other session", () => {
    expect(plan.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(["mqueue"]));
    expect(plan.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(["devpts"]));
    expect(plan.filter(({ target }) => target.startsWith("/run/user"))).toEqual([]);
  });

  it("mounts /proc last, and not at all when it is the host's", () => {
    expect(plan.at(-1)).toEqual({ kind: "proc", target: "/proc", hidepid: "invisible" });
    expect(
      planOf(["[View]", "Proc=default"], FACTS, { account: LEASED, leased: true, tty: "" }).some(
        ({ kind }) => kind === "proc",
      ),
    ).toBe(false);
  });

  it("gives it a home of its own", () => {
    expect(plan.find(({ target }) => target === LEASED.home)).toMatchObject({
      kind: "tmpfs",
      create: true,
      mode: 0o700,
      uid: LEASED.uid,
      gid: LEASED.gid,
    });
  });
});
