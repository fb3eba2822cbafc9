import { describe, expect, it } from "vitest";
import { mountShowing, pathsShowing, placeOf, placesBehind, treeOf } from "../../../src/policy/mounts.ts";
import { mountsOf } from "../../helpers/samples.ts";

const HOST = ["1 0 8:1 / / ext4 /dev/sda1", "2 1 8:2 / /home ext4 /dev/sda2", "3 1 0:5 / /run tmpfs tmpfs"];
const tree = (...lines: string[]) => treeOf(mountsOf(...HOST, ...lines));
const shown = (lines: string[], path: string) => {
  const all = tree(...lines);
  return placesBehind(all, path).flatMap((place) => pathsShowing(all, place));
};

describe("mountShowing", () => {
  it("finds the topmost mount at a path or above it", () => {
    const all = tree("4 2 8:3 / /home ext4 /dev/sda3", "5 3 0:6 / /run/lock tmpfs tmpfs");
    const idAt = (path: string) => mountShowing(all, path)?.id;
    expect(["/", "/homes", "/home", "/home/alice", "/run/locked", "/run/lock/x"].map(idAt)).toEqual([1, 1, 4, 4, 3, 5]);
  });

  it("finds nothing where mountinfo lacks the root directory", () => {
    expect(mountShowing(treeOf([]), "/home")).toBeUndefined();
    expect(placeOf(treeOf([]), "/home")).toBeUndefined();
  });
});

describe("pathsShowing, for a path,", () => {
  it("returns only that path where nothing is mounted twice", () => {
    expect(shown([], "/home")).toEqual(["/home"]);
    expect(shown([], "/var/mail")).toEqual(["/var/mail"]);
  });

  it.each([
    ["the same file system", "8:2 / /srv/nfs4/home", "/home", "/srv/nfs4/home"],
    ["a bind of a directory in it", "8:2 /alice /srv/alice", "/home", "/srv/alice"],
    ["a bind of the directory itself", "8:1 /var/mail /srv/mail", "/var/mail", "/srv/mail"],
    ["the whole file system that contains it", "8:1 / /mnt", "/var/mail", "/mnt/var/mail"],
    ["a directory that contains it", "8:1 /var /srv/chroot/var", "/var/mail", "/srv/chroot/var/mail"],
  ])("finds %s at a second mount", (_, mount, path, second) => {
    expect(shown([`9 1 ${mount} ext4 /dev/sda`], path)).toEqual([path, second]);
  });

  it("finds a subvolume in the mount of its whole btrfs", () => {
    const all = treeOf(
      mountsOf(
        "1 0 0:20 /@ / btrfs /dev/sda1",
        "2 1 0:20 /@home /home btrfs /dev/sda1",
        "3 1 0:20 / /mnt btrfs /dev/sda1",
      ),
    );
    const found = placesBehind(all, "/home").flatMap((place) => pathsShowing(all, place));
    expect(found).toEqual(["/home", "/mnt/@home"]);
  });

  it("skips a mount that is itself covered", () => {
    expect(shown(["9 1 8:1 / /mnt ext4 /dev/sda1", "10 9 0:9 / /mnt tmpfs tmpfs"], "/root")).toEqual(["/root"]);
    expect(shown(["9 1 8:1 / /mnt ext4 /dev/sda1", "10 9 0:9 / /mnt/root tmpfs tmpfs"], "/root")).toEqual(["/root"]);
  });

  it("does not confuse directories whose names begin alike", () => {
    expect(shown(["9 1 8:1 /rooted /mnt ext4 /dev/sda1"], "/root")).toEqual(["/root"]);
  });

  it("compares NFS mounts by server and directory", () => {
    const lines = ["9 2 0:40 / /home nfs4 srv:/export/home", "10 1 0:41 / /mnt nfs4 srv:/export"];
    expect(shown(lines, "/home")).toEqual(["/home", "/mnt/home"]);
    expect(shown([...lines, "11 1 0:42 / /opt nfs4 other:/export/home"], "/home")).toEqual(["/home", "/mnt/home"]);
  });

  it("finds what an automounter has mounted below it", () => {
    const lines = ["9 1 0:40 / /home autofs auto.home", "10 9 8:1 /export/alice /home/alice ext4 /dev/sda1"];
    const all = treeOf(mountsOf("1 0 8:1 / / ext4 /dev/sda1", ...lines));
    expect(placesBehind(all, "/home").flatMap((place) => pathsShowing(all, place))).toEqual([
      "/home",
      "/export/alice",
      "/home/alice",
    ]);
  });

  it("leaves mounts that an administrator made below it, such as /usr in a chroot", () => {
    expect(shown(["9 2 8:1 /usr /home/alice/chroot/usr ext4 /dev/sda1"], "/home")).toEqual(["/home"]);
  });

  it("finds the layers of the overlay at the root directory", () => {
    const all = treeOf(
      mountsOf(
        "1 0 0:30 / / overlay overlayroot lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/work",
        "2 1 8:1 / /media/root-ro ext4 /dev/sda1",
        "3 1 0:31 / /media/root-rw tmpfs tmpfs",
      ),
    );
    expect(placesBehind(all, "/home").flatMap((place) => pathsShowing(all, place))).toEqual([
      "/home",
      "/media/root-ro/home",
      "/media/root-rw/overlay/home",
    ]);
  });

  it("does not trust names of layers from before the overlay was mounted", () => {
    const all = treeOf(mountsOf("1 0 0:30 / / overlay overlay lowerdir=/images/1:/images/2,upperdir=/images/up"));
    expect(placesBehind(all, "/home").flatMap((place) => pathsShowing(all, place))).toEqual(["/home"]);
  });
});
