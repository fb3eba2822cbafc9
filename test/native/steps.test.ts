// Each kind of step except the overlay, as seen from inside the view.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuiltView } from "../../src/system/bindings.ts";
import { within } from "../../src/wait.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  devpts,
  GUEST,
  hide,
  inside,
  LABEL,
  mountAt,
  mkdir,
  mountsOf,
  mqueue,
  native,
  overlay,
  pidOf,
  proc,
  readonly,
  socket,
  startBase,
  tmpfs,
  withView,
} from "./rig.ts";

/** Beyond this, a file system never answers. */
const ANSWER_LIMIT_MS = 10_000;

describeAsRoot("in a view", () => {
  let base: Base;
  beforeAll(async () => {
    base = await startBase();
    base.sh("mount -t tmpfs base /home && mkdir /home/bob /home/guest && echo secret > /home/bob/secret");
    for (const name of ["source/below", "target", "covered"]) mkdirSync(`${base.dir}/${name}`, { recursive: true });
    for (const name of ["source/file", "target-file"]) writeFileSync(`${base.dir}/${name}`, name);
    base.sh(`mount -t tmpfs below ${base.dir}/source/below && touch ${base.dir}/source/below/deep`);
  });
  afterAll(() => base.end());

  it("an empty plan changes nothing, and the namespace is new", async () => {
    await withView(base, [], (view) => {
      expect(statSync(`/proc/self/fd/${view.fd}`).ino).toBe(view.inode);
      expect(view.inode).not.toBe(statSync(`/proc/${base.pid}/ns/mnt`).ino);
      expect(view).toMatchObject({ tmpfs: [], skipped: [] });
      const targets = base.sh("cut -d' ' -f5 /proc/self/mountinfo").trim().split("\n");
      expect(
        mountsOf(view)
          .map((mount) => mount.target)
          .sort(),
      ).toEqual(targets.sort());
    });
  });

  it("the descriptor is closed on exec", async () => {
    const view = await base.build();
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${view.fd}`, "utf8"))?.[1];
    expect(Number.parseInt(flags ?? "0", 8) & 0o2000000).not.toBe(0);
    closeSync(view.fd);
  });

  it("a tmpfs has its size, inodes, owner, mode and flags", async () => {
    const plan = [
      tmpfs("/tmp", { mode: 0o1777, size: "3m", inodes: 7 }),
      tmpfs("/home/guest", { mode: 0o2700, uid: GUEST, gid: 54321, noexec: true }),
    ];
    await withView(base, plan, (view) => {
      expect(inside(view, "stat -c '%a %u %g' /tmp /home/guest")).toBe(`1777 0 0\n2700 ${GUEST} 54321`);
      expect(inside(view, "stat -f -c '%b %S %c' /tmp")).toBe("768 4096 7");
      const [tmp, home] = [mountAt(view, "/tmp"), mountAt(view, "/home/guest")];
      expect(tmp.flags).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev"]));
      expect(tmp.flags).not.toContain("noexec");
      expect(home.flags).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev", "noexec"]));
      expect(view.tmpfs).toEqual([
        { target: "/tmp", device: tmp.device },
        { target: "/home/guest", device: home.device },
      ]);
    });
  });

  it("each tmpfs has the label as its source, and no other mount has", async () => {
    const plan = [
      overlay("/etc", [], ["motd"]),
      hide(`${base.dir}/target`),
      hide(`${base.dir}/target-file`),
      proc(),
      tmpfs("/var/tmp"),
    ];
    await withView(base, plan, (view) => {
      const labelled = mountsOf(view).filter(({ source }) => source === LABEL);
      expect(labelled.map(({ target, type }) => `${target} ${type}`).sort()).toEqual([
        `${base.dir}/target tmpfs`,
        `${base.dir}/target-file tmpfs`,
        "/var/tmp tmpfs",
      ]);
    });
    expect(base.sh("cat /proc/self/mountinfo")).not.toContain(LABEL);
  });

  it("a tmpfs is full at its limits, and only for its owner", async () => {
    await withView(base, [tmpfs("/tmp", { mode: 0o1777, size: "1m", inodes: 4 })], (view) => {
      expect(
        inside(
          view,
          "head -c 2000000 /dev/zero > /tmp/big; rm /tmp/big; touch /tmp/1 /tmp/2 /tmp/3 && touch /tmp/4",
          GUEST,
        ),
      ).toMatch(/No space left.*\n.*\/tmp\/4.*No space left/s);
    });
  });

  it("a tmpfs stays out of swap where the kernel supports that", async () => {
    await withView(base, [tmpfs("/tmp")], (view) => {
      const [major = 0, minor = 0] = inside(view, "uname -r").split(".").map(Number);
      expect(mountAt(view, "/tmp").options.includes("noswap")).toBe(major > 6 || (major === 6 && minor >= 4));
    });
  });

  it("a mount point is created inside a hidden path, which is sealed after that", async () => {
    const plan = [hide("/home"), tmpfs("/home/guests/one", { create: true, uid: GUEST, mode: 0o700 })];
    await withView(base, plan, (view) => {
      expect(inside(view, "find /home -printf '%p %m %U\n' | sort")).toBe(
        `/home 755 0\n/home/guests 755 0\n/home/guests/one 700 ${GUEST}`,
      );
      expect(
        inside(view, "touch /home/new; touch /home/guests/new; touch /home/guests/one/new && echo written"),
      ).toMatch(/Read-only file system\n.*Read-only file system\nwritten$/);
    });
  });

  it("a mount point is not created through a symbolic link of a skeleton", async () => {
    mkdirSync(`${base.dir}/skel`);
    symlinkSync("/mnt", `${base.dir}/skel/.cache`);
    const plan = [
      tmpfs("/home/guest", { skeletons: [`${base.dir}/skel`] }),
      tmpfs("/home/guest/.cache/x", { create: true }),
    ];
    await expect(base.build(...plan)).rejects.toMatchObject({ code: "ELOOP", path: "/home/guest/.cache" });
  });

  it("a read-only tmpfs is sealed once everything inside it is attached", async () => {
    await withView(
      base,
      [tmpfs("/mnt", { readonly: true, mode: 0o1777 }), tmpfs("/mnt/inner", { create: true })],
      (view) => {
        expect(inside(view, "touch /mnt/x; touch /mnt/inner/x && echo written")).toMatch(
          /Read-only file system\nwritten$/,
        );
      },
    );
  });

  it("a hidden directory is empty, read-only and root's", async () => {
    await withView(base, [hide("/home")], (view) => {
      expect(inside(view, "ls -A /home; stat -c '%a %u' /home; cat /home/bob/secret")).toMatch(
        /^755 0\ncat: .*No such file/,
      );
      expect(inside(view, "touch /home/x; mkdir /home/x")).toMatch(/Read-only.*Read-only/s);
      expect(mountAt(view, "/home").flags).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]));
    });
  });

  it("a hidden file is an empty, read-only file, whatever it was", async () => {
    base.sh(`mkfifo /home/fifo; ln -sf x /home/link; mknod /home/device c 1 5`);
    const plan = ["/etc/passwd", "/home/fifo", "/home/device", `${base.dir}/target-file`].map((path) => hide(path));
    await withView(base, plan, (view) => {
      const paths = plan.map((step) => step.target).join(" ");
      expect(inside(view, `stat -c '%F %s %u' ${paths} | uniq`)).toBe("regular empty file 0 0");
      expect(
        inside(view, `for path in ${paths}; do echo x > $path; chmod 777 $path; done`).match(/Read-only/g),
      ).toHaveLength(8);
      expect(mountsOf(view).filter((mount) => mount.root === "/")).toEqual(
        expect.not.arrayContaining([expect.objectContaining({ target: "/etc" })]),
      );
    });
  });

  it("a file in the root directory can be hidden", async () => {
    // An overlay over the real root is a writable root that leaves the host alone.
    const script = `mount -t tmpfs upper /mnt && mkdir /mnt/up /mnt/work /mnt/root
      mount -t overlay root /mnt/root -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work
      for place in proc dev tmp; do mount --rbind /$place /mnt/root/$place; done
      echo secret > /mnt/root/file && cd /mnt/root && pivot_root . mnt && umount -l mnt && echo && exec cat`;
    const leader = spawn("unshare", ["--mount", "sh", "-euc", script], { stdio: ["pipe", "pipe", "inherit"] });
    await once(leader.stdout, "data");
    const pidfd = native.openPidfd(pidOf(leader));
    const view = await native.buildView(pidfd, [hide("/file")], LABEL);
    expect(inside(view, `stat -c %s /file; grep -c ${LABEL} /proc/self/mountinfo; ls -d /usr`)).toBe("0\n1\n/usr");
    closeSync(view.fd);
    closeSync(pidfd);
    leader.stdin.end();
    await once(leader, "exit");
  });

  it("a hidden path stays hidden below a later read-only step", async () => {
    await withView(base, [hide("/home/bob"), readonly("/home")], (view) => {
      expect(inside(view, "cat /home/bob/secret; touch /home/x")).toMatch(/No such file.*Read-only/s);
    });
  });

  it("a path that only a bind brings in can be hidden", async () => {
    await withView(base, [bind("/home", `${base.dir}/target`), hide(`${base.dir}/target/bob`, true)], (view) => {
      expect(view.skipped).toEqual([]);
      expect(inside(view, `ls -A ${base.dir}/target/bob`)).toBe("");
    });
  });

  it("a bind shows its source with all mounts inside, nosuid and nodev", async () => {
    await withView(base, [bind(`${base.dir}/source`, `${base.dir}/target`)], (view) => {
      expect(inside(view, `ls ${base.dir}/target ${base.dir}/target/below`)).toMatch(
        /below\nfile\n.*\n.*below:\ndeep$/s,
      );
      for (const target of ["target", "target/below"])
        expect(mountAt(view, `${base.dir}/${target}`).flags).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev"]));
    });
  });

  it("a read-only bind includes all mounts inside", async () => {
    await withView(base, [bind(`${base.dir}/source`, `${base.dir}/target`, { readonly: true })], (view) => {
      expect(
        inside(
          view,
          `touch ${base.dir}/target/x; touch ${base.dir}/target/below/x; touch ${base.dir}/source/below/x && echo written`,
        ),
      ).toMatch(/Read-only.*Read-only.*written/s);
    });
  });

  it("a file can be bound over a file", async () => {
    await withView(base, [bind(`${base.dir}/source/file`, `${base.dir}/target-file`, { readonly: true })], (view) => {
      expect(inside(view, `cat ${base.dir}/target-file`)).toBe("source/file");
    });
  });

  it("a read-only path includes all mounts inside, and keeps setuid programs", async () => {
    await withView(base, [readonly(`${base.dir}/source`), readonly("/usr")], (view) => {
      expect(inside(view, `touch ${base.dir}/source/x; touch ${base.dir}/source/below/x; touch /usr/x`)).toMatch(
        /(Read-only.*){3}/s,
      );
      expect(mountAt(view, "/usr").flags).not.toContain("nosuid");
    });
  });

  it("sources come from the base, whatever the order of the steps", async () => {
    const top = `/${base.dir.split("/")[1]}`;
    await withView(
      base,
      [tmpfs(top), bind(`${base.dir}/source`, "/mnt"), bind("/home", "/srv"), hide("/home")],
      (view) => {
        expect(inside(view, "cat /mnt/file /srv/bob/secret; ls -A /home")).toBe("source/filesecret");
      },
    );
  });

  it.skipIf(!existsSync("/dev/fuse"))(
    "a mount that does not answer is bound, and made read-only, without a request to it",
    async () => {
      const place = `${base.dir}/silent`;
      const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
      const script = `mkdir ${place}; exec 3<>/dev/fuse; mount -i -t fuse -o ${options} silent ${place} >&2; echo ready; exec cat`;
      const server = spawn("nsenter", ["-t", String(base.pid), "-m", "sh", "-euc", script]);
      await once(server.stdout, "data");
      const look = (view: BuiltView) => ["/mnt", place].map((path) => mountAt(view, path).source);
      try {
        const building = withView(base, [bind(place, "/mnt"), readonly(place)], look);
        const found = await within(building, ANSWER_LIMIT_MS, () => {
          throw new Error("the view waits for an answer");
        });
        expect(found).toEqual(["silent", "silent"]);
      } finally {
        // The kernel then answers for it.
        server.stdin.end();
        await once(server, "exit");
        base.sh(`umount -l ${place}`);
      }
    },
  );

  it("the later of two steps at one path is on top", async () => {
    await withView(base, [hide("/mnt"), tmpfs("/mnt", { mode: 0o700 }), tmpfs("/mnt", { mode: 0o711 })], (view) => {
      expect(inside(view, "stat -c %a /mnt")).toBe("711");
      expect(view.tmpfs).toHaveLength(2);
    });
  });

  it("optional steps without a target or source are skipped and named", async () => {
    const none = `${base.dir}/none`;
    const optional = true;
    const plan = [
      tmpfs(`${none}1`, { optional }),
      hide(`${none}2`, optional),
      readonly(`${none}3`, optional),
      bind(none, "/mnt", { optional }),
      bind("/home", `${none}5`, { optional }),
      tmpfs(`${none}6`, { optional, create: true }),
      hide("/home", optional),
    ];
    await withView(base, plan, (view) => {
      expect(view.skipped).toEqual([`${none}1`, `${none}2`, `${none}3`, "/mnt", `${none}5`, `${none}6`]);
      expect(view.tmpfs).toEqual([]);
      expect(inside(view, "ls -A /home")).toBe("");
    });
  });

  it("/proc shows a guest only their own processes", async () => {
    await withView(base, [proc("invisible")], (view) => {
      expect(inside(view, "ls -d /proc/1 /proc/self; ls -d /proc/[0-9]* | wc -l", GUEST)).toMatch(
        /\/proc\/1.*No such file.*\/proc\/self\n[23]$/s,
      );
      expect(inside(view, "ls -d /proc/1")).toBe("/proc/1");
      expect(mountAt(view, "/proc").flags).toEqual(expect.arrayContaining(["nosuid", "nodev", "noexec"]));
    });
  });

  const modes = [
    ["noaccess", /cat: \/proc\/1\/cmdline: (Operation not|Permission)/],
    ["ptraceable", /No such file/],
  ] as const;
  it.each(modes)("/proc accepts hidepid=%s", async (hidepid, expected) => {
    await withView(base, [proc(hidepid)], (view) => {
      expect(inside(view, "cat /proc/1/cmdline", GUEST)).toMatch(expected);
      expect(mountAt(view, "/proc").options).toContain(`hidepid=${hidepid}`);
    });
  });

  it("the cover of /proc/1 is all that a guest sees there, and does not prevent a /proc of their own", async () => {
    mkdirSync(`${base.dir}/first/proc`, { recursive: true });
    writeFileSync(`${base.dir}/first/cgroup`, "0::/init.scope\n");
    const covered = [proc(), bind(`${base.dir}/first`, "/proc/1", { readonly: true })];
    const mountOwn = "unshare --user --map-root-user --mount --pid --fork mount -t proc proc /proc && echo mounted";
    await withView(base, [...covered, proc("invisible", "/proc/1/proc")], (view) => {
      const look = "cat /proc/1/cgroup; ls -A /proc/1; ls -d /proc/[0-9]* | wc -l; ls -d /proc/1/proc/1";
      expect(inside(view, look, GUEST)).toMatch(/^0::\/init\.scope\ncgroup\nproc\n[23]\n.*No such file/);
      expect(inside(view, mountOwn, GUEST)).toBe("mounted");
    });
    await withView(base, covered, (view) => {
      expect(inside(view, mountOwn, GUEST)).toMatch(/permission denied/);
    });
  });

  it("a directory is root's, has its mode, and is created only in a tmpfs of the plan", async () => {
    const other = `${base.dir}/target`;
    const plan = [
      tmpfs("/mnt", { mode: 0o1777 }),
      mkdir("/mnt/open"),
      mkdir("/mnt/shut", 0o700),
      mkdir(other),
      mkdir(`${other}/none`),
    ];
    await withView(base, plan, (view) => {
      expect(view.skipped).toEqual([other, `${other}/none`]);
      expect(inside(view, "stat -c '%n %a %u %g' /mnt/*")).toBe("/mnt/open 1777 0 0\n/mnt/shut 700 0 0");
      const replace = "rmdir /mnt/open; mv /mnt/open /mnt/x; touch /mnt/open/own && ls /mnt/open";
      expect(inside(view, replace, GUEST)).toMatch(/(not permitted.*){2}own$/s);
    });
    expect(statSync(other).mode & 0o7777).toBe(0o755);
  });

  describe("a socket", () => {
    const server = createServer();
    let own: string;
    beforeAll(async () => {
      own = `${base.dir}/socket`;
      await once(server.listen(own), "listening");
      base.sh(`chmod 777 ${own}; cd ${base.dir}; ln -s ${own} link; ln -s . links; touch file`);
    });
    afterAll(async () => {
      await once(server.close(), "close");
    });
    const cover = () => tmpfs(base.dir, { mode: 0o1777 });
    const connect = (path: string) =>
      `perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(shift) ? "connected" : "none: $!"' ${path}`;

    it.each([0, GUEST])("of uid %i is visible through its cover, and answers", async (uid) => {
      chownSync(own, uid, 0);
      await withView(base, [cover(), socket(own)], (view) => {
        expect(view.skipped).toEqual([]);
        expect(inside(view, connect(own), GUEST)).toBe("connected");
        expect(inside(view, `ls -A ${base.dir}; rm ${own}; mv ${own} ${own}2`, GUEST)).toMatch(
          /^socket\n(.*(not permitted|busy)\n?){2}$/,
        );
      });
    });

    it("of another UID is skipped and named, like a file, a link, and a missing path", async () => {
      chownSync(own, GUEST + 1000, 0);
      const names = ["socket", "file", "link", "links/socket", "none"];
      const paths = names.map((name) => `${base.dir}/${name}`);
      await withView(base, [cover(), ...paths.map((path) => socket(path))], (view) => {
        expect(view.skipped).toEqual(paths);
        expect(inside(view, `ls -A ${base.dir}`)).toBe("");
      });
    });
  });

  it("pseudo-terminals are the view's own, and work through /dev/ptmx", async () => {
    const terminals = base.sh("ls /dev/pts");
    await withView(base, [devpts("/dev/pts")], (view) => {
      const open = "exec 3<>/dev/ptmx && ls -A /dev/pts && stat -c '%a %u %g' /dev/pts/0";
      expect(inside(view, open)).toBe("0\nptmx\n620 0 5");
      expect(
        inside(view, `exec 4<>/dev/ptmx; setpriv --reuid=${GUEST} --clear-groups sh -c "${open}"; ls /dev/pts`),
      ).toMatch(/^0\n1\nptmx\n/);
      expect(inside(view, open, GUEST)).toBe(`0\nptmx\n620 ${GUEST} 5`);
      expect(base.sh("ls /dev/pts")).toBe(terminals);
      expect(mountAt(view, "/dev/pts").flags).toEqual(expect.arrayContaining(["nosuid", "noexec"]));
    });
  });

  it("message queues are those of the view's own IPC namespace", async () => {
    base.sh(`mount -t mqueue base /media && touch /media/guestns-${base.pid}`);
    try {
      await withView(base, [mqueue("/mnt")], (view) => {
        expect(inside(view, "ls /mnt")).toBe("");
        expect(mountAt(view, "/mnt").flags).toEqual(expect.arrayContaining(["nosuid", "nodev", "noexec"]));
        const { isolation } = view;
        expect(Object.keys(isolation ?? {})).toEqual(["ipc"]);
        expect(isolation?.ipc.inode).not.toBe(statSync("/proc/self/ns/ipc").ino);
        expect(fstatSync(isolation?.ipc.fd ?? -1).ino).toBe(isolation?.ipc.inode);
        // Only processes that join the namespace see what is created there.
        const join = (script: string) =>
          execFileSync("nsenter", [`--ipc=/proc/${process.pid}/fd/${isolation?.ipc.fd ?? -1}`, "sh", "-c", script], {
            encoding: "utf8",
          });
        join("ipcmk -M 4096 >/dev/null");
        expect(join("ipcs -m | grep -c ^0x")).toBe("1\n");
        expect(base.sh("ipcs -m | grep -c ^0x || true").trim()).toBe("0");
      });
    } finally {
      base.sh(`rm /media/guestns-${base.pid}; umount /media`);
    }
  });

  it("message queues without a mount point are skipped, and the IPC namespace is still the view's own", async () => {
    await withView(base, [mqueue("/none/mqueue", true)], (view) => {
      expect(view.skipped).toEqual(["/none/mqueue"]);
      expect(view.isolation).toHaveProperty("ipc");
    });
  });

  it("support for overlayfs is detected", () => {
    expect(native.probe().overlay).toBe(readFileSync("/proc/filesystems", "utf8").includes("\toverlay\n"));
  });

  it("support for a tmpfs without swap is detected, as mount(8) finds it", () => {
    const tried = base.sh(
      "if mount -t tmpfs -o noswap tried /media; then findmnt -n -o OPTIONS /media; umount /media; else echo no; fi 2>&1",
    );
    expect(native.probe().noswap).toBe(tried.split(/[,\n]/).includes("noswap"));
  });
});
