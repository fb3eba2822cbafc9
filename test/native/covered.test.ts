// Mounts under covered paths, and mount points that are created.
import { closeSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Step } from "../../src/policy/steps.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  failureOf,
  hide,
  inside,
  LABEL,
  mountsOf,
  overlay,
  readonly,
  startBase,
  tmpfs,
  withView,
} from "./rig.ts";

describeAsRoot("in a view with covered paths", () => {
  let base: Base;
  let table: string;
  beforeAll(async () => {
    base = await startBase();
    for (const name of ["source", "layer"]) mkdirSync(`${base.dir}/${name}`);
    writeFileSync(`${base.dir}/source/file`, "lesson");
    writeFileSync(`${base.dir}/layer/added`, "");
    base.sh(`mount -t tmpfs -o mode=755 covered-1 /srv; mkdir /srv/alice /srv/bob; echo s >/srv/bob/secret
      mount -t tmpfs covered-2 /srv; mkdir /srv/alice /srv/bob; echo s >/srv/bob/secret
      mount -t tmpfs covered-3 /srv/alice; mkdir /srv/alice/deep; mount -t tmpfs covered-4 /srv/alice/deep; echo x >/srv/alice/file`);
    table = base.sh("cat /proc/self/mountinfo");
  });
  afterAll(() => base.end());

  const covered = (mounts: ReturnType<typeof mountsOf>) =>
    mounts.filter(({ source }) => source.startsWith("covered")).map(({ source, target }) => `${source} ${target}`);

  it.each<[title: string, steps: () => Step[]]>([
    ["a hidden directory", () => [hide("/srv")]],
    ["a tmpfs", () => [tmpfs("/srv")]],
    ["a bind", () => [bind(`${base.dir}/source`, "/srv")]],
    ["an overlay", () => [overlay("/srv", [`${base.dir}/layer`])]],
  ])("nothing is mounted under %s, and the base keeps its mounts", async (_title, steps) => {
    await withView(base, steps(), (view) => {
      expect(covered(mountsOf(view))).toEqual([]);
      expect(
        inside(view, "ls -A /srv/bob/secret /srv/alice/file 2>&1 | grep -c -v 'No such'; mountpoint /srv"),
      ).toMatch(/is a mountpoint/);
    });
    expect(base.sh("cat /proc/self/mountinfo")).toBe(table);
  });

  it("a read-only path shows the mounts below it once, and its hidden parts show none", async () => {
    await withView(base, [readonly("/srv")], (view) => {
      expect(covered(mountsOf(view)).sort()).toEqual([
        "covered-2 /srv",
        "covered-3 /srv/alice",
        "covered-4 /srv/alice/deep",
      ]);
    });
    await withView(base, [readonly("/srv"), hide("/srv/alice")], (view) => {
      expect(covered(mountsOf(view))).toEqual(["covered-2 /srv"]);
    });
  });

  it("a hidden file with a mount on it is covered at that mount", async () => {
    base.sh(`touch ${base.dir}/file; mount --bind ${base.dir}/source/file ${base.dir}/file`);
    await withView(base, [hide(`${base.dir}/file`)], (view) => {
      expect(inside(view, `cat ${base.dir}/file; grep -c ' ${base.dir}/file ' /proc/self/mountinfo`)).toBe("1");
    });
  });

  it("a mount that contains a step of the plan is covered, not unmounted", async () => {
    await withView(base, [tmpfs("/srv/bob"), readonly("/srv"), bind(`${base.dir}/source`, "/srv")], (view) => {
      expect(view.tmpfs.map(({ device }) => device)).toEqual([
        mountsOf(view).find(({ target, source }) => target === "/srv/bob" && source === LABEL)?.device,
      ]);
    });
  });

  it("mounts beside a covered path stay", async () => {
    await withView(base, [hide("/srv/bob")], (view) => {
      expect(covered(mountsOf(view))).toHaveLength(4);
      expect(inside(view, "cat /srv/alice/file")).toBe("x");
    });
  });

  it("a kept directory is held by the host's descriptor, and not mounted again", async () => {
    const kept = `${base.dir}/kept`;
    mkdirSync(kept);
    await withView(base, [{ kind: "keep", target: kept }], (view) => {
      expect(readlinkSync(`/proc/self/fd/${String(view.kept)}`)).toBe(kept);
      expect(inside(view, `grep -c ${kept} /proc/self/mountinfo`)).toBe("0");
      closeSync(view.kept ?? -1);
    });
    await withView(base, [{ kind: "keep", target: `${kept}/none` }], (view) => {
      expect(view.kept).toBeUndefined();
    });
  });

  it("the target of a bind is created in a directory of the view's own, as a directory or a file", async () => {
    const plan = [
      tmpfs("/tmp", { mode: 0o1777 }),
      hide("/srv"),
      bind(`${base.dir}/source`, "/tmp/a/b", { create: true, readonly: true }),
      bind(`${base.dir}/source/file`, "/srv/file", { create: true }),
    ];
    await withView(base, plan, (view) => {
      expect(inside(view, "cat /tmp/a/b/file /srv/file; stat -c '%U %a %F' /tmp/a; touch /srv/x")).toMatch(
        /^lessonlessonroot 755 directory\n.*Read-only/s,
      );
      expect(view.skipped).toEqual([]);
    });
  });

  it("the target of a bind is not created on the host, whether or not its source may be missing", async () => {
    for (const optional of [false, true]) {
      const step = bind(`${base.dir}/source`, `${base.dir}/none/target`, { create: true, optional });
      expect(await failureOf(base.build(step))).toMatchObject({ step: "attach", code: "ENOENT" });
      expect(base.sh(`ls ${base.dir}`)).not.toContain("none");
    }
  });

  it("an optional bind without its source is skipped, and its target is not created", async () => {
    const step = bind(`${base.dir}/none`, "/tmp/target", { create: true, optional: true });
    await withView(base, [tmpfs("/tmp"), step], (view) => {
      expect(view.skipped).toEqual(["/tmp/target"]);
      expect(inside(view, "ls -A /tmp")).toBe("");
    });
    expect(await failureOf(base.build({ ...step, optional: false }))).toMatchObject({ step: "bind", code: "ENOENT" });
  });
});
