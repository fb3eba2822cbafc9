// Builds that fail half way: the error names the step, and nothing is left.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Step } from "../../src/policy/steps.ts";
import {
  type Base,
  bind,
  describeAsRoot,
  failureOf,
  GUEST,
  hide,
  LABEL,
  native,
  overlay,
  pidOf,
  proc,
  readonly,
  startBase,
  tmpfs,
  type Traces,
  traces,
} from "./rig.ts";

const shmem = (): number => Number(/^Shmem:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);

describeAsRoot("a build that fails", () => {
  let base: Base;
  let before: Traces;
  beforeAll(async () => {
    base = await startBase();
    mkdirSync(`${base.dir}/real/deep`, { recursive: true });
    mkdirSync(`${base.dir}/mount`);
    writeFileSync(`${base.dir}/file`, "file");
    symlinkSync(`${base.dir}/real`, `${base.dir}/link`);
  });
  afterAll(() => base.end());
  beforeEach(async () => {
    await vi.waitFor(
      () => {
        expect((before = traces()).threads).toBe(0);
      },
      { interval: 1, timeout: 15_000 },
    );
  });

  /** Expects the plan to fail and to change nothing. */
  async function expectFailure(
    plan: readonly Step[],
    expected: { step: string; path: string; code: string },
  ): Promise<void> {
    const failure = await failureOf(native.buildView(base.pidfd, plan, LABEL));
    expect(failure).toMatchObject(expected);
    expect(failure).toBeInstanceOf(Error);
    expect(failure.errno).toBeGreaterThan(0);
    expect(failure.message).toContain(`${expected.step} ${expected.path}: `);
    expect(failure.message).toContain(`(${expected.code})`);
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { interval: 1, timeout: 15_000 },
    );
  }

  it.each<[title: string, step: (dir: string) => Step, name: string]>([
    ["tmpfs", (dir) => tmpfs(`${dir}/none`), "attach"],
    [
      "tmpfs whose target may be created, but not on the host's disk",
      (dir) => tmpfs(`${dir}/none`, { create: true }),
      "attach",
    ],
    ["hide", (dir) => hide(`${dir}/none`), "attach"],
    ["readonly", (dir) => readonly(`${dir}/none`), "attach"],
    ["bind", (dir) => bind(`${dir}/real`, `${dir}/none`), "attach"],
    ["bind without its source", (dir) => bind(`${dir}/none`, `${dir}/mount`), "bind"],
    ["overlay", (dir) => overlay(`${dir}/none`, [`${dir}/real`]), "overlay"],
  ])("names the missing target of a step: %s", async (_title, step, name) => {
    await expectFailure([tmpfs("/tmp"), step(base.dir)].reverse(), {
      step: name,
      path: `${base.dir}/none`,
      code: "ENOENT",
    });
  });

  it.each<[title: string, step: (dir: string) => Step, path: string]>([
    ["as a target", (dir) => tmpfs(`${dir}/link`), "link"],
    ["inside a target", (dir) => hide(`${dir}/link/deep`), "link/deep"],
    ["inside an optional target", (dir) => hide(`${dir}/link/deep`, true), "link/deep"],
    ["inside a target to be created", (dir) => tmpfs(`${dir}/link/new`, { create: true }), "link"],
    ["as the source of a bind", (dir) => bind(`${dir}/link`, `${dir}/mount`), "link"],
    ["as a read-only path", (dir) => readonly(`${dir}/link`), "link"],
    ["as a layer", (dir) => overlay(`${dir}/mount`, [`${dir}/link`]), "link"],
    ["as a skeleton", (dir) => tmpfs(`${dir}/mount`, { skeletons: [`${dir}/link`] }), "link"],
  ])("follows no symbolic link %s", async (_title, step, path) => {
    const failure = await failureOf(base.build(step(base.dir)));
    expect(failure).toMatchObject({ code: "ELOOP", path: `${base.dir}/${path}` });
    expect(failure.message).toContain("name the real path");
  });

  it("refuses a directory over a file and a file over a directory", async () => {
    await expectFailure([tmpfs(`${base.dir}/file`)], { step: "attach", path: `${base.dir}/file`, code: "ENOTDIR" });
    await expectFailure([bind(`${base.dir}/file`, `${base.dir}/mount`)], {
      step: "attach",
      path: `${base.dir}/mount`,
      code: "EISDIR",
    });
  });

  it("refuses an overlay layer that others can write to", async () => {
    for (const [name, mode, uid] of [
      ["other", 0o757, 0],
      ["group", 0o775, 0],
      ["guest", 0o755, GUEST],
    ] as const) {
      const layer = `${base.dir}/layer-${name}`;
      mkdirSync(layer);
      chmodSync(layer, mode);
      chownSync(layer, uid, 0);
      await expectFailure([overlay("/etc", [layer])], { step: "overlay layer", path: layer, code: "EPERM" });
    }
  });

  it("refuses an overlay layer that is a file", async () => {
    await expectFailure([overlay("/etc", [`${base.dir}/file`])], {
      step: "overlay layer",
      path: `${base.dir}/file`,
      code: "ENOTDIR",
    });
  });

  it("reports the file system's message about an option", async () => {
    const failure = await failureOf(base.build(overlay(`${base.dir}/real/deep`, [`${base.dir}/real`])));
    expect(failure).toMatchObject({ code: "ELOOP", path: `${base.dir}/real/deep` });
    expect(failure.step).toMatch(/^fsconfig overlay$/);
  });

  it("reports ESRCH when the leader has ended", async () => {
    const child = spawn("true", []);
    const pidfd = native.openPidfd(pidOf(child));
    await once(child, "exit");
    expect(await failureOf(native.buildView(pidfd, [tmpfs("/tmp")], LABEL))).toMatchObject({
      step: "setns",
      code: "ESRCH",
    });
    closeSync(pidfd);
  });

  it("reports a bad descriptor, or one that is no pidfd", async () => {
    expect(await failureOf(native.buildView(1 << 20, [], LABEL))).toMatchObject({ code: "EBADF" });
    const file = openSync("/dev/null", "r");
    expect(await failureOf(native.buildView(file, [], LABEL))).toMatchObject({ step: "setns", code: "EINVAL" });
    closeSync(file);
  });

  it("frees the memory of what it made before the fault", async () => {
    writeFileSync(`${base.dir}/real/large`, Buffer.alloc(64 << 20, 1));
    const memory = shmem();
    const home = tmpfs(`${base.dir}/mount`, { size: "80m", skeletons: [`${base.dir}/real`] });
    for (let round = 0; round < 8; round++) await failureOf(base.build(home, hide(`${base.dir}/none`)));
    await vi.waitFor(
      () => {
        expect(shmem()).toBeLessThan(memory + (32 << 10));
      },
      { timeout: 10_000 },
    );
  }, 30_000);

  it("leaves base and host unchanged at whichever step it fails", async () => {
    const table = base.sh("cat /proc/self/mountinfo");
    const masks = [tmpfs("/tmp"), hide("/home"), hide("/etc/passwd")];
    const steps: Step[] = [
      overlay("/etc", [], ["motd", "ssl/private"]),
      ...masks,
      readonly("/usr"),
      bind("/usr", "/mnt"),
      proc(),
    ];
    for (let length = 0; length <= steps.length; length++)
      await expectFailure([...steps.slice(0, length), hide("/none")], {
        step: "attach",
        path: "/none",
        code: "ENOENT",
      });
    expect(base.sh("cat /proc/self/mountinfo")).toBe(table);
  });
});
