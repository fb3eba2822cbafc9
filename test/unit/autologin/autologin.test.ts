import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Autologins } from "../../../src/autologin/autologin.ts";
import { Files } from "../../../src/autologin/files.ts";

const SDDM = "/etc/sddm.conf.d/50-guestd-autologin.conf";
const LIGHTDM = "/etc/lightdm/lightdm.conf.d/50-guestd-autologin.conf";
const GDM = "/etc/gdm3/daemon.conf";
const GREETD = "/etc/greetd/config.toml";
const PAM = "/etc/pam.d/sddm-autologin";
const ASIDE = `${PAM}.dpkg-guestd`;
const STACK = "auth required pam_permit.so\n";
const PROGRAMS = {
  lightdm: "/usr/sbin/lightdm",
  sddm: "/usr/bin/sddm",
  gdm: "/usr/sbin/gdm3",
  greetd: "/usr/sbin/greetd",
};

let root: string;
let diverted: string[];
let autologins: Autologins;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-autologin-"));
  diverted = [];
  const divert = (args: readonly string[]) => diverted.push(args.join(" "));
  autologins = new Autologins(new Files(root, process.getuid?.() ?? 0, divert), root);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string) {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text, { mode: 0o644 });
}
const read = (path: string) => readFileSync(root + path, "utf8");
const install = (...names: readonly (keyof typeof PROGRAMS)[]) => {
  if (names.includes("sddm")) write("/usr/bin/sddm-greeter-qt6", "");
  for (const name of names) write(PROGRAMS[name], "");
};
function startAtBoot(unit: string) {
  mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
  symlinkSync(`/usr/lib/systemd/system/${unit}`, join(root, "etc/systemd/system/display-manager.service"));
}
const addSessions = (...names: readonly string[]) => {
  for (const name of names) write(`/usr/share/xsessions/${name}.desktop`, "");
};
const enable = (manager = "", session = "", ghost = "guest") => autologins.enable({ ghost, manager, session });
const listFiles = () =>
  readdirSync(join(root, "etc"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();

describe("the display manager for automatic logins", () => {
  it("must be named where it cannot be determined, and the error says why", () => {
    expect(() => enable()).toThrow(/No display manager is installed; "apt install lightdm"/);
    install("lightdm", "sddm");
    expect(() => enable()).toThrow("lightdm, sddm. Name one with --display-manager=");
    expect(() => enable("gdm")).toThrow("gdm is not installed. Installed: lightdm, sddm.");
  });

  it("is the only one installed, or else the one that starts with the machine", () => {
    install("lightdm");
    expect(enable().changed).toEqual([LIGHTDM]);
    install("sddm");
    write(PAM, STACK);
    addSessions("plasma");
    startAtBoot("sddm.service");
    expect(enable().found.manager.name).toBe("sddm");
  });

  it("is one at a time: the others are undone", () => {
    install("lightdm", "gdm");
    write(GDM, "[daemon]\n");
    write("/etc/pam.d/gdm-autologin", STACK);
    enable("gdm");
    expect(enable("lightdm").changed).toEqual([GDM, "/etc/pam.d/gdm-autologin", LIGHTDM]);
    expect(read(GDM)).toBe("[daemon]\n");
    expect(read("/etc/pam.d/gdm-autologin")).toBe(STACK);
  });
});

describe("the session for automatic logins", () => {
  it("is the only one installed, and must be named where there are several", () => {
    install("sddm");
    write(PAM, STACK);
    expect(() => enable()).toThrow("--session= names one of none");
    addSessions("xfce", "plasma", "-bad", "b d");
    expect(() => enable()).toThrow("--session= names one of plasma, xfce");
    expect(() => enable("", "gnome")).toThrow("sddm has no session gnome. There are: plasma, xfce.");
    enable("", "xfce");
    expect(read(SDDM)).toMatch(/^Session=xfce$/m);
  });

  it("is chosen by LightDM and GDM themselves", () => {
    install("lightdm", "gdm");
    expect(enable("lightdm").found.session).toBe("");
    expect(() => enable("gdm", "gnome")).toThrow("gdm chooses the session itself");
  });
});

describe("automatic logins by SDDM", () => {
  beforeEach(() => {
    install("sddm");
    write(PAM, STACK);
    addSessions("plasma");
  });

  it("put pam_guest before the package's stack, which is diverted", () => {
    expect(enable().changed).toEqual([PAM, SDDM]);
    expect(diverted).toEqual([`--divert ${ASIDE} --add ${PAM}`]);
    expect(read(PAM)).toMatch(/pam_guest\.so\n@include sddm-autologin\.dpkg-guestd\n$/);
    expect(read(ASIDE)).toBe(STACK);
    expect(autologins.find("guest")).toMatchObject({ user: "guest", session: "plasma", faults: [] });
    expect(enable().changed).toEqual([]);
  });

  it("are undone to the byte, also after an upgrade of the package", () => {
    enable();
    // Like dpkg, replaces the diverted file.
    rmSync(root + ASIDE);
    write(ASIDE, `#new\n${STACK}`);
    expect(autologins.find("guest")?.faults).toEqual([]);
    expect(autologins.disable()).toEqual([SDDM, PAM]);
    expect(read(PAM)).toBe(`#new\n${STACK}`);
    expect(diverted.at(-1)).toBe(`--remove ${PAM}`);
    expect(listFiles()).toEqual(["sddm-autologin"]);
    expect(autologins.disable()).toEqual([]);
  });

  it("are completed after an interrupted setup or undo", () => {
    const broken = new Autologins(
      new Files(root, process.getuid?.() ?? 0, (args) => {
        if (args[0] === "--remove") throw new Error("killed");
      }),
      root,
    );
    enable();
    expect(() => broken.disable()).toThrow("killed");
    expect(read(PAM)).toBe(STACK);
    enable();
    expect(read(ASIDE)).toBe(STACK);
    autologins.disable();
    expect(read(PAM)).toBe(STACK);
  });

  it("pause before pam_guest, since SDDM does not pause between sessions", () => {
    enable();
    expect(read(SDDM)).toMatch(/^Relogin=true$/m);
    expect(read(PAM)).toMatch(/sleep 5\nauth +\[success=done .*default=die\] pam_guest\.so$/m);
  });

  it("are refused for an SDDM that shows no greeter after a refusal, and reported broken after a change to one", () => {
    enable();
    rmSync(join(root, "usr/bin/sddm-greeter-qt6"));
    const fault =
      "sddm before 0.21 shows no greeter after a login that was refused; another display manager does: lightdm.";
    expect(autologins.find("guest")?.faults).toEqual([fault]);
    autologins.disable();
    expect(() => enable()).toThrow(fault);
    expect(listFiles()).toEqual(["sddm-autologin"]);
  });

  it("report what is missing", () => {
    enable();
    write(PAM, STACK);
    rmSync(join(root, "usr/share/xsessions/plasma.desktop"));
    expect(autologins.find("kim")?.faults).toEqual([
      `${PAM} is not as it should be; "guestctl autologin enable --display-manager=sddm" writes it again.`,
      "There is no session plasma.",
      'sddm logs in guest, and guests log in as kim; "guestctl autologin enable --display-manager=sddm" writes it again.',
    ]);
    startAtBoot("lightdm.service");
    expect(autologins.find("guest")?.faults[0]).toBe("sddm does not start with the machine; lightdm does.");
  });

  it("are not undone over a file that was replaced", () => {
    enable();
    write(PAM, "other\n");
    expect(() => autologins.disable()).toThrow(`move ${ASIDE} over it, or remove ${ASIDE}`);
    expect(read(PAM)).toBe("other\n");
    expect(read(ASIDE)).toBe(STACK);
  });

  it("leave nothing behind where SDDM was removed", () => {
    enable();
    rmSync(root + ASIDE);
    autologins.disable();
    expect(listFiles()).toEqual([]);
  });
});

describe("files of the administrator", () => {
  it("keep their other contents and their mode", () => {
    install("greetd");
    addSessions("x");
    write("/usr/share/wayland-sessions/sway.desktop", "");
    const text = '[default_session]\ncommand = "agreety" # mine\n';
    write(GREETD, text);
    chmodSync(root + GREETD, 0o600);
    enable();
    expect(autologins.find("guest")).toMatchObject({ user: "guest", session: "sway", faults: [] });
    expect(statSync(root + GREETD).mode & 0o777).toBe(0o600);
    writeFileSync(root + GREETD, `${read(GREETD)}user = "me"\n`);
    autologins.disable();
    expect(read(GREETD)).toBe(`${text}user = "me"\n`);
  });

  it("are refused if they are links or writable by others", () => {
    install("gdm");
    write("/elsewhere", "[daemon]\n");
    mkdirSync(join(root, "etc/gdm3"), { recursive: true });
    symlinkSync(`${root}/elsewhere`, root + GDM);
    write("/etc/pam.d/gdm-autologin", STACK);
    expect(() => enable()).toThrow(`${GDM} is not a regular file`);
    rmSync(root + GDM);
    write(GDM, "[daemon]\n");
    const others = new Autologins(new Files(root, 4711, () => undefined), root);
    expect(() => others.enable({ ghost: "guest", manager: "", session: "" })).toThrow("by others than root");
    expect(read(GDM)).toBe("[daemon]\n");
  });

  it("without a place for greetd's greeter are reported", () => {
    install("greetd");
    write("/usr/share/wayland-sessions/sway.desktop", "");
    expect(() => enable()).toThrow(`${GREETD} is not there`);
    write(GREETD, "[default_session]\n");
    expect(() => enable()).toThrow(`${GREETD} has no line command = "..." in [default_session]`);
  });
});

describe("a machine without automatic logins", () => {
  it("shows none and has nothing to undo", () => {
    install("lightdm", "gdm", "greetd", "sddm");
    write(GDM, "[daemon]\n");
    write(PAM, STACK);
    expect(autologins.find("guest")).toBeUndefined();
    expect(autologins.disable()).toEqual([]);
    expect(diverted).toEqual([]);
  });
});
