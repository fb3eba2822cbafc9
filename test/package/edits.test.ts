// Package operations leave an administrator's changes alone, and work with them.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { Machine } from "../helpers/machine.ts";
import {
  apt,
  canLogIn,
  makeVersion,
  PACKAGE,
  packageStatus,
  preseed,
  purge,
  runApt,
  saidByScripts,
  wiredStacks,
} from "../helpers/package.ts";
import { compareStates, takeState } from "../helpers/system-state.ts";

/** Each of these tests runs apt half a dozen times. */
const LIMIT_MS = 300_000;
const UNWIRED =
  "guestd: PAM is not set up for guestd: no user is a guest, and there is no account guest; to fix it:" +
  " pam-auth-update --enable guestd (if /etc/pam.d/common-* were changed by hand: add the lines of man pam_guest," +
  " EXAMPLES, to them; --force would drop the changes), then: dpkg-reconfigure guestd";
/** Lines that pam_guest(8) tells an administrator to write. */
const SESSION = [
  "session [success=1 ignore=ignore module_unknown=ignore default=die] pam_guest.so",
  "session requisite pam_succeed_if.so quiet user notingroup guests",
];
const EXAMPLES = [
  ["auth", ["auth [success=2 ignore=ignore module_unknown=ignore default=die] pam_guest.so"]],
  ["session", SESSION],
  ["session-noninteractive", SESSION],
] as const;
const OWN_LINE = "session optional pam_echo.so";

describeMachine("an administrator's own changes", (release) => {
  let machine: Machine;
  let newer: string;

  beforeAll(async () => {
    machine = await Machine.boot(release, "dependencies");
    // Its configuration file differs: dpkg would ask which one to keep.
    newer = await makeVersion(machine, "99.0", "echo '# A newer default.' >>etc/guestd/guestd.conf");
    await machine.sh("cp --archive /etc/pam.d /root");
  });
  afterEach(async () => {
    await purge(machine);
    await machine.sh(`rm -rf /etc/pam.d /etc/userdb /etc/guestd; cp --archive /root/pam.d /etc
      if getent group guests >/dev/null; then gpasswd --delete alice guests || true; groupdel guests; fi`);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Calls `look` after each step but the last. @returns the scripts' output */
  async function liveThrough(look: () => Promise<unknown>): Promise<string[]> {
    const pristine = await takeState(machine);
    await preseed(machine, true);
    const said: string[] = [];
    for (const [verb, what] of [
      ["install", PACKAGE],
      ["install", newer],
      ["remove", "guestd"],
      ["install", PACKAGE],
    ] as const) {
      said.push(...saidByScripts(await apt(machine, verb, what)));
      expect(await canLogIn(machine)).toBe(true);
      await look();
    }
    await purge(machine);
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
    return said;
  }

  it("to the PAM stacks and options stay", { timeout: LIMIT_MS }, async () => {
    // Outside the blocks of pam-auth-update, and inside one.
    await machine.sh(`printf '${OWN_LINE}\n' >>/etc/pam.d/common-session; sed -i '1i # mine' /etc/pam.d/common-auth
      sed -i '/pam_unix.so/s/$/ debug/' /etc/pam.d/common-session; pam-auth-update --package`);
    await liveThrough(async () => {
      expect(await machine.sh("head --lines=1 /etc/pam.d/common-auth; tail --lines=1 /etc/pam.d/common-session")).toBe(
        `# mine\n${OWN_LINE}`,
      );
      expect(await machine.sh("grep pam_unix.so /etc/pam.d/common-session")).toMatch(/ debug *$/);
    });
  });

  it("to pam-auth-update's blocks stop its updates, and the ghost is then no user", { timeout: LIMIT_MS }, async () => {
    await machine.sh(`sed -i '/here are the per-package modules/a ${OWN_LINE}' /etc/pam.d/common-session`);
    const sum = await machine.sh("cat /etc/pam.d/common-* | sha256sum");
    const said = await liveThrough(async () => {
      expect(await machine.sh("cat /etc/pam.d/common-* | sha256sum")).toBe(sum);
      // Nor after the next boot.
      await machine.sh("systemctl stop guestd || true; rm --recursive --force /run/userdb");
      await machine.run(["guestctl", "status"]);
      expect((await machine.run(["getent", "passwd", "guest", "60000"])).stdout).toBe("");
      expect((await machine.ssh("guest", "echo in")).stdout).toBe("");
    });
    expect(said).toContain("pam-auth-update: Local modifications to /etc/pam.d/common-*, not updating.");
    expect(said.filter((line) => line === UNWIRED)).toHaveLength(3);
    // Follows its instructions.
    await preseed(machine, true);
    await apt(machine, "install", PACKAGE);
    for (const [stack, lines] of EXAMPLES)
      for (const line of lines.toReversed())
        await machine.sh(`sed -i '/here are the per-package modules/a ${line}' /etc/pam.d/common-${stack}`);
    await machine.sh("dpkg-reconfigure --frontend=noninteractive guestd");
    expect((await machine.ssh("guest", "echo in $GUEST_SESSION")).stdout).toMatch(/^in \w{10}\n$/);
    expect(await machine.sh("cat /etc/pam.d/common-session")).toContain(OWN_LINE);
    expect(await canLogIn(machine)).toBe(true);
    // They must be removed before guestd.
    await machine.sh("rm -r /etc/pam.d; cp --archive /root/pam.d /etc");
  });

  it("that switch a profile off stay across an upgrade", { timeout: LIMIT_MS }, async () => {
    const pristine = await takeState(machine);
    await apt(machine, "install", PACKAGE);
    await machine.sh("pam-auth-update --disable guestd");
    expect(await wiredStacks(machine)).toEqual([]);
    await apt(machine, "install", newer);
    expect(await wiredStacks(machine)).toEqual([]);
    await machine.sh("pam-auth-update --enable guestd");
    expect(await wiredStacks(machine)).toEqual(["auth", "session", "session-noninteractive"]);
    await purge(machine);
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
  });

  it(
    "that name guestd's module in a stack of their own prevent a removal, which switches no profile on",
    { timeout: LIMIT_MS },
    async () => {
      const pristine = await takeState(machine);
      await apt(machine, "install", PACKAGE);
      await machine.sh("pam-auth-update --disable guestd; echo 'session required pam_guest.so' >/etc/pam.d/mine");
      const { code, stdout, stderr } = await runApt(machine, "remove", "guestd");
      expect(`${code} ${stdout}${stderr}`).toMatch(
        /^100 [^]*guestd: remove pam_guest from \/etc\/pam\.d\/mine first: no user could log in there without the module\n/,
      );
      expect(await packageStatus(machine)).toMatch(/ installed$/);
      expect(await wiredStacks(machine)).toEqual([]);
      expect(await machine.sh("cat /etc/pam.d/mine; rm /etc/pam.d/mine")).toBe("session required pam_guest.so");
      await purge(machine);
      expect(compareStates(pristine, await takeState(machine))).toEqual([]);
    },
  );

  it("to guestd's configuration, and what guests find in /etc and at home, stay", { timeout: LIMIT_MS }, async () => {
    const pristine = await takeState(machine);
    await apt(machine, "install", PACKAGE);
    await machine.sh(`sed -i '/^#Size=/s/.*/Size=100M/' /etc/guestd/guestd.conf; echo issue >/etc/guestd/etc/issue; echo rc >/etc/guestd/skel/.rc
      printf '[View]\\nHide=-/srv/x\\n' >/etc/guestd/guestd.conf.d/mine.conf`);
    const files =
      "/etc/guestd/guestd.conf /etc/guestd/etc/issue /etc/guestd/skel/.rc /etc/guestd/guestd.conf.d/mine.conf";
    const sums = await machine.sh(`sha256sum ${files}`);
    for (const [verb, what] of [
      ["install", newer],
      ["remove", "guestd"],
      ["install", newer],
    ] as const) {
      await apt(machine, verb, what);
      expect(await machine.sh(`sha256sum ${files}`)).toBe(sums);
    }
    expect(await machine.sh("guestctl config")).toContain("Size=100M");
    await purge(machine);
    expect(await machine.sh("find /etc/guestd ! -type d | sort; rm -r /etc/guestd")).toBe(
      "/etc/guestd/etc/issue\n/etc/guestd/skel/.rc",
    );
    expect(compareStates(pristine, await takeState(machine))).toEqual([]);
  });

  it(
    "with a group of that name, another number and members make those guests while guestd is installed",
    { timeout: LIMIT_MS },
    async () => {
      await machine.sh("groupadd --gid 777 guests; usermod --append --groups guests alice");
      const said = await liveThrough(async () => {
        expect(await machine.sh("getent group guests")).toBe("guests:x:777:alice");
        if ((await wiredStacks(machine)).length > 0) expect(await machine.sh("id --group guest")).toBe("777");
      });
      expect(new Set(said)).toEqual(
        new Set([
          "guestd: alice: members of the group guests, and guests from now on",
          "guestd: alice: members of the group guests, now log in like other users; lock the accounts that must not",
        ]),
      );
    },
  );

  it(
    "with the group in a directory service make its members guests while that is down",
    { timeout: LIMIT_MS },
    async () => {
      // Like a directory service: known to nss-systemd and not in /etc/group.
      const records = "/run/userdb/guests.group /run/userdb/5100.group";
      await machine.sh(`mkdir -p /run/userdb
      for record in ${records}; do echo '{"groupName":"guests","gid":5100,"disposition":"regular"}' >$record; done
      getent group guests; ! getent -s files group guests`);
      await preseed(machine, true);
      const said = saidByScripts(await apt(machine, "install", PACKAGE));
      await machine.sh(`rm ${records}`);
      expect(said).toEqual(["Creating group 'guests' with GID 5100."]);
      expect(await machine.sh("getent group guests; id --group guest")).toMatch(/^guests:[^:]*:5100:\n5100$/);
      expect((await machine.ssh("guest", "echo in $GUEST_SESSION")).stdout).toMatch(/^in \w{10}\n$/);
    },
  );

  it(
    "with the ghost's UID on an account stop guests until the ghost has another one",
    { timeout: LIMIT_MS },
    async () => {
      await machine.sh("useradd --uid 60000 --no-create-home bob");
      const { code, stdout, stderr } = await runApt(machine, "install", PACKAGE);
      expect(`${code} ${stdout}${stderr}`).toMatch(
        /^100 [^]*guestd: bob has the uid 60000, which the account guest needs: give bob another one, then: dpkg --configure guestd\n/,
      );
      expect(await wiredStacks(machine)).toEqual([]);
      expect((await machine.run(["getent", "passwd", "guest"])).code).toBe(2);
      // As if bob came from a directory service.
      await machine.write(
        "/usr/local/sbin/getent",
        '#!/bin/sh\n[ "$*" != "-s files passwd 60000" ] || exit 2\nexec /usr/bin/getent "$@"\n',
        "755",
      );
      expect((await machine.run(["dpkg", "--configure", "guestd"])).stderr).toContain(
        "give bob another one there, or have this machine not know bob (sssd.conf: filter_users=bob; nslcd.conf: filter passwd (!(uidNumber=60000))), then:",
      );
      await machine.sh("rm /usr/local/sbin/getent; usermod --uid 2000 bob; dpkg --configure guestd", {
        env: { DEBIAN_FRONTEND: "noninteractive" },
      });
      expect(await machine.sh("getent passwd guest; getent group guests; guestctl status")).toMatch(
        /^guest:[^]*\nguests:/,
      );
      await purge(machine);
      await machine.sh("userdel bob");
    },
  );

  it("to the ghost's user record stay", { timeout: LIMIT_MS }, async () => {
    await machine.sh(`groupadd --gid 777 guests; mkdir -p /etc/userdb
      echo '{"userName":"guest","uid":61000,"gid":777,"disposition":"regular"}' >/etc/userdb/guest.user; ln -s guest.user /etc/userdb/61000.user`);
    const said = await liveThrough(async () => {
      expect(await machine.sh("id --user guest; ls /etc/userdb")).toBe("61000\n61000.user\nguest.user");
    });
    expect(new Set(said)).toEqual(
      new Set([
        "guestd: /etc/userdb/guest.user is not guestd's and is kept; its user is a guest only if its gid is 777",
      ]),
    );
  });
});
