import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Offer } from "../../../src/policy/offer.ts";
import { Greeters } from "../../../src/system/greeters.ts";

const ALL: Offer = { ghost: "guest", by: ["lightdm", "sddm", "gdm"] };
const NONE: Offer = { ghost: "guest", by: [] };
const OURS = "/var/lib/guestd-greeters";
const ENTRY_OF = (user: string) => `/var/lib/AccountsService/users/${user}`;
const ENTRY = ENTRY_OF("guest");

let root: string;
let calls: string[];
let broken: boolean;
let running: boolean;
let greeters: Greeters;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-greeters-"));
  calls = [];
  broken = false;
  running = true;
  const call = (what: string) => {
    calls.push(what);
    return broken ? Promise.reject(new Error("accounts-daemon does not answer")) : Promise.resolve();
  };
  greeters = new Greeters(
    {
      // The greeter creates a missing entry itself.
      listUser: async (user) => {
        const isNew = !has(ENTRY_OF(user));
        await call(`${isNew ? "" : "in vain: "}cache ${user}`);
        if (running && isNew) write(ENTRY_OF(user), "[User]\nSession=\nSystemAccount=false\n");
        return running;
      },
      unlistUser: (user) => call(`uncache ${user}`),
    },
    root,
  );
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const at = (path: string) => join(root, path);
const has = (path: string) => existsSync(at(path));
const read = (name: string) => readFileSync(at(`${OURS}/${name}`), "utf8");
function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}
function use(unit: string): void {
  mkdirSync(at("/etc/systemd/system"), { recursive: true });
  rmSync(at("/etc/systemd/system/display-manager.service"), { force: true });
  symlinkSync(`/usr/lib/systemd/system/${unit}`, at("/etc/systemd/system/display-manager.service"));
}

describe("LightDM", () => {
  it("has a script for guest sessions and the ghost's name while the ghost is offered", async () => {
    await greeters.offer(ALL);
    expect(readlinkSync(at(`${OURS}/lightdm-guest-account`))).toBe("/usr/lib/guestd/lightdm-guest-account");
    expect(read("ghost")).toBe("guest\n");
    expect(read("lightdm.conf")).toBe("[Seat:*]\ngreeter-hide-users=false\n");
    await greeters.offer({ ...ALL, ghost: "visitor" });
    expect(read("ghost")).toBe("visitor\n");
    await greeters.offer({ ...ALL, by: ["sddm", "gdm"] });
    expect(["lightdm-guest-account", "ghost", "lightdm.conf"].filter((name) => has(`${OURS}/${name}`))).toEqual([]);
  });
});

describe("SDDM", () => {
  it("hides the ghost while it is not offered, and remembers no name while it is", async () => {
    await greeters.offer(NONE);
    expect(read("sddm.conf")).toBe("[Users]\nHideUsers=guest\n");
    await greeters.offer(ALL);
    expect(read("sddm.conf")).toBe("[Users]\nRememberLastUser=false\n");
  });

  it("can read the file under any umask", async () => {
    const before = process.umask(0o077);
    try {
      await greeters.offer(ALL);
    } finally {
      process.umask(before);
    }
    expect([OURS, `${OURS}/sddm.conf`].map((path) => (statSync(at(path)).mode & 0o777).toString(8))).toEqual([
      "755",
      "644",
    ]);
  });
});

describe("GDM", () => {
  it.each(["gdm.service", "gdm3.service"])("is told by accounts-daemon, once (%s)", async (unit) => {
    use(unit);
    await greeters.offer(ALL);
    await greeters.offer(ALL);
    expect(calls).toEqual(["cache guest"]);
    expect(readFileSync(at(ENTRY), "utf8")).toContain("SystemAccount=false\n");
    await greeters.offer(NONE);
    await greeters.offer(NONE);
    expect(calls).toEqual(["cache guest", "uncache guest"]);
    expect(has(ENTRY)).toBe(false);
  });

  it("finds an entry when accounts-daemon starts later", async () => {
    use("gdm.service");
    running = false;
    await greeters.offer(ALL);
    expect(readFileSync(at(ENTRY), "utf8")).toBe("[User]\nSystemAccount=false\n");
  });

  it.each(["lightdm.service", "sddm.service", undefined])("is the only one told: not where %s is", async (unit) => {
    if (unit !== undefined) use(unit);
    await greeters.offer(ALL);
    expect(calls).toEqual([]);
  });

  it("loses the entry when another display manager replaces it, and an entry of another name", async () => {
    use("gdm.service");
    await greeters.offer(ALL);
    await greeters.offer({ ...ALL, ghost: "visitor" });
    expect(has(ENTRY)).toBe(false);
    use("lightdm.service");
    await greeters.offer({ ...ALL, ghost: "visitor" });
    expect(calls).toEqual(["cache guest", "uncache guest", "cache visitor", "uncache visitor"]);
  });

  it("gets a lost entry back", async () => {
    use("gdm.service");
    await greeters.offer(ALL);
    rmSync(at(ENTRY));
    await greeters.offer(ALL);
    expect(calls).toEqual(["cache guest", "cache guest"]);
  });

  it("keeps an administrator's entry", async () => {
    use("gdm.service");
    write(ENTRY, "[User]\nSystemAccount=true\n");
    await greeters.offer(ALL);
    await greeters.offer(NONE);
    expect(calls).toEqual([]);
    expect(readFileSync(at(ENTRY), "utf8")).toContain("SystemAccount=true");
  });

  it("does not keep others from being told when accounts-daemon fails, which is retried", async () => {
    use("gdm.service");
    broken = true;
    await greeters.offer({ ...ALL, by: ["lightdm"] });
    await expect(greeters.offer(ALL)).rejects.toThrow("does not answer");
    expect(read("sddm.conf")).toContain("RememberLastUser");
    await expect(greeters.offer(NONE)).rejects.toThrow("does not answer");
    expect(has(ENTRY)).toBe(false);
    broken = false;
    expect(await greeters.offer(NONE)).toEqual({ changed: true });
    expect(calls.at(-1)).toBe("uncache guest");
  });
});

it("Greeters know which display manager was there when all were told", async () => {
  const link = `${OURS}/display-manager`;
  use("gdm.service");
  broken = true;
  await expect(greeters.offer(ALL)).rejects.toThrow("does not answer");
  expect(() => readlinkSync(at(link))).toThrow("ENOENT");
  broken = false;
  await greeters.offer(ALL);
  expect(readlinkSync(at(link))).toBe("/usr/lib/systemd/system/gdm.service");
  use("lightdm.service");
  await greeters.offer(ALL);
  expect(readlinkSync(at(link))).toBe("/usr/lib/systemd/system/lightdm.service");
});

it("Greeters report whether anything has changed", async () => {
  use("gdm.service");
  const changes = [];
  for (const offer of [ALL, ALL, NONE, NONE]) changes.push((await greeters.offer(offer)).changed);
  expect(changes).toEqual([true, false, true, false]);
});
