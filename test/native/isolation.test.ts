// Which mounts views, their base and the host see, and that a guest cannot get below a mask.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuiltView } from "../../src/system/bindings.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  GUEST,
  hide,
  inside,
  LABEL,
  mountsOf,
  native,
  overlay,
  pidOf,
  proc,
  readonly,
  startBase,
  tmpfs,
  withView,
} from "./rig.ts";

describeAsRoot("between a view and its host", () => {
  let base: Base;
  let view: BuiltView;
  const host = readFileSync("/proc/self/mountinfo", "utf8");
  beforeAll(async () => {
    base = await startBase();
    // User namespaces are allowed, unlike on some kernels, to test the masks themselves.
    base.sh("mount -t tmpfs base /home && mkdir -m 755 /home/bob && echo secret > /home/bob/secret");
    base.sh("mount -t tmpfs -o mode=755 base /srv && echo secret > /srv/file && mkdir /srv/place");
    view = await base.build(
      overlay("/etc", [], ["shadow"]),
      readonly("/srv"),
      hide("/srv/file"),
      hide("/home"),
      hide("/etc/passwd"),
      tmpfs("/home/guest", { create: true, uid: GUEST, gid: GUEST }),
      tmpfs("/tmp", { mode: 0o1777 }),
      bind("/usr/share", "/mnt", { readonly: true }),
      proc(),
    );
  });
  afterAll(async () => {
    closeSync(view.fd);
    await base.end();
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(host);
  });

  it("no mount of the view appears in the base or on the host", () => {
    for (const table of [base.sh("cat /proc/self/mountinfo"), readFileSync("/proc/self/mountinfo", "utf8")])
      expect(table).not.toContain(" guestd ");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(host);
  });

  it("a later mount inside the view does not appear in the base", () => {
    inside(view, "mount -t tmpfs late /opt && mount -t tmpfs late /tmp");
    expect(base.sh("cat /proc/self/mountinfo")).not.toContain(" late ");
  });

  it("no mount of the view is shared", () => {
    expect(inside(view, "grep -c shared: /proc/self/mountinfo")).toBe("0");
  });

  it("a later mount of the base elsewhere appears in the view, and goes away with it", () => {
    base.sh("mount -t tmpfs later /media && touch /media/stick");
    expect(inside(view, "ls /media")).toBe("stick");
    base.sh("umount /media");
    expect(inside(view, "ls /media")).toBe("");
  });

  it("a later mount of the base over or below a hidden path does not appear", () => {
    base.sh("mkdir /home/late && mount -t tmpfs later /home/late && touch /home/late/below");
    base.sh("mount -t tmpfs later /home && touch /home/over");
    expect(inside(view, "ls -A /home; ls -A /home/late")).toMatch(/^guest\nls: .*No such file/);
    base.sh("umount /home");
    expect(inside(view, "ls -A /home")).toBe("guest");
  });

  it("a later mount of the base below a read-only path does not appear writable there", () => {
    base.sh("mount -t tmpfs later /srv/place");
    expect(inside(view, "touch /srv/place/x")).toMatch(/Read-only/);
    base.sh("umount /srv/place");
  });

  const escapes = [
    "umount /home",
    "umount -l /home",
    "umount -l /home/guest; umount -l /home",
    "umount -l /srv/file",
    "umount -l /srv",
    "umount -l /proc",
    "mount --move /home /tmp",
    "mount -o remount,bind,rw /home",
    "mount -o remount,bind,rw /srv && touch /srv/written && echo secret",
    "mount --bind / /tmp",
    "mount --rbind / /tmp && umount -l /tmp/home",
    "mount --make-rshared /",
    "mount --make-rprivate / && umount -l /home",
    "mount --bind /.. /tmp",
    "mount -t tmpfs x /tmp && mkdir /tmp/r && mount --rbind / /tmp/r && umount -R /tmp/r/home && umount /tmp/r/srv",
    "mkdir /tmp/old; mount --rbind / /tmp && cd /tmp && pivot_root . tmp/old && umount -l home",
    "umount -l /",
    "umount -a",
    "umount -l /etc",
    "umount -l /etc/passwd",
    "mount -t proc p /proc && ls /proc/1/root",
    "mount -t overlay o -o lowerdir=/home:/,upperdir=/tmp,workdir=/tmp /tmp",
  ];
  it.each(escapes)("a guest who is root in their own namespaces gets below no mask by: %s", (attempt) => {
    const shown =
      "cat /home/bob/secret /srv/file /tmp/home/bob/secret /tmp/r/home/bob/secret /tmp/bob/secret /tmp/srv/file /etc/passwd; ls -A /etc/shadow";
    const seen = inside(view, `unshare -Urm sh -c 'echo entered; ${attempt}; ${shown}'`, GUEST);
    expect(seen).toContain("entered");
    expect(seen).toContain("No such file");
    expect(seen).not.toMatch(/secret$|^secret|^root:|^\/etc\/shadow/m);
  });

  it("a guest without their own namespaces may not unmount anything", () => {
    expect(inside(view, "umount /home; umount -l /tmp", GUEST)).toMatch(/must be superuser.*must be superuser/s);
  });

  it("two views of one plan share nothing", async () => {
    await withView(base, [tmpfs("/tmp")], async (one) => {
      await withView(base, [tmpfs("/tmp")], (two) => {
        inside(one, "touch /tmp/one");
        expect(inside(two, "ls /tmp")).toBe("");
        expect(one.tmpfs[0]?.device).not.toBe(two.tmpfs[0]?.device);
        expect(one.inode).not.toBe(two.inode);
      });
    });
  });

  it("a view can be the base of another", async () => {
    const argv = [`--mount=/proc/${process.pid}/fd/${view.fd}`, "sh", "-c", "echo; exec cat"];
    const leader = spawn("nsenter", argv, { stdio: ["pipe", "pipe", "inherit"] });
    await once(leader.stdout, "data");
    const pidfd = native.openPidfd(pidOf(leader));
    const nested = await native.buildView(pidfd, [tmpfs("/opt")], LABEL);
    expect(mountsOf(nested).map((mount) => mount.target)).toEqual(expect.arrayContaining(["/home/guest", "/opt"]));
    expect(inside(nested, "ls -A /home")).toBe("guest");
    closeSync(nested.fd);
    closeSync(pidfd);
    leader.stdin.end();
    await once(leader, "exit");
  });

  it("the thread that builds a view leaves the process in its own namespaces", async () => {
    const look = () => [
      readlinkSync("/proc/self/cwd"),
      readlinkSync("/proc/self/root"),
      /^Umask:.*/m.exec(readFileSync("/proc/self/status", "utf8"))?.[0],
    ];
    const before = look();
    await withView(base, [overlay("/etc", [], ["motd"])], () => {
      expect(look()).toEqual(before);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(host);
    });
  });

  it("a view lives as long as its descriptor", async () => {
    const short = await base.build(tmpfs("/tmp"));
    const path = `/proc/${process.pid}/fd/${short.fd}`;
    expect(inside(short, "echo alive")).toBe("alive");
    closeSync(short.fd);
    expect(() => readFileSync(path)).toThrow("ENOENT");
  });
});
