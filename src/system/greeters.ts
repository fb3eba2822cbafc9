// Tells greeters about the ghost. LightDM looks for a script, SDDM reads a file, GDM asks accounts-daemon. The package
// links to these files (packaging/greeters).
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ofUnit } from "../policy/display-managers.ts";
import type { Offer } from "../policy/offer.ts";
import { readLinkIfThere, readStart } from "./read-file.ts";
import { replaceFile } from "./write-file.ts";

/** Users that accounts-daemon lists besides /etc/passwd. */
const ACCOUNTS = "/var/lib/AccountsService/users";
const DISPLAY_MANAGER = "/etc/systemd/system/display-manager.service";
const LIGHTDM_SCRIPT = "/usr/lib/guestd/lightdm-guest-account";
// The GTK greeter has the guest session in its user list, which Debian hides.
const LIGHTDM_CONFIG = "[Seat:*]\ngreeter-hide-users=false\n";
const MOST_BYTES = 4096;

/** Lists users for GDM. */
export interface AccountsDaemon {
  /** Resolves to false if it is not running. */
  readonly listUser: (user: string) => Promise<boolean>;
  readonly unlistUser: (user: string) => Promise<unknown>;
}

export class Greeters {
  readonly #accounts: AccountsDaemon;
  readonly #root: string;
  readonly #directory: string;

  constructor(accounts: AccountsDaemon, root = "") {
    this.#accounts = accounts;
    this.#root = root;
    this.#directory = join(root, "/var/lib/guestd-greeters");
  }

  /** @throws Error if a greeter could not be told; the others were */
  async offer({ ghost, by }: Offer): Promise<{ readonly changed: boolean }> {
    mkdirSync(this.#directory, { recursive: true });
    await chmod(this.#directory, 0o755);
    const inLightdm = by.includes("lightdm");
    const files = [
      await this.#write("ghost", inLightdm ? `${ghost}\n` : undefined),
      await this.#write("lightdm.conf", inLightdm ? LIGHTDM_CONFIG : undefined),
      this.#link("lightdm-guest-account", inLightdm ? LIGHTDM_SCRIPT : undefined),
      await this.#write("sddm.conf", sddmConfig(ghost, by.includes("sddm"))),
    ];
    const unit = this.#findUnit();
    const isGdm = unit !== undefined && ofUnit(basename(unit))?.name === "gdm";
    const isListed = await this.#list(by.includes("gdm") && isGdm ? ghost : "");
    // guestd-greeters.service repeats this for another display manager.
    this.#link("display-manager", unit);
    return { changed: isListed || files.includes(true) };
  }

  /**
   * Writes a file for all users; undefined removes it.
   * @returns whether it changed
   */
  async #write(name: string, text: string | undefined): Promise<boolean> {
    const file = join(this.#directory, name);
    if (readStart(file, MOST_BYTES) === text) return false;
    if (text === undefined) {
      rmSync(file, { force: true });
      return true;
    }
    replaceFile(file, text);
    await chmod(file, 0o644);
    return true;
  }

  #link(name: string, target: string | undefined): boolean {
    const link = join(this.#directory, name);
    if (readLinkIfThere(link) === target) return false;
    rmSync(link, { force: true });
    if (target !== undefined) symlinkSync(target, link);
    return true;
  }

  /**
   * Makes accounts-daemon list only this user, besides an administrator's. LightDM's greeters would log in a listed
   * ghost before any click.
   */
  async #list(user: string): Promise<boolean> {
    const before = readStart(join(this.#directory, "accounts"), MOST_BYTES)?.trim() ?? "";
    if (before !== user && before !== "") {
      rmSync(this.#entryOf(before), { force: true });
      await this.#accounts.unlistUser(before);
      await this.#write("accounts", undefined);
    }
    if (user === "" || existsSync(this.#entryOf(user))) return before !== user && before !== "";
    await this.#write("accounts", `${user}\n`);
    // accounts-daemon does not list a user with an entry. If it is not running, it reads the entry later.
    const isTold = await this.#accounts.listUser(user);
    if (!isTold) replaceFile(this.#entryOf(user), "[User]\nSystemAccount=false\n");
    return true;
  }

  #entryOf(user: string): string {
    return join(this.#root, ACCOUNTS, user);
  }

  #findUnit(): string | undefined {
    const target = readLinkIfThere(join(this.#root, DISPLAY_MANAGER));
    return target === undefined ? undefined : resolve(dirname(DISPLAY_MANAGER), target);
  }
}

// SDDM lists users up to UID_MAX, and would offer a leased account that is gone.
function sddmConfig(ghost: string, isOffered: boolean): string {
  if (isOffered) return "[Users]\nRememberLastUser=false\n";
  return ghost === "" ? "" : `[Users]\nHideUsers=${ghost}\n`;
}
