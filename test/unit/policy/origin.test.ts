import { describe, expect, it } from "vitest";
import { judgeAuthentication, judgeLogin } from "../../../src/policy/admission.ts";
import type { OpeningOrigin } from "../../../src/policy/origin.ts";
import { ALLOCATED_SESSION, configOf, GHOST, LEASED, LEASED_SESSION, ON } from "../../helpers/samples.ts";

const GETTY = "/system.slice/getty@tty1.service";
const ASKED = { user: GHOST.user, service: "login", tty: "tty1", rhost: "", leaderCgroup: GETTY, leaderPid: 500 };

/** The ghost authenticates. */
const ask = (change: Partial<typeof ASKED>, ...lines: string[]) =>
  judgeAuthentication(configOf("[Guests]", ...lines), { ...ASKED, ...change }, [], ON).kind;

/** A session is opened with its account. */
const open = (change: Partial<OpeningOrigin> & { readonly service?: string }, ...lines: string[]) => {
  const login = { ...ASKED, seat: "", account: LEASED, startsService: false, ...change };
  const verdict = judgeLogin(configOf("[Guests]", ...lines), login, [ALLOCATED_SESSION], ON);
  return verdict.kind === "refused" ? verdict.reason : verdict.kind;
};

const unit = (name: string) => ({ leaderCgroup: `/system.slice/${name}` });

describe("a terminal", () => {
  it.each([
    "pts/0",
    "/dev/pts/0",
    "",
    "ssh",
    "cron",
    "pts/tty1",
    "/dev/pts/tty",
    "x:0",
    "xtty1",
    "192.0.2.1:0",
    "localhost:10.0",
    "/tty1",
    "/dev//tty1",
    "consoles",
    "console\n",
    "tty1\npts/0",
    "::1:0",
    "::ffff:192.0.2.1:0",
    ":",
    ":0:1",
    ":0\n",
    ":x",
  ])("%j may be remote: the ghost gets no account there without a password", (tty) => {
    expect(ask({ tty })).toBe("ignored");
  });

  it.each([
    "tty1",
    "/dev/tty1",
    "ttyS0",
    "/dev/ttyS0",
    "ttyUSB0",
    "hvc0",
    "xvc0",
    ":0",
    ":10",
    ":0.0",
    "console",
    "/dev/console",
  ])("%j is local", (tty) => {
    expect(ask({ tty })).toBe("lease");
  });

  it.each(["pts/0", "/dev/pts/17"])("%j is local where the configuration says so", (tty) => {
    expect(ask({ tty }, "Terminals=pts/*")).toBe("lease");
  });

  it.each(["tty1", "/dev/tty1", ":0", "ssh", ""])("%j is none where the configuration has others", (tty) => {
    expect(ask({ tty }, "Terminals=", "Terminals=pts/*")).toBe("ignored");
  });

  it("is never local where the list is empty", () => {
    expect(["tty1", ":0", "console", ""].map((tty) => ask({ tty }, "Terminals="))).toEqual(Array(4).fill("ignored"));
  });

  it("does not matter to a remote guest, or to one who unlocks the screen", () => {
    expect(ask({ rhost: "192.0.2.1" })).toBe("ignored");
    const locked = { ...ASKED, user: LEASED.user, service: "gdm-password", tty: "", leaderPid: 800 };
    expect(judgeAuthentication(configOf(), locked, [LEASED_SESSION], ON)).toEqual({ kind: "unlocked" });
  });
});

describe("a login that does not name a terminal yet gets an account", () => {
  it.each<[string, string]>([
    ["sddm", "/system.slice/sddm.service"],
    ["sddm-autologin", "/system.slice/sddm.service"],
    ["greetd", "/system.slice/greetd.service"],
    ["gdm-password", "/system.slice/gdm.service"],
    ["gdm-password", "/system.slice/gdm3.service"],
    ["lightdm", "/system.slice/lightdm.service"],
    ["sddm", "/system.slice/sddm.service/helper"],
    ["sddm", "/desktop.slice/desktop-one.slice/sddm.service"],
    ["sddm", "/sddm.service"],
  ])("through %s in %s", (service, leaderCgroup) => {
    expect(ask({ service, tty: "", leaderCgroup })).toBe("lease");
  });

  it("in a unit named in the configuration, and in no other", () => {
    const lines = ["DisplayManagers=", "DisplayManagers=ly@*.service"];
    expect(ask({ tty: "", leaderCgroup: "/system.slice/system-ly.slice/ly@tty2.service" }, ...lines)).toBe("lease");
    expect(ask({ service: "sddm", tty: "", ...unit("sddm.service") }, ...lines)).toBe("ignored");
    expect(ask({ service: "sddm", tty: "", ...unit("sddm.service") }, "DisplayManagers=")).toBe("ignored");
  });

  it("whatever Terminals= is, since a terminal named later is checked", () => {
    expect(ask({ service: "sddm", tty: "", ...unit("sddm.service") }, "Terminals=")).toBe("lease");
  });
});

describe("a login that names no terminal is asked for a password", () => {
  it.each([
    ["in another unit", "/system.slice/ssh.service"],
    ["in another display manager's unit, which is not named", "/system.slice/xrdp-sesman.service"],
    ["in a unit whose name only begins alike", "/system.slice/sddm.service2"],
    ["in a unit whose name only ends alike", "/system.slice/xsddm.service"],
    ["in a session of a user", "/user.slice/user-1000.slice/session-3.scope"],
    ["in a cgroup of that name inside such a session", "/user.slice/user-1000.slice/session-3.scope/sddm.service"],
    ["in a unit of that name of a user manager", "/user.slice/user-1000.slice/user@1000.service/sddm.service"],
    [
      "in a unit in a slice of that manager",
      "/user.slice/user-1000.slice/user@1000.service/app.slice/sddm.service/sddm.service",
    ],
    ["in a unit of a container", "/machine.slice/machine-x.scope/payload/system.slice/sddm.service"],
    ["in a container without a unit", "/docker/4711/system.slice/sddm.service"],
    ["outside guestd's own cgroup namespace", "/../../system.slice/sddm.service"],
    ["in an invalid path", "sddm.service"],
    ["in the root cgroup", "/"],
    ["in a bare slice", "/system.slice"],
    ["where the process is gone or cannot be read", ""],
  ])("%s", (_, leaderCgroup) => {
    for (const service of ["sddm", "greetd", "gdm-password", "lightdm", "login"])
      expect(ask({ service, tty: "", leaderCgroup })).toBe("ignored");
  });
});

describe("a remote login is asked for a password", () => {
  const everywhere = ["", "tty1", "/dev/tty1", ":0"];

  it.each(["sddm", "greetd", "gdm-password", "lightdm"])(
    "through %s, whatever its terminal and its unit",
    (service) => {
      for (const tty of everywhere)
        for (const name of ["sddm.service", "greetd.service", "gdm.service", "lightdm.service"])
          expect(ask({ service, tty, rhost: "192.0.2.1", ...unit(name) })).toBe("ignored");
    },
  );

  it.each(["192.0.2.1:0", "2001:db8::1:0", "::1:0", "::ffff:192.0.2.1:0"])(
    "over XDMCP, where LightDM names the display %s and no host",
    (tty) => {
      expect(ask({ service: "lightdm", tty, ...unit("lightdm.service") })).toBe("ignored");
    },
  );

  it("through GDM, which names an address even where it knows none", () => {
    expect(ask({ service: "gdm-password", tty: "", rhost: "0.0.0.0", ...unit("gdm.service") })).toBe("ignored");
  });

  it("through xrdp, whatever it names", () => {
    for (const tty of [...everywhere, "xrdp-sesman"])
      expect(ask({ service: "xrdp-sesman", tty, ...unit("xrdp-sesman.service") })).toBe("ignored");
  });
});

describe("the account that was leased for a login opens its session", () => {
  it.each([
    ["login", { tty: "tty1" }],
    ["lightdm", { tty: ":0", seat: "seat0", ...unit("lightdm.service") }],
    ["sddm", { tty: "/dev/tty2", seat: "seat0", ...unit("sddm.service") }],
    ["sddm", { tty: ":1", seat: "seat-1", ...unit("sddm.service") }],
    ["greetd", { tty: "/dev/tty7", seat: "seat0", ...unit("greetd.service") }],
    ["gdm-password", { tty: "/dev/tty2", seat: "seat0", ...unit("gdm.service") }],
    ["gdm-password", { tty: "", seat: "seat-1", ...unit("gdm.service") }],
  ])("through %s with %j", (service, change) => {
    expect(open({ service, ...change })).toBe("admitted");
  });

  it("not at a terminal that is named later and may be remote", () => {
    for (const tty of ["pts/3", "/dev/pts/3", "ssh", "192.0.2.1:0", "::1:0"])
      expect(open({ service: "sddm", tty, seat: "seat0", ...unit("sddm.service") })).toMatch(
        /does not belong to this machine/,
      );
    expect(open({ service: "sddm", tty: "pts/3", seat: "seat0", ...unit("sddm.service") }, "Terminals=pts/*")).toBe(
      "admitted",
    );
  });

  it("not with a remote host that is named later", () => {
    for (const rhost of ["192.0.2.1", "localhost"])
      expect(open({ service: "sddm", tty: "/dev/tty2", rhost, seat: "seat0", ...unit("sddm.service") })).toMatch(
        /from another machine/,
      );
  });

  it("not at the X server of a VNC client, which LightDM gives no seat", () => {
    expect(open({ service: "lightdm", tty: ":1", ...unit("lightdm.service") })).toMatch(/at no seat of this machine/);
  });

  it("without a seat only where no display manager is known to name one", () => {
    expect(open({ service: "xdm", tty: ":0", ...unit("xdm.service") })).toBe("admitted");
  });
});

describe("the ghost itself, without an account of its own", () => {
  const judge = (change: Partial<typeof ASKED>) =>
    judgeLogin(configOf(), { ...ASKED, seat: "", account: GHOST, startsService: false, ...change }, [], ON);

  it.each(["login", "sddm", "sddm-autologin", "lightdm-autologin", "gdm-autologin", "gdm-password", "greetd"])(
    "is refused through %s, which leases one, whatever its terminal and its unit",
    (service) => {
      for (const tty of ["", "tty1", ":0", "pts/0", "ssh", "192.0.2.1:0"])
        for (const leaderCgroup of ["", GETTY, "/system.slice/sddm.service"])
          expect(judge({ service, tty, leaderCgroup })).toMatchObject({
            kind: "refused",
            reason: expect.stringContaining("skipped the authentication") as string,
          });
    },
  );

  it.each(["sshd", "su", "su-l", "sudo", "runuser", "xrdp-sesman", "cockpit"])(
    "has a shared session through %s, which leases none, whatever its terminal",
    (service) => {
      for (const tty of ["", "tty1", ":0", "pts/0", "ssh"])
        expect(judge({ service, tty })).toMatchObject({ kind: "admitted", lease: undefined });
    },
  );
});
