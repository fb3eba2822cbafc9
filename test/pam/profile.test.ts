/**
 * packaging/pam-configs, made into stacks by pam-auth-update(8) itself. Other users log in whatever happens to guestd,
 * and no guest logs in without a view.
 *
 * A guest in the view jumps over the second line. All other users pass it. It stops a guest where the module is missing
 * or has another group. pam_close_session() replays the jumps of the opening. Upstream's libpam then treats a jump as a
 * required module, unlike Debian's (045_pam_dispatch_jump_is_ignore). There, PAM_IGNORE with a jump would become the
 * result of all other users' logouts.
 *
 * pam_setcred() replays the jumps of pam_authenticate(), if it was called: sshd skips it where a key was enough.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeModule, type Fixture } from "./fixture.ts";
import { type Hook, repository } from "./host.ts";
import { refused, verdict } from "./scripted_guestd.ts";
import { accounts, password, type World } from "./world.ts";

/** --root does not move the debconf database. */
const script = `
mount -t tmpfs tmpfs /mnt
cp -a /var/cache/debconf /mnt/debconf
mount --bind /mnt/debconf /var/cache/debconf
mkdir -p /mnt/etc/pam.d /mnt/var/lib
cp -a /etc/pam.d/common-* /mnt/etc/pam.d
cp -a /var/lib/pam /mnt/var/lib
cp -a "$1/usr" /mnt
DEBIAN_FRONTEND=noninteractive pam-auth-update --root /mnt --package
grep "^$3" "/mnt/etc/pam.d/$2"
`;

/** By "FILE TYPE". Kept because making them takes time, and they depend on neither world nor build. */
const made = new Map<string, readonly string[]>();

/** With guestd's profile and pam_unix's. */
function stackLines(world: World, file = "common-session", type = "session"): readonly string[] {
  const lines = made.get(`${file} ${type}`) ?? makeStack(world, file, type);
  made.set(`${file} ${type}`, lines);
  return lines;
}

function makeStack(world: World, file: string, type: string): string[] {
  const profiles = join(world.directory, "usr/share/pam-configs");
  mkdirSync(profiles, { recursive: true });
  copyFileSync("/usr/share/pam-configs/unix", join(profiles, "unix"));
  copyFileSync(join(repository, "packaging/pam-configs"), join(profiles, "guestd"));
  const [enter = "", ...rest] = world.enter;
  const unshare = ["unshare", "-m", "--propagation", "private"];
  const line = [...unshare, "sh", "-euc", script, "sh", world.directory, file, type];
  const text = execFileSync(enter, [...rest, ...line], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return text
    .trim()
    .split("\n")
    .map((entry) => entry.slice(type.length).trim());
}

async function openAndClose(at: Fixture, user: string, module: string, stack = stackLines(at.world)) {
  const replaced = stack.map((entry) => entry.replace(/pam_guest\.so/, module));
  const hooks = await at.run(["open", "close"], { user, stack: replaced });
  return hooks.map((hook: Hook) => hook.result);
}

const missing = "/nonexistent/pam_guest.so";
const success = ["PAM_SUCCESS", "PAM_SUCCESS"];

describeModule("the session stack of a machine with guestd", (at) => {
  it.each(["common-session", "common-session-noninteractive"])("has pam_guest before pam_unix in %s", (file) => {
    const lines = stackLines(at.world, file);
    const place = (module: string) => lines.findIndex((entry) => entry.includes(module));
    expect(place("pam_guest.so")).toBeGreaterThan(0);
    expect(place("pam_succeed_if.so")).toBe(place("pam_guest.so") + 1);
    expect(place("pam_unix.so")).toBeGreaterThan(place("pam_succeed_if.so"));
  });

  it.each([accounts.byPrimaryGroup, accounts.byMembership])(
    "lets in the guest %s when guestd admits them",
    async (user) => {
      expect(await openAndClose(at, user, at.build.module)).toEqual(success);
    },
  );

  it.each([accounts.byPrimaryGroup, accounts.byMembership])(
    "stops the guest %s when guestd refuses them",
    async (user) => {
      at.guestd.answer = refused("No more guests today.");
      expect((await openAndClose(at, user, at.build.module))[0]).toBe("PAM_SESSION_ERR");
    },
  );

  it.each(["root", accounts.outsider, "nobody-of-this-name"])("opens and closes a session of %s", async (user) => {
    expect(await openAndClose(at, user, at.build.module)).toEqual(success);
    expect(at.guestd.calls).toEqual([]);
  });

  it.each(["root", accounts.outsider, "nobody-of-this-name"])(
    "lets in %s where the module is missing",
    async (user) => {
      expect(await openAndClose(at, user, missing)).toEqual(success);
    },
  );

  it.each([accounts.byPrimaryGroup, accounts.byMembership])("stops %s where the module is missing", async (user) => {
    expect((await openAndClose(at, user, missing))[0]).toBe("PAM_AUTH_ERR");
  });

  it("stops a guest whom the module does not recognise", async () => {
    const module = `${at.build.module} group=trusted`;
    expect((await openAndClose(at, accounts.byPrimaryGroup, module))[0]).toBe("PAM_AUTH_ERR");
  });
});

describeModule("the authentication stack of a machine with guestd", (at) => {
  const ghost = accounts.bySecondSource;
  const leased = accounts.byPrimaryGroup;

  /** @param typed the password; without it, questions get no answer */
  const authenticate = async (
    user: string,
    typed?: string,
    module = at.build.module,
    actions = ["auth", "setcred"],
  ) => {
    const stack = stackLines(at.world, "common-auth", "auth");
    const authStack = stack.map((entry) => entry.replace(/pam_guest\.so/, module));
    const environment = typed === undefined ? {} : { ANSWER: typed };
    const hooks = await at.run(actions, { user, authStack, environment });
    return { results: hooks.map((hook) => hook.result), user: hooks.at(-1)?.user, asked: hooks[0]?.told ?? [] };
  };

  it("asks guestd first, then pam_unix as if it were alone", () => {
    const lines = stackLines(at.world, "common-auth", "auth").map((entry) => entry.replaceAll(/\s+/g, " "));
    expect(lines).toEqual([
      "[success=2 ignore=ignore module_unknown=ignore default=die] pam_guest.so",
      "[success=1 default=ignore] pam_unix.so nullok try_first_pass",
      "requisite pam_deny.so",
      "required pam_permit.so",
    ]);
  });

  it("lets in a guest with a leased account without a question", async () => {
    at.guestd.answer = verdict("leased", leased);
    expect(await authenticate(ghost)).toEqual({ results: success, user: leased, asked: [] });
  });

  it("lets in a guest who unlocks the screen without a question", async () => {
    at.guestd.answer = verdict("unlocked");
    expect(await authenticate(leased)).toEqual({ results: success, user: leased, asked: [] });
  });

  it("stops a guest whom guestd refuses without a question", async () => {
    at.guestd.answer = refused("No more guests today.");
    const { results, asked } = await authenticate(accounts.byMembership, password, at.build.module, ["auth"]);
    expect(results).toEqual(["PAM_AUTH_ERR"]);
    expect(asked).toEqual(["3 No more guests today."]);
  });

  it("asks a guest whom guestd ignores for the password", async () => {
    at.guestd.answer = verdict("ignored");
    const right = await authenticate(accounts.byMembership, password);
    expect(right).toEqual({ results: success, user: accounts.byMembership, asked: ["1 Password: "] });
    const wrong = await authenticate(accounts.byMembership, "wrong", at.build.module, ["auth"]);
    expect(wrong.results).toEqual(["PAM_AUTH_ERR"]);
    expect((await authenticate(ghost, "", at.build.module, ["auth"])).results).toEqual(["PAM_AUTH_ERR"]);
  });

  it("asks all other users for the password, and guestd nothing", async () => {
    const right = await authenticate(accounts.outsider, password);
    expect(right).toEqual({ results: success, user: accounts.outsider, asked: ["1 Password: "] });
    expect((await authenticate(accounts.outsider, "wrong", at.build.module, ["auth"])).results).toEqual([
      "PAM_AUTH_ERR",
    ]);
    expect(at.guestd.calls).toEqual([]);
  });

  // Like pam_loginuid, an older module has no authentication hooks.
  it.each([missing, "pam_loginuid.so"])("neither refuses nor admits anyone with %s in its place", async (module) => {
    for (const user of [accounts.outsider, accounts.byMembership])
      expect((await authenticate(user, password, module)).results).toEqual(success);
    expect((await authenticate(ghost, "", module, ["auth"])).results).toEqual(["PAM_AUTH_ERR"]);
  });

  it.each([ghost, accounts.byMembership, accounts.outsider, "root"])(
    "gives credentials to %s, who is authenticated by other means",
    async (user) => {
      for (const module of [at.build.module, missing])
        expect((await authenticate(user, undefined, module, ["setcred"])).results).toEqual(["PAM_SUCCESS"]);
      expect(at.guestd.calls).toEqual([]);
    },
  );
});
