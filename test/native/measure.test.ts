// The contents of a view's tmpfs, by the file systems' own count.
import { closeSync, openSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Base, describeAsRoot, inside, native, startBase, tmpfs, traces, withView } from "./rig.ts";

const MEGABYTE = 2 ** 20;

describeAsRoot("measuring a view", () => {
  let base: Base;
  beforeAll(async () => {
    base = await startBase();
    base.sh("mount -t tmpfs base /home && mkdir /home/guest");
  });
  afterAll(() => base.end());

  const mounts = [tmpfs("/tmp", { size: "50m" }), tmpfs("/home/guest", { size: "50m" })];
  const targets = mounts.map(({ target }) => target);

  it("fails for a descriptor that is no view, and for paths without devices", () => {
    const file = openSync("/dev/null", "r");
    expect(() => native.measureView(file, [], [])).toThrow(expect.objectContaining({ step: "setns", code: "EINVAL" }));
    expect(() => native.measureView(file, ["/tmp"], [])).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => native.measureView(file, [7] as unknown as string[], ["0:1"])).toThrow(
      expect.objectContaining({ code: "EINVAL" }),
    );
    closeSync(file);
    expect(() => native.measureView(file, [], [])).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  it("counts the contents, and nothing of a path that is gone or covered", async () => {
    await withView(base, mounts, (view) => {
      const devices = view.tmpfs.map(({ device }) => device);
      const empty = native.measureView(view.fd, targets, devices);
      inside(view, "head -c 3M /dev/zero >/tmp/a; head -c 5M /dev/zero >/home/guest/b");
      expect(native.measureView(view.fd, targets, devices) - empty).toBe(8 * MEGABYTE);
      expect(native.measureView(view.fd, ["/nowhere", ...targets.slice(1)], devices) - empty).toBeLessThanOrEqual(
        5 * MEGABYTE,
      );
      inside(view, "mount -t tmpfs other /tmp; head -c 7M /dev/zero >/tmp/c");
      expect(native.measureView(view.fd, targets, devices)).toBeLessThan(6 * MEGABYTE);
    });
  });

  it("leaves the process in its namespaces, and nothing behind", async () => {
    const before = traces();
    await withView(base, mounts, (view) => {
      for (let round = 0; round < 50; round++)
        native.measureView(
          view.fd,
          targets,
          view.tmpfs.map(({ device }) => device),
        );
    });
    expect(traces()).toEqual(before);
  });
});
