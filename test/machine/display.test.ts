// Display managers' PAM stacks as Debian ships them: the ghost gets an account there, too. pamtester makes their calls,
// in their units, with the items set before authentication.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import type { Result } from "../helpers/execute.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

interface Login {
  readonly service: string;
  readonly unit: string;
  /** PAM_TTY. Empty where the program sets none. */
  readonly tty: string;
  /** The X server runs on the host, before the session opens. */
  readonly sharesIpc: boolean;
}

const SECOND_SEAT: Login = { service: "gdm-password", unit: "gdm.service", tty: "", sharesIpc: false };
const LIGHTDM: Login = { service: "lightdm", unit: "lightdm.service", tty: ":0", sharesIpc: true };
const LOGINS: readonly Login[] = [
  { ...SECOND_SEAT, tty: "/dev/tty1" },
  SECOND_SEAT,
  { service: "greetd", unit: "greetd.service", tty: "", sharesIpc: false },
  LIGHTDM,
  { service: "sddm", unit: "sddm.service", tty: "", sharesIpc: false },
];
const CALLS = ["authenticate", "acct_mgmt", "open_session", "close_session"];
const SEAT = ["-E", "XDG_SEAT=seat0"];

describeMachine("a login through a display manager", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    // Without its own stack a service would use "other", which works, too.
    await machine.sh(`cd /etc/pam.d; ls ${LOGINS.map(({ service }) => service).join(" ")} >/dev/null; guestctl status`);
    await machine.write(
      "/etc/pam.d/xrdp-sesman",
      "@include common-auth\n@include common-account\n@include common-session\n",
    );
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Runs pamtester in a unit of systemd, without input. */
  async function login(unit: string, options: readonly string[], service: string, calls = CALLS): Promise<string> {
    // systemd forgets an ended unit with a delay.
    await waitFor(
      `${unit} to be free`,
      async () => (await machine.sh(`systemctl show -P LoadState ${unit}`)) === "not-found",
    );
    const pamtester = ["pamtester", "-v", ...options, service, "guest", ...calls];
    return said(
      await machine.run(["systemd-run", "-q", "--wait", "--pipe", "--collect", `--unit=${unit}`, ...pamtester]),
    );
  }

  const said = ({ code, stdout, stderr }: Result) => `${stdout}${stderr}exit ${code}`;
  // A sentence is broken into lines that greeters can show.
  const inOneLine = (output: string) => output.replace(/\s+/g, " ");
  const naming = (tty: string) => (tty === "" ? [] : ["-I", `tty=${tty}`]);
  const entriesOf = (service: string, action: string) =>
    machine.journal("_SYSTEMD_UNIT=guestd.service", `GUEST_ACTION=${action}`, `GUEST_SERVICE=${service}`);

  describe.each(LOGINS)("$service that names '$tty'", ({ service, unit, tty, sharesIpc }) => {
    const options = [...naming(tty), ...SEAT];

    it("gives the ghost an account without a question, and continues as that account", async () => {
      const before = await entriesOf(service, "announce-opened");
      const output = await login(unit, options, service);
      expect(output).not.toContain("Password:");
      expect(output).toMatch(
        /account management done.*\n(.*\n)*.*successfully opened a session\n(.*\n)*.*session has successfully been closed\.?\n(.*\n)*exit 0$/,
      );
      const opened = (await entriesOf(service, "announce-opened")).slice(before.length);
      expect(opened).toHaveLength(1);
      const { GUEST_SESSION: id = "", GUEST_USER: user = "", GUEST_UID: uid = "" } = opened[0] ?? {};
      expect(`${user} ${uid}`).toMatch(/^guest-[a-z2-7]{4} \d{5}$/);
      // PAM_USER for modules after pam_guest.
      const told = (await machine.journal("SYSLOG_IDENTIFIER=pamtester")).map((entry) => entry["MESSAGE"] ?? "");
      expect(told).toContainEqual(
        expect.stringContaining(`pam_unix(${service}:session): session opened for user ${user}(uid=${uid})`),
      );
      expect(await awaitReceipt(machine, id)).toMatchObject({ user, leased: true, cause: "logout", left: [] });
      const plan = (await entriesOf(service, "build-view")).at(-1)?.["GUEST_PLAN"] ?? "";
      expect(plan.includes('"mqueue"')).toBe(!sharesIpc);
    });

    it("asks for a password when remote", async () => {
      const output = await login(unit, [...options, "-I", "rhost=far"], service);
      expect(output).toContain("Password:");
      expect(output).not.toContain("opened a session");
    });

    it("opens a session for a user who is no guest without a call to guestd", async () => {
      const greeter = machine.terminal(["pamtester", ...options, service, "alice", ...CALLS]);
      await greeter.expect(/Password: /);
      greeter.send("secret\n");
      expect(await greeter.end(20_000)).toBe(0);
      expect(
        (await machine.journal("_SYSTEMD_UNIT=guestd.service")).filter((entry) =>
          (entry["MESSAGE"] ?? "").includes("alice"),
        ),
      ).toEqual([]);
    });
  });

  it.each(["sddm", "greetd", "gdm-password"])(
    "asks for a password where %s names no terminal in another unit, or in a user's session",
    async (service) => {
      const calls = `pamtester ${SEAT.join(" ")} ${service} guest authenticate`;
      const asked = [
        await login("other.service", SEAT, service, ["authenticate"]),
        said(await machine.ssh("root", calls)),
        // In a user manager.
        said(await machine.ssh("root", `systemd-run --user -q --wait --pipe --collect --unit=sddm.service ${calls}`)),
      ];
      for (const output of asked) expect(output).toContain("Password:");
    },
  );

  it("asks for a password over XDMCP, whatever the address begins with, and through xrdp", async () => {
    for (const tty of ["192.0.2.1:0", "::ffff:192.0.2.1:0"])
      expect(await login("lightdm.service", naming(tty), "lightdm", ["authenticate"])).toContain("Password:");
    for (const tty of ["xrdp-sesman", ":10", ""])
      expect(await login("xrdp-sesman.service", naming(tty), "xrdp-sesman", ["authenticate"])).toContain("Password:");
  });

  it("refuses a VNC client, whose display LightDM names like any other, and withdraws the account", async () => {
    const output = await login(LIGHTDM.unit, naming(":1"), "lightdm");
    expect(inOneLine(output)).toContain("it is at no seat of this machine");
    expect(output).not.toContain("opened a session");
    const { GUEST_SESSION: id = "" } = (await entriesOf("lightdm", "publish-account")).at(-1) ?? {};
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "open-failed", leased: true, left: [] });
  });

  it.each(["gdm", "lightdm", "sddm"])("refuses the ghost itself through %s-autologin, as shipped", async (name) => {
    for (const options of [SEAT, ["-I", "tty=:0", ...SEAT]]) {
      const output = await login(`${name}.service`, options, `${name}-autologin`);
      expect(inOneLine(output)).toContain("guest needs an account of its own here");
      expect(output).not.toContain("opened a session");
    }
  });

  it("is explained for each of them", async () => {
    for (const { service } of LOGINS)
      expect(await machine.sh(`guestctl explain guest --service=${service}`)).toContain("gets a leased account");
  });

  it("leaves no unexpected line in the journal", async () => {
    const refusals = [/it is at no seat of this machine/, /needs an account of its own here/];
    expect(await unexpectedLines(machine, ...refusals)).toEqual([]);
  });
});
