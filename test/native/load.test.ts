// Many builds, parallel and in a row, valid and invalid, use constant resources.
import { closeSync, mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Step } from "../../src/policy/steps.ts";
import type { BuiltView } from "../../src/system/bindings.ts";
import {
  type Base,
  describeAsRoot,
  GUEST,
  hide,
  inside,
  LABEL,
  native,
  overlay,
  proc,
  readonly,
  startBase,
  tmpfs,
  traces,
} from "./rig.ts";

describeAsRoot("many views", () => {
  let base: Base;
  let plan: Step[];
  beforeAll(async () => {
    base = await startBase();
    base.sh("mount -t tmpfs base /home");
    mkdirSync(`${base.dir}/skel/dir`, { recursive: true });
    writeFileSync(`${base.dir}/skel/dir/file`, "content");
    plan = [
      overlay("/etc", [`${base.dir}/skel`], ["shadow"]),
      readonly("/usr"),
      hide("/root"),
      hide("/etc/passwd"),
      hide("/home"),
      tmpfs("/home/guest", { create: true, uid: GUEST, skeletons: [`${base.dir}/skel`] }),
      tmpfs("/tmp", { mode: 0o1777 }),
      proc(),
    ];
  });
  afterAll(() => base.end());

  it("can be built 50 at once, each separate", async () => {
    const before = traces();
    const views = await Promise.all(Array.from({ length: 50 }, () => native.buildView(base.pidfd, plan, LABEL)));
    expect(new Set(views.map((view) => view.inode)).size).toBe(50);
    expect(new Set(views.flatMap((view) => view.tmpfs.map((made) => made.device))).size).toBe(100);
    for (const view of views) {
      expect(inside(view, "cat /home/guest/dir/file; ls /root | wc -l")).toBe("content0");
      closeSync(view.fd);
    }
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  });

  it("can fail and succeed at the same time", async () => {
    const before = traces();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) =>
        native.buildView(base.pidfd, i % 2 === 0 ? plan : [...plan, hide("/none")], LABEL),
      ),
    );
    const views = results.flatMap((result): BuiltView[] => (result.status === "fulfilled" ? [result.value] : []));
    expect(views).toHaveLength(25);
    for (const view of views) closeSync(view.fd);
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  });

  it("can be built and dropped 1000 times in a row", async () => {
    const before = traces();
    const table = base.sh("cat /proc/self/mountinfo");
    for (let i = 0; i < 1000; i++) closeSync((await native.buildView(base.pidfd, plan, LABEL)).fd);
    expect(base.sh("cat /proc/self/mountinfo")).toBe(table);
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  }, 120_000);
});
