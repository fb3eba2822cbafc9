import { describe, expect, it } from "vitest";
import type { PlannedLogin } from "../../../src/policy/plan.ts";
import { makePlan } from "../../../src/policy/plan.ts";
import { configOf, FACTS, GUEST, LEASED, mountsOf } from "../../helpers/samples.ts";

const LOGIN: PlannedLogin = { account: GUEST, leased: false, service: "login", tty: "tty1", display: "" };
const LEASED_LOGIN: PlannedLogin = { ...LOGIN, account: LEASED, leased: true, tty: "" };
const planOf = (lines: string[] = [], facts = FACTS, login = LOGIN) => makePlan(configOf(...lines), login, facts);

describe("makePlan", () => {
  it("limits every writable directory in size and inodes", () => {
    for (const step of planOf()) {
      if (step.kind !== "tmpfs") continue;
      expect(step.size, step.target).toMatch(/^\d+[%k]?$/);
      expect(step.inodes, step.target).toBeGreaterThan(0);
    }
  });

  it("gives the home to its guest only, with the skeletons in it", () => {
    expect(planOf().find(({ target }) => target === GUEST.home)).toMatchObject({
      kind: "tmpfs",
      create: true,
      mode: 0o700,
      uid: GUEST.uid,
      gid: GUEST.gid,
      skeletons: ["/etc/skel", "/usr/lib/guestd/skel", "/etc/guestd/skel"],
    });
  });

  it("hides /home before it mounts the guest's home in it", () => {
    const targets = planOf().map(({ target }) => target);
    expect(targets.indexOf("/home")).toBeLessThan(targets.indexOf(GUEST.home));
    expect(targets.indexOf("/run/user")).toBeLessThan(targets.indexOf(`/run/user/${GUEST.uid}`));
  });

  it("lays /etc first, so a path hidden in it stays hidden", () => {
    const kinds = planOf(["[View]", "Hide=/etc/cups"]).map(({ kind, target }) => `${kind} ${target}`);
    expect(kinds.indexOf("overlay /etc")).toBeLessThan(kinds.indexOf("hide /etc/cups"));
  });

  it.each(["overlay", "bind"])("makes /etc read-only before anything else with Mode=%s", (mode) => {
    expect(planOf(["[Etc]", `Mode=${mode}`])[0]).toEqual({ kind: "readonly", target: "/etc", optional: false });
  });

  it("makes paths read-only before it mounts writable ones in them", () => {
    const targets = planOf(["[View]", "ReadOnly=/var"]).map(({ target }) => target);
    expect(targets.indexOf("/var")).toBeLessThan(targets.indexOf("/var/tmp"));
  });

  it.each([
    ["invisible", [], LOGIN],
    ["invisible", ["[View]", "Proc=default"], LOGIN],
    ["ptraceable", ["[View]", "Proc=ptraceable"], LOGIN],
    ["noaccess", ["[View]", "Proc=noaccess"], LEASED_LOGIN],
  ])("mounts /proc last, hides other users there as %s, and covers /proc/1 with %j", (hidepid, lines, login) => {
    expect(planOf(lines, FACTS, login).slice(-3)).toEqual([
      { kind: "proc", target: "/proc", hidepid },
      {
        kind: "bind",
        source: "/usr/lib/guestd/proc-1",
        target: "/proc/1",
        readonly: true,
        create: false,
        optional: false,
      },
      { kind: "proc", target: "/proc/1/proc", hidepid },
    ]);
  });

  const DIRECTORIES = [".X11-unix", ".ICE-unix", ".XIM-unix", ".font-unix"];

  it("creates the X server's socket directories in a private /tmp only", () => {
    const made = (lines: string[] = [], facts = FACTS) =>
      planOf(lines, facts).flatMap((step) => (step.kind === "mkdir" ? [step] : []));
    expect(made()).toEqual(DIRECTORIES.map((name) => ({ kind: "mkdir", target: `/tmp/${name}`, mode: 0o1777 })));
    expect(made(["[View]", "Private=", "Private=/var/tmp"])).toEqual([]);
    const targets = planOf().map(({ target }) => target);
    expect(targets.indexOf("/tmp")).toBeLessThan(targets.indexOf("/tmp/.X11-unix"));
    const linked = { ...FACTS, links: [{ path: "/tmp", target: "/home/tmp" }] };
    expect(made([], linked).map(({ target }) => target)).toEqual(DIRECTORIES.map((name) => `/home/tmp/${name}`));
  });

  it.each([
    [{ service: "lightdm", tty: ":0", display: ":0" }, "/tmp/.X11-unix/X0"],
    [{ service: "lightdm-autologin", tty: ":10" }, "/tmp/.X11-unix/X10"],
    [{ service: "sddm", tty: "/dev/tty2", display: ":1" }, "/tmp/.X11-unix/X1"],
    [{ service: "xrdp-sesman", tty: ":10.0" }, "/tmp/.X11-unix/X10"],
    // The server runs inside the session or elsewhere, or this is no display.
    [{ service: "gdm-password", tty: "/dev/tty2", display: ":0" }, undefined],
    [{ service: "login", tty: "tty1" }, undefined],
    [{ service: "xdm", tty: "far:0", display: "far:0" }, undefined],
    [{ service: "lightdm", tty: ":0/../X1", display: ":" }, undefined],
  ])("shows the socket of the login's own X server at %j", (at, target) => {
    const sockets = planOf([], FACTS, { ...LOGIN, ...at }).filter(({ kind }) => kind === "socket");
    expect(sockets).toEqual(target === undefined ? [] : [{ kind: "socket", target, uid: GUEST.uid }]);
  });

  it("gives only screen's directory the host's mode and group, with root as owner", () => {
    const asOnHost = [{ path: "/run/screen", mode: 0o775, gid: 43 }];
    const plan = planOf([], { ...FACTS, asOnHost });
    const at = (target: string) => plan.find((step) => step.target === target);
    expect(at("/run/screen")).toMatchObject({ kind: "tmpfs", mode: 0o775, uid: 0, gid: 43, optional: true });
    expect(at("/tmp")).toMatchObject({ mode: 0o1777, gid: 0 });
    expect(at("/var/lib/php/sessions")).toMatchObject({ kind: "tmpfs", mode: 0o1777, optional: true });
  });

  it("shows again what is mounted below /etc after the overlay has covered it", () => {
    const mounts = mountsOf("1 0 8:1 / / ext4 x", "2 1 0:9 /id /etc/machine-id tmpfs x");
    const plan = planOf([], { ...FACTS, mounts });
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
      create: false,
      optional: true,
    });
    expect(plan).toContainEqual({ kind: "hide", target: "/etc/motd", optional: true });
  });

  const LOCKER = { root: "/usr/lib/guestd/etc-leased", name: "xdg/autostart/light-locker.desktop" };

  it.each([
    ["leased", LEASED_LOGIN, true],
    ["shared", LOGIN, false],
  ])("starts a screen locker for no leased account: %s", (_, login, isHidden) => {
    const plan = planOf([], FACTS, login);
    expect(plan.find(({ kind }) => kind === "overlay")).toMatchObject({
      layers: ["/etc/guestd/etc", ...(isHidden ? [LOCKER.root] : []), "/usr/lib/guestd/etc"],
      below: isHidden ? ["/usr/lib/guestd/etc-leased-defaults"] : [],
    });
    const bound = planOf(["[Etc]", "Mode=bind"], { ...FACTS, etcFiles: [LOCKER] }, login);
    expect(bound.some(({ target }) => target === `/etc/${LOCKER.name}`)).toBe(isHidden);
  });

  it("includes the administrator's own paths", () => {
    const plan = planOf(["[View]", "ReadOnly=/opt", "Bind=/srv/a:/mnt:rw", "Private=-/scratch", "Hide=-/srv/b"]);
    expect(plan).toContainEqual({ kind: "readonly", target: "/opt", optional: false });
    expect(plan).toContainEqual({
      kind: "bind",
      source: "/srv/a",
      target: "/mnt",
      readonly: false,
      create: true,
      optional: false,
    });
    expect(plan).toContainEqual({ kind: "hide", target: "/srv/b", optional: true });
    expect(plan.find(({ target }) => target === "/scratch")).toMatchObject({
      kind: "tmpfs",
      mode: 0o1777,
      optional: true,
    });
  });
});

describe("makePlan for a shared account", () => {
  const kindsOf = (tty: string) => planOf([], FACTS, { ...LOGIN, tty }).map(({ kind }) => kind);

  it("isolates /run/user and message queues, which sessions would share", () => {
    const plan = planOf();
    expect(plan).toContainEqual({ kind: "mqueue", target: "/dev/mqueue", optional: true });
    expect(plan.find(({ target }) => target === `/run/user/${GUEST.uid}`)).toMatchObject({
      kind: "tmpfs",
      mode: 0o700,
      uid: GUEST.uid,
      gid: GUEST.gid,
    });
    expect(plan.find(({ target }) => target === "/run/user")).toMatchObject({ kind: "tmpfs", readonly: true });
  });

  it.each(["", "ssh", "cron", "xtty1", ":0"])(
    "creates the view's own terminals when PAM names %j, which is none",
    (tty) => {
      expect(kindsOf(tty)).toContain("devpts");
    },
  );

  it.each(["tty1", "/dev/tty1", "pts/0", "/dev/pts/12", "ttyS0"])("keeps the login's terminal %s", (tty) => {
    expect(kindsOf(tty)).not.toContain("devpts");
  });
});

describe("makePlan for a leased account", () => {
  const leased = (change: Partial<PlannedLogin> = {}) => planOf([], FACTS, { ...LEASED_LOGIN, ...change });
  const plan = leased();

  it("keeps logind's /run/user and the host's terminals, since its UID has no other session", () => {
    expect(plan.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(["devpts"]));
    expect(plan.filter(({ target }) => target.startsWith("/run/user"))).toEqual([]);
  });

  const hasIpc = (change: Partial<PlannedLogin>) => leased(change).some(({ kind }) => kind === "mqueue");

  it.each([
    { service: "login", tty: "tty1" },
    { service: "greetd", tty: "tty1" },
    { service: "sddm", tty: "/dev/tty2" },
    { service: "lightdm", tty: "/dev/tty7" },
    { service: "gdm-password", tty: "/dev/tty2", display: ":0" },
    { service: "xdm", tty: "far:0", display: "far:0" },
  ])("has its own IPC namespace at %j", (change) => {
    expect(hasIpc(change)).toBe(true);
  });

  it.each([
    { service: "lightdm", tty: ":0", display: ":0" },
    { service: "lightdm-autologin", tty: ":1" },
    { service: "sddm", tty: "/dev/tty2", display: ":0" },
    { service: "xrdp-sesman", tty: ":10.0" },
  ])("shares IPC with a display server that started before it: %j", (change) => {
    expect(hasIpc(change)).toBe(false);
    // Sessions of a shared account are isolated even if that breaks programs.
    expect(planOf([], FACTS, { ...LOGIN, ...change }).some(({ kind }) => kind === "mqueue")).toBe(true);
  });

  it("mounts no /proc when it is the host's", () => {
    expect(
      planOf(["[View]", "Proc=default"], FACTS, LEASED_LOGIN).some(({ target }) => target.startsWith("/proc")),
    ).toBe(false);
  });

  it("creates its own home", () => {
    expect(plan.find(({ target }) => target === LEASED.home)).toMatchObject({
      kind: "tmpfs",
      create: true,
      mode: 0o700,
      uid: LEASED.uid,
      gid: LEASED.gid,
    });
  });
});

describe("makePlan on a machine", () => {
  const hidesOf = (lines: string[], facts = FACTS) =>
    planOf(lines, facts).flatMap((step) => (step.kind === "hide" ? [step.target] : []));
  const stepAt = (target: string, facts = FACTS, lines: string[] = []) =>
    planOf(lines, facts).find((step) => step.target === target);

  it("whose /home is a symbolic link hides the target and creates the home there", () => {
    const facts = { ...FACTS, links: [{ path: "/home", target: "/var/home" }] };
    expect(hidesOf([], facts)).toContain("/var/home");
    expect(planOf([], facts).map(({ target }) => target)).not.toContain("/home");
    expect(stepAt("/var/home/guest1", facts)).toMatchObject({ kind: "tmpfs", create: true });
  });

  it.each([
    ["out of /home", "/srv/vol1/guest1", ["/srv/vol1/guest1"]],
    ["to another place in /home", "/home/vol1/guest1", []],
  ])("whose home is a link %s puts it at the link's path, and hides the target", (_, target, hidden) => {
    const facts = { ...FACTS, links: [{ path: "/home/guest1", target }] };
    expect(stepAt("/home/guest1", facts)).toMatchObject({ kind: "tmpfs", uid: GUEST.uid });
    expect(hidesOf([], facts).filter((path) => path.endsWith("guest1"))).toEqual(hidden);
    const inLink = {
      ...facts,
      links: [
        { path: "/home", target: "/exp" },
        { path: "/exp/guest1", target },
      ],
    };
    expect(stepAt("/exp/guest1", inLink)).toMatchObject({ kind: "tmpfs" });
  });

  it("whose home is a link that is not hidden puts it at the target", () => {
    const links = [{ path: "/people", target: "/srv/people" }];
    const plan = makePlan(configOf(), { ...LOGIN, account: { ...GUEST, home: "/people/guest1" } }, { ...FACTS, links });
    expect(plan.find(({ target }) => target === "/srv/people/guest1")).toMatchObject({ kind: "tmpfs" });
  });

  it("whose /home is an automount keeps it mounted, and no other", () => {
    const facts = {
      ...FACTS,
      mounts: mountsOf("1 0 8:1 / / ext4 x", "2 1 0:9 / /home autofs x", "3 1 0:8 / /net autofs x"),
    };
    expect(planOf([], facts).filter(({ kind }) => kind === "keep")).toMatchObject([{ target: "/home" }]);
    expect(planOf().some(({ kind }) => kind === "keep")).toBe(false);
  });

  it("whose private directories link to each other covers each once", () => {
    const facts = { ...FACTS, links: [{ path: "/var/tmp", target: "/tmp" }] };
    expect(planOf([], facts).filter(({ target }) => target === "/tmp")).toHaveLength(1);
  });

  it("that links /tmp into /home creates it there", () => {
    const facts = { ...FACTS, links: [{ path: "/tmp", target: "/home/tmp" }] };
    const targets = planOf([], facts).map(({ target }) => target);
    expect(targets.indexOf("/home")).toBeLessThan(targets.indexOf("/home/tmp"));
    expect(stepAt("/home/tmp", facts)).toMatchObject({ kind: "tmpfs", create: true, mode: 0o1777 });
  });

  it("follows links in all configured paths", () => {
    const facts = { ...FACTS, links: [{ path: "/data", target: "/srv/data" }] };
    const lines = ["[View]", "ReadOnly=/data/ro", "Bind=/data/a:/data/b", "[Home]", "Skeleton=/data/skel"];
    const plan = planOf(lines, facts);
    expect(plan).toContainEqual({ kind: "readonly", target: "/srv/data/ro", optional: false });
    expect(plan.find(({ kind, target }) => kind === "bind" && target === "/srv/data/b")).toMatchObject({
      source: "/srv/data/a",
    });
    expect(plan.find(({ target }) => target === GUEST.home)).toMatchObject({
      skeletons: ["/etc/skel", "/usr/lib/guestd/skel", "/etc/guestd/skel", "/srv/data/skel"],
    });
  });

  it("hides once what is hidden in a hidden directory, and does not look for it there", () => {
    const hides = hidesOf(["[View]", "Hide=-/home/guest1 /home/alice /home"]);
    expect(hides.filter((target) => target.startsWith("/home"))).toEqual(["/home"]);
  });

  it("hides a second mount of covered contents, with the reason, each once", () => {
    const mounts = mountsOf(
      "1 0 8:1 / / ext4 x",
      "2 1 8:1 /home /srv/nfs4/home ext4 x",
      "3 1 8:1 / /mnt ext4 x",
      "4 1 8:1 /tmp /var/tmp ext4 x",
    );
    const added = planOf([], { ...FACTS, mounts }).flatMap((step) =>
      step.kind === "hide" && step.why !== undefined ? [`${step.target} ${step.why}`] : [],
    );
    expect(added).toEqual([
      "/srv/nfs4/home shows /home",
      "/mnt/home shows /home",
      "/mnt/root shows /root",
      "/mnt/var/mail shows /var/mail",
      "/mnt/var/spool/cron shows /var/spool/cron",
      "/mnt/var/spool/anacron shows /var/spool/anacron",
      "/mnt/var/crash shows /var/crash",
      "/mnt/tmp shows /tmp",
      "/mnt/dev/shm shows /dev/shm",
      "/mnt/run/lock shows /run/lock",
      "/mnt/run/screen shows /run/screen",
      "/mnt/var/lib/php/sessions shows /var/lib/php/sessions",
      "/mnt/var/spool/samba shows /var/spool/samba",
      "/mnt/run/user shows /run/user",
    ]);
  });

  it("never hides the root directory, even as a mount in a hidden one", () => {
    const mounts = mountsOf("1 0 8:1 /home/image / ext4 x", "2 1 8:1 /home /home ext4 x");
    expect(hidesOf([], { ...FACTS, mounts })).not.toContain("/");
  });

  it("hides in a bind what is hidden in its source, but shows a hidden directory that it names", () => {
    const plan = planOf(["[View]", "Hide=/srv/private /srv/a/b", "Bind=/srv:/mnt /home/shared /srv:/srv:rw"]);
    const after = plan.slice(plan.findLastIndex(({ kind, target }) => kind === "bind" && target === "/srv") + 1);
    expect(after.flatMap((step) => (step.kind === "hide" ? [step.target] : []))).toEqual([
      "/mnt/private",
      "/mnt/a/b",
      "/srv/private",
      "/srv/a/b",
    ]);
  });

  it.each(["/tmp", "/var/tmp", "/dev/shm", GUEST.home])("with noexec at %s runs no program there either", (path) => {
    const at = path === GUEST.home ? "/home" : path;
    const mounts = mountsOf("1 0 8:1 / / ext4 x", `2 1 0:9 / ${at} tmpfs x rw rw,nosuid,noexec`);
    expect(stepAt(path, { ...FACTS, mounts })).toMatchObject({ noexec: true, why: `${at} of the host is noexec` });
    expect(stepAt(path)).toMatchObject({ noexec: false });
  });

  it("with a read-only mount at a private directory keeps that read-only, but not for the disk around it", () => {
    const mounts = mountsOf(
      "1 0 8:1 / / ext4 x ro ro",
      "2 1 0:9 / /var/tmp tmpfs x ro ro",
      "3 1 8:2 / /home ext4 x ro ro",
    );
    const facts = { ...FACTS, mounts };
    expect(stepAt("/var/tmp", facts)).toMatchObject({ readonly: true, why: "/var/tmp of the host is read-only" });
    expect(stepAt("/tmp", facts)).toMatchObject({ readonly: false });
    expect(stepAt(GUEST.home, facts)).toMatchObject({ readonly: false });
  });
});
