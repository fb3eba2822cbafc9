// Guests without a password are not asked for one, whatever PAM profiles the machine has.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

/** From libpam-krb5. */
const KERBEROS = `Name: Kerberos authentication
Default: yes
Priority: 704
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000 try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000
`;

/** From the CIS benchmarks for Debian. */
const COUNTING = `Name: Notify of failed login attempts and reset count upon success
Default: yes
Priority: 1024
Auth-Type: Primary
Auth:
	requisite	pam_faillock.so preauth
Account-Type: Primary
Account:
	required	pam_faillock.so
`;
const DENYING = `Name: Enable pam_faillock to deny access
Default: yes
Priority: 0
Auth-Type: Primary
Auth:
	[default=die]	pam_faillock.so authfail
`;

const PROFILES = "/usr/share/pam-configs";
const UPDATE = "DEBIAN_FRONTEND=noninteractive pam-auth-update --package";

describeMachine("the PAM stacks of a machine with other profiles", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    // Stands in for pam_krb5, which is not installed. It asks in the same way.
    await machine.sh(
      'cd "$(dirname "$(find /usr/lib /lib -name pam_unix.so | head -1)")" && cp pam_unix.so pam_krb5.so',
    );
  });
  afterEach(async () => {
    await machine.sh(`rm -f ${PROFILES}/{krb5,faillock,faillock_notify} /run/faillock/*; ${UPDATE}; guestctl reload`);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const warnings = async () =>
    (JSON.parse((await machine.run(["guestctl", "status", "--json"])).stdout) as { warnings: string[] }).warnings;

  async function admitGhost(): Promise<void> {
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("id -un")).toMatch(/^guest-/);
    await guest.logOut();
  }

  it("ask no guest for a Kerberos password", async () => {
    await machine.write(`${PROFILES}/krb5`, KERBEROS);
    await machine.sh(UPDATE);
    expect(await machine.sh("grep -E 'pam_(guest|krb5)' /etc/pam.d/common-auth | grep -o 'pam_[a-z0-9]*.so'")).toBe(
      "pam_guest.so\npam_krb5.so",
    );
    await admitGhost();
    expect(await warnings()).toEqual([]);
    expect(await machine.sh("guestctl explain guest")).not.toContain("To mind");
  });

  it("refuse no guest for other users' wrong passwords", async () => {
    await machine.write(`${PROFILES}/faillock_notify`, COUNTING);
    await machine.write(`${PROFILES}/faillock`, DENYING);
    await machine.sh(UPDATE);
    await waitFor(
      "as many wrong passwords of guest as are too many",
      async () => {
        await machine.ssh("guest", "true", { password: true, options: ["-o", "NumberOfPasswordPrompts=3"] });
        return Number(await machine.sh("faillock --user guest | grep -c ' V$' || true")) >= 3;
      },
      120_000,
    );
    await admitGhost();
    expect(await warnings()).toEqual([]);
  });

  it("are checked: lines of an administrator above pam_guest are reported with their file", async () => {
    await machine.sh("cp -a /etc/pam.d/login /root/login; sed -i '1i auth required pam_krb5.so' /etc/pam.d/login");
    try {
      await machine.sh("guestctl reload");
      const sentence = "pam_krb5.so (/etc/pam.d/login:1) comes before pam_guest when ";
      expect(await warnings()).toEqual([expect.stringContaining(sentence)]);
      expect(await machine.sh("guestctl explain guest")).toContain(sentence);
      expect(await machine.sh("guestctl explain guest1 --service=sshd")).not.toContain("To mind");
    } finally {
      await machine.sh("mv /root/login /etc/pam.d/login");
    }
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
