// The overlay step: what is added, replaced and hidden, and what the layers cannot do.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import {
  type Base,
  bind,
  describeAsRoot,
  failureOf,
  GUEST,
  hide,
  inside,
  mountAt,
  overlay,
  startBase,
  tmpfs,
  withView,
} from "./rig.ts";

describeAsRoot("an overlay", () => {
  let base: Base;
  let target: string;
  let layer: string;
  beforeAll(async () => {
    base = await startBase();
  });
  afterAll(() => base.end());
  beforeEach(() => {
    const dir = mkdtempSync(`${base.dir}/overlay-`);
    chmodSync(dir, 0o755);
    [target, layer] = [`${dir}/target`, `${dir}/layer`];
    mkdirSync(`${target}/dir/secret`, { recursive: true });
    mkdirSync(layer);
    for (const name of ["kept", "replaced", "dir/kept", "dir/hidden", "dir/secret/file"])
      writeFileSync(`${target}/${name}`, "target");
  });

  const look = (script: string, layers: readonly string[], hidden: readonly string[] = [], uid = 0): Promise<string> =>
    withView(base, [overlay(target, layers, hidden)], (view) => inside(view, `cd ${target}; ${script}`, uid));

  it("adds, replaces and hides, and the host is unchanged", async () => {
    mkdirSync(`${layer}/dir`);
    for (const name of ["replaced", "added", "dir/added"]) writeFileSync(`${layer}/${name}`, "layer");
    expect(await look("find . -type f | sort | xargs grep -H .", [layer], ["dir/hidden", "dir/secret"])).toBe(
      "./added:layer\n./dir/added:layer\n./dir/kept:target\n./kept:target\n./replaced:layer",
    );
    expect(existsSync(`${target}/added`)).toBe(false);
    expect(existsSync(`${target}/dir/hidden`)).toBe(true);
  });

  it("is read-only, nosuid and nodev", async () => {
    await withView(base, [overlay(target, [layer])], (view) => {
      expect(inside(view, `touch ${target}/new; rm ${target}/kept; chmod 777 ${target}`)).toMatch(/(Read-only.*){3}/s);
      expect(mountAt(view, target)).toMatchObject({
        type: "overlay",
        flags: expect.arrayContaining(["ro", "nosuid", "nodev"]) as string[],
      });
    });
  });

  it("has its first layer on top", async () => {
    const second = `${layer}-2`;
    mkdirSync(second);
    for (const [path, text] of [
      [`${layer}/file`, "first"],
      [`${second}/file`, "second"],
      [`${second}/more`, "second"],
    ] as const)
      writeFileSync(path, text);
    expect(await look("cat file more", [layer, second])).toBe("firstsecond");
  });

  it("shows what lies below it where the target has nothing, and hides that, too", async () => {
    const below = `${layer}-below`;
    mkdirSync(`${below}/dir`, { recursive: true });
    for (const name of ["kept", "replaced", "added", "unseen", "dir/kept", "dir/added"])
      writeFileSync(`${below}/${name}`, "below");
    writeFileSync(`${layer}/replaced`, "layer");
    const show = (layers: readonly string[]) =>
      withView(base, [overlay(target, layers, ["unseen", "dir/secret"], [below])], (view) =>
        inside(view, `cd ${target}; find . -type f | sort | xargs grep -H .`),
      );
    const shown = (replaced: string) =>
      `./added:below\n./dir/added:below\n./dir/hidden:target\n./dir/kept:target\n./kept:target\n./replaced:${replaced}`;
    expect(await show([layer])).toBe(shown("layer"));
    expect(await show([])).toBe(shown("target"));
    chmodSync(below, 0o777);
    expect(await failureOf(base.build(overlay(target, [layer], [], [below])))).toMatchObject({
      code: "EPERM",
      path: below,
    });
  });

  it("also hides what a layer would add", async () => {
    writeFileSync(`${layer}/added`, "");
    expect(await look("ls", [layer], ["added", "dir", "replaced"])).toBe("kept");
  });

  it("hides a directory, with a path inside it also named", async () => {
    const hidden = ["dir", "dir/secret", "dir/secret/file"];
    expect(await look("ls", [], hidden)).toBe("kept\nreplaced");
    expect(await look("ls", [], hidden.reverse())).toBe("kept\nreplaced");
  });

  it("ignores hidden paths that do not exist", async () => {
    expect(await look("ls; ls dir", [], ["none", "none/at/all", "kept/below", "dir/none"])).toBe(
      "dir\nkept\nreplaced\nhidden\nkept\nsecret",
    );
  });

  it("keeps owner and mode of its root and of the directories on the way to a hidden path", async () => {
    chmodSync(`${target}/dir`, 0o700);
    chmodSync(target, 0o711);
    chmodSync(layer, 0o700);
    expect(await look("stat -c %a . dir; ls dir", [layer], ["dir/hidden"])).toBe("711\n700\nkept\nsecret");
    expect(await look("cat dir/kept; cat kept", [layer], ["dir/hidden"], GUEST)).toMatch(
      /^cat: dir\/kept: Permission denied\ntarget$/,
    );
  });

  it("fails rather than leave a symbolic link's target visible", async () => {
    symlinkSync("dir", `${target}/link`);
    expect(await failureOf(base.build(overlay(target, [], ["link/hidden"])))).toMatchObject({
      code: "ELOOP",
      path: `${target}/link`,
    });
  });

  it("accepts layers with colons, commas, backslashes and spaces in their names", async () => {
    const odd = `${layer}/a:b,c\\d e,upperdir=x`;
    mkdirSync(odd);
    writeFileSync(`${odd}/added`, "odd");
    expect(await look("cat added", [odd])).toBe("odd");
  });

  it("accepts as many layers as a plan may have", async () => {
    const layers = Array.from({ length: 32 }, (_, i) => `${layer}/${i}`);
    for (const [i, path] of layers.entries()) {
      mkdirSync(path);
      writeFileSync(`${path}/from-${i}`, "");
    }
    expect(await look("ls -d from-* | wc -l", layers)).toBe("32");
  });

  it("accepts a layer inside its target, as /etc/guestd/etc is in /etc", async () => {
    mkdirSync(`${target}/own/etc/dir`, { recursive: true });
    writeFileSync(`${target}/own/etc/replaced`, "own");
    writeFileSync(`${target}/own/etc/dir/hidden`, "own");
    chmodSync(`${target}/own/etc/replaced`, 0o640);
    expect(await look("cat replaced dir/hidden kept; stat -c '%a %U' replaced", [layer, `${target}/own/etc`])).toBe(
      "ownowntarget640 root",
    );
  });

  it("skips missing layers", async () => {
    writeFileSync(`${layer}/added`, "layer");
    expect(await look("cat added", [`${layer}/none`, layer, "/none/at/all"])).toBe("layer");
  });

  it("is skipped and reported when it would change nothing", async () => {
    await withView(base, [overlay(target, [`${layer}/none`])], (view) => {
      expect(view.skipped).toEqual([target]);
      expect(inside(view, `grep -c ${target} /proc/self/mountinfo`)).toBe("0");
    });
  });

  it("leaves nothing of its scratch tmpfs in the view", async () => {
    await withView(base, [overlay(target, [layer], ["kept"])], (view) => {
      expect(inside(view, `grep ${target} /proc/self/mountinfo | wc -l`)).toBe("1");
    });
  });

  it("uses layers that another step covers", async () => {
    writeFileSync(`${layer}/added`, "layer");
    const top = `/${base.dir.split("/")[1]}`;
    await withView(base, [overlay("/srv", [layer]), tmpfs(top)], (view) => {
      expect(inside(view, "cat /srv/added")).toBe("layer");
    });
  });

  it("can show mounts of the base again, and hide parts of them", async () => {
    base.sh(`mount -t tmpfs below ${target}/dir && echo mounted > ${target}/dir/file`);
    await withView(
      base,
      [overlay(target, [layer]), bind(`${target}/dir`, `${target}/dir`), hide(`${target}/kept`)],
      (view) => {
        expect(inside(view, `cat ${target}/dir/file ${target}/kept`)).toBe("mounted");
      },
    );
  });

  it("over /etc gives the guest a working /etc", async () => {
    writeFileSync(`${layer}/issue`, "Welcome, guest");
    await withView(base, [overlay("/etc", [layer], ["shadow", "ssl/private"])], (view) => {
      expect(
        inside(view, "cat /etc/issue; id -un; ls /etc/shadow /etc/ssl/private; ls -d /etc/ssl/certs", GUEST),
      ).toMatch(new RegExp(`^Welcome, guestid: .*\\n${GUEST}\\n(ls: .*No such file.*\\n){2}/etc/ssl/certs$`));
    });
  });
});
