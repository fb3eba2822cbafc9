/** Open directories of the host: a guest who inherits one reaches the host's files through `/proc/self/fd/N`. */
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { type Hook } from "./host.ts";
import { refused, session } from "./scripted_guestd.ts";
import { accounts, directories } from "./world.ts";

/** The tests' caller may have left some open. */
const closing = 'for path in /proc/$$/fd/*; do fd=${path##*/}; [ "$fd" -le 2 ] || eval "exec $fd<&-"; done';

/** Like a user's shell: `exec 9</; su guest1`. */
const opening = (redirections: string) => ["bash", "-euc", `${closing}\n${redirections}\nexec "$@"`, "bash"];

/** ASan's leak check cannot run under strace. */
const traced = (...options: readonly string[]) => ({
  wrapper: ["strace", "-f", "-o", "/dev/null", ...options],
  environment: { ASAN_OPTIONS: "detect_leaks=0" },
});

function only(hooks: readonly Hook[]): Hook {
  const [hook] = hooks;
  if (!hook || hooks.length > 1) throw new Error(`one hook, not ${String(hooks.length)}`);
  return hook;
}

describeModule("a descriptor that a guest would inherit", (at) => {
  it("is closed if it is a directory", async () => {
    const hook = await at.once({ wrapper: opening(`exec 8</ 9<${directories.outside} 400<.`) });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", logged: [] });
    expect(hook.before.inherited).toBe("8 9 400 ");
    expect(hook.after.inherited).toBe("");
    expect(hook.after.descriptors).toBe(hook.before.descriptors);
  });

  it("is closed if it is a directory opened with O_PATH", async () => {
    const hook = only(await at.run([`path=${directories.outside}`, "open"], { wrapper: opening("") }));
    expect(hook.before.inherited).not.toBe("");
    expect(hook.after.inherited).toBe("");
  });

  it("is closed if it is a directory above the limit of descriptors", async () => {
    const hook = await at.once({ wrapper: opening("exec 500</; ulimit -n 16") });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", before: { inherited: "500 " }, after: { inherited: "" } });
  });

  it("is found among thousands if it is a directory", async () => {
    const many = 'ulimit -n 8192; for i in {10..5009}; do eval "exec $i</dev/null"; done; exec 5010</';
    const hook = await at.once({ wrapper: opening(many) });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.before.inherited).toMatch(/ 5010 $/);
    expect(hook.after.inherited).toBe(hook.before.inherited.replace(/5010 $/, ""));
  });

  it("stays if it is anything else, since applications pass on files, pipes and sockets", async () => {
    const line = "exec 4</etc/hostname 5</dev/null 6< <(:) 7</proc/self/ns/mnt";
    const hook = only(await at.run(["path=/etc/passwd", "path=/proc/self/exe", "open"], { wrapper: opening(line) }));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.before.inherited).toMatch(/^4 5 6 7 (\d+ )+$/);
    expect(hook.after.inherited).toBe(hook.before.inherited);
  });

  it.each([0, 2])("refuses the guest, outside the view, if it is a directory and number %d", async (number) => {
    const hook = await at.once({ wrapper: opening(`exec 9</ ${String(number)}</`) });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain(`guest refused: descriptor ${String(number)} is a directory of the host`);
    expect(hook.after).toEqual(hook.before);
  });

  it("is closed for a user manager, too", async () => {
    const service = "systemd-user";
    const hook = await at.once({ service, wrapper: opening("exec 9</") });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", after: { inherited: "" } });
    const refusal = await at.once({ service, wrapper: opening("exec 0</") });
    expect(refusal.result).toBe("PAM_SESSION_ERR");
    expect(refusal.after).toEqual(refusal.before);
  });

  it("counts as a directory where its type is unknown", async () => {
    // The fourth is the first after 0, 1 and 2.
    const { wrapper, environment } = traced("-e", "inject=statx:error=EACCES:when=4+");
    const hook = await at.once({ wrapper: [...opening("exec 9</etc/hostname"), ...wrapper], environment });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", before: { inherited: "9 " }, after: { inherited: "" } });
    const refusal = await at.once(traced("-e", "inject=statx:error=EACCES:when=1"));
    expect(refusal.result).toBe("PAM_SESSION_ERR");
    expect(refusal.logged.join()).toContain("descriptor 0 ");
  });

  it.each([
    ["openat:error=EMFILE", "descriptors of this process: Too many open files"],
    ["getdents64:error=EIO", "descriptors of this process: Input/output error"],
    ["fcntl:error=EIO", "descriptor 9: close on exec: Input/output error"],
  ])("refuses the guest where it cannot be found or closed (%s)", async (fault, reason) => {
    // -D: the program keeps the shell's PID. The host program lists its thread's descriptors, under another path.
    const paths = `-P /proc/self/fd -P /proc/$$/fd -P ${directories.outside}`;
    const strace = `exec strace -D --quiet=attach,path-resolution -o /dev/null ${paths} -e inject=${fault} "$@"`;
    const wrapper = opening(`exec 9<${directories.outside}; ${strace}`);
    const hook = await at.once({ wrapper, environment: traced().environment });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain(`guest refused: ${reason}`);
    expect(hook.after.namespace).toBe(hook.before.namespace);
  });

  it("stays where guestd refuses, or the view is invalid", async () => {
    for (const answer of [refused("No more guests today."), session({ ...at.view, inode: at.view.inode + 1n })]) {
      at.guestd.answer = answer;
      const hook = await at.once({ wrapper: opening("exec 9</") });
      expect(hook.result).toBe("PAM_SESSION_ERR");
      expect(hook.after).toEqual(hook.before);
    }
  });

  it("stays where the user is no guest", async () => {
    const hook = await at.once({ user: accounts.outsider, wrapper: opening("exec 0</ 9</") });
    expect(hook).toMatchObject({ result: "PAM_IGNORE", before: { inherited: "9 " } });
    expect(hook.after).toEqual(hook.before);
  });
});
