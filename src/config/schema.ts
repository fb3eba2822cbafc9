// The table of all keys. A test compares etc/guestd.conf and the man page with it.
import { NOTICE_TEXTS } from "./notice-texts.ts";
import * as value from "./values.ts";
import type { Localized, ValueType } from "./values.ts";

export interface Key<T> {
  readonly type: ValueType<T>;
  /** As written in a file. */
  readonly initial: string;
  readonly help: string;
  /** It may have translations: KEY[LOCALE]=. */
  readonly isLocalized?: true;
}

interface LocalizedKey<T> extends Key<T> {
  readonly isLocalized: true;
}

const key = <T>(type: ValueType<T>, initial: string, help: string): Key<T> => ({ type, initial, help });
const localized = <T>(...row: Parameters<typeof key<T>>): LocalizedKey<T> => ({ ...key(...row), isLocalized: true });

export const SCHEMA = {
  Guests: {
    Group: key(
      value.accountName,
      "guests",
      "The group whose members are guests. It must be the same as group= of pam_guest.",
    ),
    Ghost: key(value.accountName, "guest", "The login name that gets a leased account for each login."),
    GhostName: key(
      value.displayName,
      "Guest",
      "The name of the ghost in greeters, and the real name of leased accounts.",
    ),
    Shell: key(value.path, "/bin/bash", "The login shell of leased accounts."),
    LeaseRange: key(
      value.uidRange,
      "65536-98303",
      "The uids of leased accounts. No user of the machine may have one of them.",
    ),
    LeaseTimeout: key(
      value.secondsOrNever,
      "3600",
      "Seconds until a leased account without a session is withdrawn. 0 means never.",
    ),
    Passwordless: key(
      value.services,
      "login gdm-* lightdm* sddm* greetd",
      "PAM services through which the ghost gets a leased account without a password. Remote logins never do.",
    ),
    Terminals: key(
      value.terminals,
      "tty* hvc* xvc* console :*",
      "Terminals and displays of this machine. The ghost gets a leased account only at these.",
    ),
    DisplayManagers: key(
      value.units,
      "gdm.service gdm3.service greetd.service lightdm.service sddm.service",
      "Units of display managers. Their logins count as local before they name a terminal.",
    ),
    Unlock: key(
      value.services,
      "gdm-* lightdm* sddm* kde* cinnamon-screensaver mate-screensaver xfce4-screensaver xscreensaver light-locker swaylock i3lock vlock",
      "PAM services through which a guest unlocks the screen of the running session without a password.",
    ),
    Enabled: key(value.boolean, "yes", "Whether guests may log in. The switch of guestctl can still keep them out."),
    MaxSessions: key(value.count, "", "Maximum number of guest sessions. Empty means no limit."),
    MaxSessionsPerUser: key(
      value.count,
      "100",
      "Maximum number of sessions of one shared account. Empty means no limit.",
    ),
    RefuseServices: key(
      value.services,
      "cron crond atd",
      "PAM services that guests may not use, because they run programs after the guest has left.",
    ),
  },
  Home: {
    Size: key(value.size, "25%", "Maximum size of a guest's home, in memory."),
    Inodes: key(
      value.count,
      "200000",
      "Maximum number of files and directories in a guest's home. Empty means the kernel's default.",
    ),
    Skeleton: key(
      value.paths,
      "-/etc/skel -/usr/lib/guestd/skel -/etc/guestd/skel",
      "Directories copied into a new home. Later ones override earlier ones.",
    ),
    NoExec: key(value.boolean, "no", "Whether programs in the home cannot be executed."),
  },
  View: {
    Private: key(
      value.paths,
      "/tmp /var/tmp /dev/shm -/run/lock -/run/screen -/var/lib/php/sessions -/var/spool/samba",
      "Directories that each guest gets empty, in memory, and writable by all users (mode 1777).",
    ),
    PrivateSize: key(value.size, "10%", "Maximum size of each directory of Private=, in memory."),
    PrivateInodes: key(
      value.count,
      "100000",
      "Maximum number of files and directories in each directory of Private=. Empty means the kernel's default.",
    ),
    Hide: key(
      value.paths,
      "/home /root -/var/mail -/var/spool/cron -/var/spool/anacron -/var/crash",
      "Directories and files that are empty for guests.",
    ),
    ReadOnly: key(value.paths, "", "Directories and files that guests can see but not change."),
    Bind: key(value.binds, "", "Directories and files shown at another path, read-only unless marked rw."),
    Proc: key(
      value.choice("invisible", "noaccess", "ptraceable", "default"),
      "invisible",
      "What /proc shows of other users' processes (hidepid= in proc(5)). The value default keeps the host's /proc.",
    ),
  },
  Etc: {
    Overlay: key(value.path, "/etc/guestd/etc", "The tree laid over /etc for guests."),
    Mode: key(
      value.choice("overlay", "bind"),
      "overlay",
      "How the tree is laid over /etc. overlay adds, replaces and hides; bind only replaces, for kernels without overlayfs.",
    ),
    Hide: key(value.relativePaths, "", "Files and directories of /etc that do not exist for guests."),
  },
  Limits: {
    MemoryMax: key(value.limit, "50%", "Maximum memory of a guest, including the home and all other files in memory."),
    MemorySwapMax: key(
      value.limitOrNone,
      "",
      "Maximum swap space of a guest. The default is 0 on kernels that cannot keep a tmpfs out of swap.",
    ),
    TasksMax: key(value.count, "4096", "Maximum number of processes and threads of a guest. Empty means no limit."),
    CPUWeight: key(value.weight, "", "A guest's share of busy processors. Others have 100."),
    CPUQuota: key(value.quota, "", "Maximum processor time of a guest. 100% is one processor."),
    IOWeight: key(value.weight, "", "A guest's share of busy disks. Others have 100."),
  },
  Notice: {
    Login: key(value.boolean, "yes", "Whether guests are told at login that their files will be deleted."),
    LoginText: localized(value.sentence, NOTICE_TEXTS.LoginText, "The text of this notice."),
    LoginServices: key(
      value.services,
      "login remote sshd su su-l",
      "PAM services that show the notice in the terminal. For others the desktop shows it.",
    ),
    Logout: key(value.boolean, "yes", "Whether GNOME and MATE remind guests of that when they log out."),
    LogoutText: localized(value.sentence, NOTICE_TEXTS.LogoutText, "The text of this reminder."),
    Terms: localized(
      value.pathOrNone,
      "",
      "A file with terms of use that guests have to accept before they get in. Empty means none.",
    ),
    TermsQuestion: localized(value.sentence, NOTICE_TEXTS.TermsQuestion, "The question below the terms of use."),
    TermsAnswer: localized(value.answer, NOTICE_TEXTS.TermsAnswer, "The answer that accepts them."),
  },
  Polkit: {
    RemovableMedia: key(value.boolean, "no", "Whether guests may mount and eject removable media."),
    Shutdown: key(
      value.boolean,
      "no",
      "Whether guests may shut down and reboot the machine while no other user is logged in.",
    ),
    Network: key(value.boolean, "no", "Whether guests may choose networks and make connections of their own."),
    Bluetooth: key(value.boolean, "no", "Whether guests may use Bluetooth and pair devices."),
    Brightness: key(
      value.boolean,
      "no",
      "Whether guests may set the screen brightness through the helper of their desktop.",
    ),
  },
  Sweep: {
    Paths: key(
      value.paths,
      "-/var/crash",
      "Directories, in addition to Private=, where a leased account's files are removed after its session.",
    ),
    PrintJobs: key(
      value.choice("remove", "keep"),
      "remove",
      "What happens to the print jobs of a leased account, including those still printing.",
    ),
    Coredumps: key(
      value.choice("remove", "keep"),
      "remove",
      "What happens to core dumps of a leased account's processes.",
    ),
    Journal: key(
      value.choice("keep", "remove"),
      "keep",
      "What happens to the journal of a leased account: kept for administrators only, or removed.",
    ),
  },
  Daemon: {
    IdleExit: key(
      value.secondsOrNever,
      "60",
      "Seconds without a session after which guestd exits. The bus starts it again. 0 means never.",
    ),
    KeepReceipts: key(value.receipts, "1000", "How many clean receipts are kept, and how many others."),
  },
} as const;

export type Schema = typeof SCHEMA;
export type SectionName = keyof Schema;

type ValueOf<K> = K extends LocalizedKey<infer T> ? Localized<T> : K extends Key<infer T> ? T : never;

/** config.Section.Key */
export type Config = {
  readonly [S in SectionName]: { readonly [K in keyof Schema[S]]: ValueOf<Schema[S][K]> };
};

export type Limits = Config["Limits"];

export function listKeys(): { section: SectionName; name: string; key: Key<unknown> }[] {
  const rows = [];
  for (const [section, keys] of Object.entries(SCHEMA)) {
    for (const [name, row] of Object.entries(keys)) {
      rows.push({ section: section as SectionName, name, key: row as Key<unknown> });
    }
  }
  return rows;
}
