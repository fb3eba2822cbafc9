/** pam_authenticate without root: a guest's screen locker, or another user's program. */
import { beforeEach, expect, it } from "vitest";
import { execute } from "../helpers/execute.ts";
import { describeModule } from "./fixture.ts";
import { verdict } from "./scripted_guestd.ts";

const own = "60601";
const other = "1001";

const directory = "/run/guestd-unlock";
const mark = `${directory}/${own}`;
/** As guestd makes it. */
const marked = `mkdir -m 711 ${directory}; touch ${mark}; chmod 600 ${mark}`;

const notMarks: readonly [string, string][] = [
  ["a directory", `mkdir -m 711 ${directory}; mkdir ${mark}`],
  ["a link to a file of root's", `mkdir -m 711 ${directory}; ln -s /etc/passwd ${mark}`],
  ["a socket or pipe", `mkdir -m 711 ${directory}; mkfifo -m 600 ${mark}`],
  ["the guest's own", `${marked}; chown ${own} ${mark}`],
  ["one that its group can write", `${marked}; chmod 660 ${mark}`],
  ["one that everybody can write", `${marked}; chmod 602 ${mark}`],
];

const notDirectories: readonly [string, string][] = [
  ["a link", `mkdir -m 711 /run/elsewhere; touch /run/elsewhere/${own}; ln -s elsewhere ${directory}`],
  ["a file", `touch ${directory}`],
  ["the guest's own", `${marked}; chown ${own} ${directory}`],
  ["one where everybody can make files", `${marked}; chmod 1777 ${directory}`],
];

describeModule("a guest's own program", (at) => {
  const sh = async (script: string) => {
    const { code, stderr } = await execute([...at.world.enter, "sh", "-euc", script]);
    expect(`${code} ${stderr}`).toBe("0 ");
  };
  beforeEach(() => sh(`rm -rf ${directory} /run/elsewhere`));

  const unlock = async (euid = own, options = "") => {
    const [hook] = await at.run([`euid=${euid}`, "auth"], { options });
    if (!hook) throw new Error("no hook was called");
    // In any case there is no call, and nothing is changed.
    expect(at.guestd.calls).toEqual([]);
    expect(hook.after).toEqual(hook.before);
    expect(hook.told).toEqual([]);
    return hook;
  };

  it.each(notMarks)("is not unlocked by a mark that is %s", async (_, script) => {
    await sh(script);
    expect(await unlock()).toMatchObject({
      result: "PAM_IGNORE",
      logged: [`4 pam_guest(login:auth): cannot tell whether the guest may unlock: ${mark} is not as guestd makes it`],
    });
  });

  it.each(notDirectories)("is not unlocked where the directory of marks is %s", async (_, script) => {
    await sh(script);
    expect(await unlock()).toMatchObject({
      result: "PAM_IGNORE",
      logged: [
        `4 pam_guest(login:auth): cannot tell whether the guest may unlock: ${directory} is not as guestd makes it`,
      ],
    });
  });

  it.each([
    ["no mark exists", ":"],
    ["others have marks", `mkdir -m 711 ${directory}; touch ${directory}/${own}1 ${directory}/${own.slice(0, -1)}`],
    ["its session has ended", `${marked}; rm ${mark}`],
  ])("is silently not unlocked where %s", async (_, script) => {
    await sh(script);
    expect(await unlock()).toMatchObject({ result: "PAM_IGNORE", logged: [] });
  });

  it("is unlocked where the mark exists, with or without a bus", async () => {
    await sh(marked);
    expect(await unlock()).toMatchObject({ result: "PAM_SUCCESS", user: "guest-k3f9", logged: [] });
    at.world.bus.freeze();
    try {
      const hook = await unlock();
      expect(hook.result).toBe("PAM_SUCCESS");
    } finally {
      at.world.bus.thaw();
    }
  });

  it("is not another user's, whose mark does not count for the guest", async () => {
    await sh(`${marked}; touch ${directory}/${other}`);
    expect(await unlock(other)).toMatchObject({ result: "PAM_IGNORE", logged: [] });
  });

  it("logs its findings with debug", async () => {
    await sh(marked);
    expect((await unlock(own, "debug")).logged).toEqual(["7 pam_guest(login:auth): guest may unlock"]);
  });

  it("with root's rights counts as root's program", async () => {
    at.guestd.answer = verdict("unlocked");
    // A setuid program: the guest's real UID, and effective UID 0.
    const wrapper = ["setpriv", `--ruid=${own}`];
    const hook = await at.once({ action: "auth", wrapper });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["AllocateAccount"]);
  });
});
