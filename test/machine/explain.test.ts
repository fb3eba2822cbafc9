// explain and status match the outcome of a login.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const CONFIG = "/etc/guestd/guestd.conf.d/test.conf";
const PROGRAM = "/usr/lib/guestd/guest-rehearsal.js";
/** login's next question, a refusal, or the shell's prompt. */
const END = /[$#] $|login: |Password: |denied|incorrect|refused|could not|cannot/i;

interface Case {
  readonly what: string;
  /** Scripts for the state, and back. */
  readonly enter: string;
  readonly leave: string;
  /** The reason, and what to do. */
  readonly reason: RegExp;
}

const CASES: readonly Case[] = [
  {
    what: "a FIFO in a skeleton",
    enter: "mkfifo /etc/guestd/skel/pipe",
    leave: "rm -f /etc/guestd/skel/pipe",
    reason: /skeleton \/etc\/guestd\/skel\/pipe: .*take it out of the skeleton/,
  },
  {
    what: "more than 10,000 files in a skeleton",
    enter: "mkdir /etc/guestd/skel/many; cd /etc/guestd/skel/many; seq 10001 | xargs touch",
    leave: "rm -rf /etc/guestd/skel/many",
    reason: /more than 10000 files; take files out of the skeleton/,
  },
  {
    what: "a path that is missing",
    enter: `printf '[View]\\nHide=/srv/missing\\n' >${CONFIG}`,
    leave: `rm -f ${CONFIG}`,
    reason: /\/srv\/missing: .*ENOENT.*put "-" before it/,
  },
  {
    what: "an overlay that the kernel refuses",
    enter: "mount -t overlay overlay -o lowerdir=/usr/lib/guestd/etc:/etc /etc",
    leave: "umount /etc",
    reason: /overlay \/etc: .*Mode=bind/,
  },
];

/** Directory clients and hardening profiles refuse before there is a view. */
const OUTSIDE: readonly Case[] = [
  {
    what: "a name service that does not ask systemd",
    enter: "cp -a /etc/nsswitch.conf /root/; sed -i 's/^passwd:.*/passwd: files/' /etc/nsswitch.conf",
    leave: "mv /root/nsswitch.conf /etc/",
    reason: /The name service does not know the account guest; .*nsswitch\.conf must have "systemd"/,
  },
  {
    what: "an access.conf that names who may log in",
    enter: `cp -a /etc/pam.d/common-account /etc/security/access.conf /root/
      echo 'account required pam_access.so' >>/etc/pam.d/common-account
      printf '+:root alice:ALL\\n-:ALL:ALL\\n' >>/etc/security/access.conf`,
    leave: "mv /root/common-account /etc/pam.d/ && mv /root/access.conf /etc/security/",
    reason: /The rules of pam_access\.so .* keep guests out of .* put "\+:\(guests\):ALL" above/,
  },
];

describeMachine("guestctl explain and status", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("guestctl status");
  });
  afterEach(async () => {
    await machine.sh([...CASES, ...OUTSIDE].map(({ leave }) => `{ ${leave}; } 2>/dev/null || true`).join("\n"));
    await machine.sh("guestctl reload");
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function tryLogin(): Promise<boolean> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    const [end] = await terminal.expect(END);
    terminal.hangUp();
    return /[$#] $/.test(end);
  }

  it.each(CASES)("report that $what keeps guests out, and what to do", async ({ enter, leave, reason }) => {
    await machine.sh(enter);
    await machine.sh("guestctl reload");
    const { code, stdout } = await machine.run(["guestctl", "status"]);
    expect(stdout).toMatch(new RegExp(`^guests: +refused: The view cannot be built: .*${reason.source}`, "m"));
    expect(code).toBe(1);
    for (const user of ["guest", "guest1"]) {
      const said = await machine.sh(`guestctl explain ${user}`);
      expect(said).toMatch(new RegExp(`^refused: The view cannot be built: .*${reason.source}`));
    }
    expect(await tryLogin()).toBe(false);
    await machine.sh(`${leave}; guestctl reload`);
    expect(await machine.sh("guestctl explain guest")).toMatch(/^admitted: /);
    expect(await machine.sh("guestctl status")).toMatch(/^guests: +can log in$/m);
    expect(await tryLogin()).toBe(true);
  });

  it.each(OUTSIDE)("report that $what keeps guests out, and let them in when it is fixed", async (outside) => {
    const { enter, leave, reason } = outside;
    await machine.sh(`${enter}; guestctl reload`);
    expect(await tryLogin()).toBe(false);
    const { code, stdout } = await machine.run(["guestctl", "status"]);
    expect(stdout).toMatch(new RegExp(`^guests: +refused: ${reason.source}`, "m"));
    expect(code).toBe(1);
    expect(await machine.sh("guestctl explain guest")).toMatch(new RegExp(`^refused: ${reason.source}`));
    await machine.sh(leave);
    expect(await machine.sh("guestctl status")).toMatch(/^guests: +can log in$/m);
    expect(await tryLogin()).toBe(true);
  });

  it("know users of a directory by their names there", async () => {
    await machine.sh(`cp -a /etc/passwd /root/
      printf 'bob@uni.example:x:4711:100::/home/bob:/bin/sh\\n1234567:x:4712:100::/home/m:/bin/sh\\n' >>/etc/passwd`);
    try {
      for (const user of ["bob@uni.example", "1234567"])
        expect(await machine.sh(`guestctl explain ${user}`)).toMatch(new RegExp(`^ignored: ${user} is not in`));
      const { stderr } = await machine.run(["guestctl", "explain", "4712"]);
      expect(stderr).toContain('There is no user "4712"');
    } finally {
      await machine.sh("mv /root/passwd /etc/");
    }
  });

  it("report that nscd's default configuration hides leased accounts, and no other configuration", async () => {
    await machine.sh(
      "mkdir -p /run/nscd; touch /run/nscd/socket; printf 'enable-cache\\t\\tpasswd\\t\\tyes\\n' >/etc/nscd.conf",
    );
    try {
      await machine.sh("guestctl reload");
      expect((await machine.run(["guestctl", "status"])).stdout).toMatch(
        /^guests: +refused: .*enable-cache passwd no/m,
      );
      expect(await machine.sh("guestctl explain guest")).toMatch(/^refused: .*enable-cache passwd no/);
      expect(await machine.sh("guestctl explain guest1")).toMatch(/^admitted: /);
    } finally {
      await machine.sh("rm -rf /run/nscd /etc/nscd.conf");
    }
  });

  it("leave nothing behind", async () => {
    await machine.sh("guestctl explain guest; guestctl explain guest1");
    const before = await machine.calmSnapshot();
    for (const user of ["guest", "guest1", "guest", "guest1"])
      expect(await machine.sh(`guestctl explain ${user}`)).toMatch(/^admitted: /);
    expect(await machine.snapshotLike(before)).toEqual(before);
  });

  it("build a view at most once a minute for status, whatever the number of callers, and once for each explain", async () => {
    await machine.sh(`cp -a ${PROGRAM} /root/program`);
    await machine.write(
      PROGRAM,
      'import { appendFileSync } from "node:fs";\nappendFileSync("/run/count", ".");\nconsole.log("null");\n',
    );
    try {
      await machine.sh("guestctl reload; seq 20 | xargs -P 10 -I{} guestctl status >/dev/null");
      expect(await machine.sh("cat /run/count")).toBe(".");
      await machine.sh("guestctl explain guest; guestctl explain alice");
      expect(await machine.sh("cat /run/count")).toBe("..");
    } finally {
      await machine.sh(`mv /root/program ${PROGRAM}; rm -f /run/count`);
    }
  });

  it("report that it cannot be tried, and continue", async () => {
    await machine.sh(`mv ${PROGRAM} /root/program`);
    try {
      await machine.sh("guestctl reload");
      const said = await machine.sh("guestctl status");
      expect(said).toMatch(/^guests: +can log in$/m);
      expect(said).toContain("could not be tried");
    } finally {
      await machine.sh(`mv /root/program ${PROGRAM}`);
    }
  });

  it("leave no unexpected line in the journal", async () => {
    const expected = /pam_access\(login:account\): access denied|build-view|could not be started|view|skeleton|overlay/;
    expect((await unexpectedLines(machine)).filter((line) => !expected.test(line))).toEqual([]);
  });
});
