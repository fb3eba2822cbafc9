// AppArmor's profile lets guestd work, and forbids the rest. No container shows that.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeFullMachine } from "../helpers/describe-full-machine.ts";
import type { FullMachine } from "../helpers/full-machine.ts";
import { askForRow } from "../helpers/guests.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const ANSWER_LIMIT_MS = 60_000;
const DENIALS = "journalctl --quiet --no-pager --boot --grep='apparmor=\"DENIED\".*guestd' || true";

const guests = [
  { sort: "of a leased account", login: (machine: FullMachine) => machine.loginAsGhost() },
  { sort: "of a shared account", login: (machine: FullMachine) => machine.sshSession("guest1") },
];

describeFullMachine("guestd under AppArmor", (boot) => {
  let machine: FullMachine;

  beforeAll(() => {
    machine = boot();
  });
  afterAll(async () => {
    // One test removes the profile.
    await machine.sh("apparmor_parser --replace /etc/apparmor.d/usr.lib.guestd; systemctl restart guestd");
  });

  const readLabel = (unit: string): Promise<string> =>
    machine.sh(`cat /proc/$(systemctl show -P MainPID ${unit})/attr/current`);

  /** Until the session has ended there is no receipt, which is an error. */
  const readReceipt = (id: string) =>
    waitFor(
      "the receipt",
      () => askForRow<{ readonly left: string[] }>(machine, `GetReceipt s ${id}`),
      ANSWER_LIMIT_MS,
    );

  async function logIn(login: (machine: FullMachine) => Promise<Terminal>): Promise<{ shell: Terminal; id: string }> {
    const shell = await login(machine);
    return { shell, id: await shell.ask("echo $GUEST_SESSION", ANSWER_LIMIT_MS) };
  }

  it("is confined, and other Node.js programs are not", async () => {
    expect(await readLabel("guestd")).toBe("guestd (enforce)");
    expect(await machine.sh('node -p \'require("fs").readFileSync("/proc/self/attr/current", "utf8").trim()\'')).toBe(
      "unconfined",
    );
  });

  it.each(guests)("opens a session $sort, and sweeps it to a clean receipt", async ({ login }) => {
    const { shell, id } = await logIn(login);
    expect(
      await shell.ask(
        "echo here >~/file; cat ~/file; cat /proc/self/attr/current; [ ! -e /home/alice ] && echo hidden",
      ),
    ).toBe("here\nunconfined\nhidden");
    expect(
      await shell.ask("ipcmk --queue >/dev/null; ipcmk --shmem 4096 >/dev/null; (setsid sleep 1000 &) && echo left"),
    ).toBe("left");
    await shell.logOut(ANSWER_LIMIT_MS);
    const receipt = await readReceipt(id);
    expect(receipt, `${JSON.stringify(receipt)}\n${await machine.sh(DENIALS)}`).toMatchObject({
      id,
      cause: "logout",
      clean: true,
      left: [],
    });
  });

  it.each(guests)("keeps a session $sort across its restart and reload, and can end it", async ({ login }) => {
    const { shell, id } = await logIn(login);
    await machine.sh("systemctl restart guestd; systemctl reload guestd");
    expect(await readLabel("guestd")).toBe("guestd (enforce)");
    expect(await shell.ask("id -un")).toMatch(/^guest/);
    expect(await machine.sh(`guestctl end ${id}`)).toContain("nothing is left");
  });

  it("finds holders of a namespace or directory of a guest's", async () => {
    const { shell, id } = await logIn((one) => one.loginAsGhost());
    await shell.ask(
      "(setsid unshare -Urm sleep 4711 >/dev/null 2>&1 </dev/null &) ; until pgrep -x sleep >/dev/null; do :; done",
      ANSWER_LIMIT_MS,
    );
    const home = "/proc/$(pgrep -x sleep)/root$(getent passwd $(ps -o user= -p $(pgrep -x sleep)) | cut -d: -f6)";
    await machine.sh(`systemd-run --quiet --unit=holder --property=Type=exec sh -c 'exec 9</proc/$(pgrep -x sleep)/ns/mnt; exec tail -f /dev/null'
      systemd-run --quiet --unit=other --property=Type=exec sh -c 'cd ${home}; exec tail -f /dev/null'`);
    await waitUntil(
      "both",
      () =>
        machine.sh("cat /proc/$(systemctl show -P MainPID holder)/comm /proc/$(systemctl show -P MainPID other)/comm"),
      (seen) => seen === "tail\ntail",
      ANSWER_LIMIT_MS,
    );
    await shell.logOut(ANSWER_LIMIT_MS);
    const said = [
      "open-files: process PID (tail) holds a namespace of it (namespace)",
      "open-files: process PID (tail) holds a file of it (directory)",
    ];
    const { left } = await readReceipt(id);
    expect(left.map((sentence) => sentence.replace(/\d+/, "PID")).toSorted()).toEqual(said.toSorted());
    await machine.sh("systemctl stop holder other");
  });

  it("unmounts a medium that a guest has left in, and tells greeters of the switch", async () => {
    const { shell, id } = await logIn((one) => one.loginAsGhost());
    const medium = `/media/${await shell.ask("id -un")}/STICK`;
    await machine.sh(`mkdir -p ${medium}; mount -t tmpfs tmpfs ${medium}`);
    await shell.logOut(ANSWER_LIMIT_MS);
    expect(await readReceipt(id)).toMatchObject({ clean: true, left: [] });
    expect(await machine.sh(`findmnt ${medium} || true; find /media -name STICK`)).toBe("");
    const look = "cat /var/lib/guestd-greeters/sddm.conf; ls /var/lib/guestd-greeters";
    expect(await machine.sh(`guestctl disable >/dev/null; ${look}`)).toBe("[Users]\nHideUsers=guest\nsddm.conf");
    await machine.sh("guestctl enable");
    expect(await machine.sh(look)).toContain("lightdm-guest-account");
  });

  it("runs the programs of CUPS", async () => {
    const paths = ["/usr/bin/lpstat", "/usr/bin/cancel"];
    await machine.sh(`for path in ${paths.join(" ")}; do [ -e $path ] || cp /bin/true $path; done`);
    const script = `for (const path of ${JSON.stringify(paths)}) require("child_process").execFileSync(path, ["--version"])`;
    const { code, stderr } = await machine.run(["aa-exec", "--profile=guestd", "--", "/usr/bin/node", "-e", script]);
    expect(code, stderr).toBe(0);
  });

  it("is denied nothing that it did", async () => {
    expect(await machine.sh(DENIALS)).toBe("");
    expect(await machine.sh("systemctl show -P NRestarts -P ActiveState guestd")).toBe("0\nactive");
  });

  it.each([
    ["run a shell", 'require("child_process").execFileSync("/bin/sh", ["-c", ":"])'],
    [
      "run a guest's program",
      'require("fs").copyFileSync("/bin/true", "/tmp/mine"); require("fs").chmodSync("/tmp/mine", 0o755); require("child_process").execFileSync("/tmp/mine")',
    ],
    ["change the accounts", 'require("fs").appendFileSync("/etc/passwd", "")'],
    ["change a PAM stack", 'require("fs").appendFileSync("/etc/pam.d/login", "")'],
    ["change a program", 'require("fs").writeFileSync("/usr/bin/new", "")'],
    ["change a setting of the kernel", 'require("fs").writeFileSync("/proc/sys/kernel/core_pattern", "core")'],
    ["read the disk", 'require("fs").openSync("/dev/vda", "r")'],
  ])("is kept by its profile from this: %s", async (_, script) => {
    expect((await machine.run(["node", "-e", script])).code).toBe(0);
    const { code, stderr } = await machine.run(["aa-exec", "--profile=guestd", "--", "/usr/bin/node", "-e", script]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/EACCES|EPERM/);
  });

  it("has denials in the journal, which shows that the test above looks at the right entries", async () => {
    await machine.run([
      "aa-exec",
      "--profile=guestd",
      "--",
      "/usr/bin/node",
      "-e",
      'require("child_process").execFileSync("/bin/sh")',
    ]);
    expect(await machine.sh(DENIALS)).toMatch(
      /profile="guestd" name="\/bin\/sh"|profile="guestd" name="\/usr\/bin\/dash"/,
    );
  });

  it("starts and lets guests in where the profile is not loaded", async () => {
    await machine.sh(
      "systemctl stop guestd; apparmor_parser --remove /etc/apparmor.d/usr.lib.guestd; systemctl start guestd",
    );
    expect(await readLabel("guestd")).toBe("unconfined");
    const { shell, id } = await logIn((target) => target.loginAsGhost());
    await shell.logOut(ANSWER_LIMIT_MS);
    expect(await readReceipt(id)).toMatchObject({ clean: true });
  });
});
