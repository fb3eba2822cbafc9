// The table of keys: section, key, type, default and help. It defines the whole configuration. A test compares
// etc/guestd.conf and the man page with it.
import * as value from "./values.ts";
import type { Localized, ValueType } from "./values.ts";

export interface Key<T> {
  readonly type: ValueType<T>;
  /** The default, as written in a file. */
  readonly initial: string;
  readonly help: string;
  /** It may have translations, as keys of desktop entries: KEY[LOCALE]=. */
  readonly isLocalized?: true;
}

interface LocalizedKey<T> extends Key<T> {
  readonly isLocalized: true;
}

const key = <T>(type: ValueType<T>, initial: string, help: string): Key<T> => ({ type, initial, help });
const localized = <T>(...row: Parameters<typeof key<T>>): LocalizedKey<T> => ({ ...key(...row), isLocalized: true });

export const SCHEMA = {
  Guests: {
    Group: key(value.accountName, "guests", "The group whose members are guests; the same as group= of pam_guest."),
    Ghost: key(
      value.accountName,
      "guest",
      "The login name that gets a leased account for each login; no process runs as it where that is possible.",
    ),
    GhostName: key(value.displayName, "Guest", "What greeters show for it, and the real name of the leased accounts."),
    Shell: key(value.path, "/bin/bash", "The login shell of the leased accounts."),
    LeaseRange: key(
      value.uidRange,
      "65536-98303",
      "The uids of the leased accounts; no user of the machine may have one of them.",
    ),
    LeaseTimeout: key(
      value.secondsOrNever,
      "3600",
      "After how many seconds a leased account that has opened no session goes back, at the latest; 0 for never.",
    ),
    Passwordless: key(
      value.services,
      "login gdm-* lightdm* sddm* greetd",
      "PAM services through which the ghost gets a leased account, without a password; never from a remote host.",
    ),
    Terminals: key(
      value.terminals,
      "tty* hvc* xvc* console :*",
      "The terminals and displays of this machine, where that is so; a login at another one may come from anywhere.",
    ),
    DisplayManagers: key(
      value.units,
      "gdm.service gdm3.service greetd.service lightdm.service sddm.service",
      "The units of display managers: their logins are at this machine where they name no terminal yet.",
    ),
    Unlock: key(
      value.services,
      "gdm-* lightdm* sddm* kde* cinnamon-screensaver mate-screensaver xfce4-screensaver xscreensaver light-locker swaylock i3lock vlock",
      "PAM services by which a guest unlocks the screen of the running session, without a password.",
    ),
    Enabled: key(value.boolean, "yes", "Whether guests may log in."),
    MaxSessions: key(value.count, "", "How many guest sessions there may be at a time; empty for no limit."),
    MaxSessionsPerUser: key(
      value.count,
      "100",
      "How many of them one account that sessions share may have; empty for no limit.",
    ),
    RefuseServices: key(
      value.services,
      "cron crond atd",
      "PAM services that no guest may use: they would run programs when the guest is gone.",
    ),
  },
  Home: {
    Size: key(value.size, "25%", "Most memory that a guest's home may take."),
    Inodes: key(
      value.count,
      "200000",
      "Most files and directories that a guest's home may hold; empty for the kernel's default.",
    ),
    Skeleton: key(
      value.paths,
      "-/etc/skel -/usr/lib/guestd/skel -/etc/guestd/skel",
      "Directories copied into a new home; a later one wins.",
    ),
    NoExec: key(value.boolean, "no", "Whether programs in the home cannot be run."),
  },
  View: {
    Private: key(
      value.paths,
      "/tmp /var/tmp /dev/shm -/run/lock -/run/screen -/var/lib/php/sessions -/var/spool/samba",
      "Directories that each guest gets empty, in memory, and writable by all (mode 1777).",
    ),
    PrivateSize: key(value.size, "10%", "Most memory that each of the Private= directories may take."),
    PrivateInodes: key(
      value.count,
      "100000",
      "Most files and directories that each of the Private= directories may hold; empty for the kernel's default.",
    ),
    Hide: key(
      value.paths,
      "/home /root -/var/mail -/var/spool/cron -/var/spool/anacron -/var/crash",
      "Directories and files that are empty for guests.",
    ),
    ReadOnly: key(value.paths, "", "Directories and files that guests see, but cannot change."),
    Bind: key(value.binds, "", "Directories and files shown to guests at another path, read-only unless it says rw."),
    Proc: key(
      value.choice("invisible", "noaccess", "ptraceable", "default"),
      "invisible",
      "What /proc shows of other users' processes (proc(5), hidepid=); default leaves the host's /proc.",
    ),
  },
  Etc: {
    Overlay: key(value.path, "/etc/guestd/etc", "The tree that guests see laid over /etc."),
    Mode: key(
      value.choice("overlay", "bind"),
      "overlay",
      "How it is laid: overlay adds, replaces and hides; bind only replaces, for kernels without overlayfs.",
    ),
    Hide: key(value.relativePaths, "", "Files and directories of /etc that do not exist for guests."),
  },
  Limits: {
    MemoryMax: key(
      value.limit,
      "50%",
      "Most memory that a guest may use, the home and all other files in memory included.",
    ),
    MemorySwapMax: key(
      value.limitOrNone,
      "",
      "Most swap space that a guest may use; by default 0 on kernels that cannot keep a tmpfs out of swap.",
    ),
    TasksMax: key(value.count, "4096", "Most processes and threads that a guest may have; empty for no limit."),
    CPUWeight: key(value.weight, "", "A guest's share of the processors when they are all busy; others have 100."),
    CPUQuota: key(value.quota, "", "Most processor time that a guest may use, 100% for one processor."),
    IOWeight: key(value.weight, "", "A guest's share of the disks when they are busy; others have 100."),
  },
  Notice: {
    Login: key(value.boolean, "yes", "Whether guests are told when they log in what becomes of their files."),
    LoginText: localized(
      value.sentence,
      "You are a guest here: when you log out, all your files on this machine are deleted.",
      "What they are told.",
    ),
    LoginServices: key(
      value.services,
      "login remote sshd su su-l",
      "PAM services whose guests are told in the terminal; others are told by their desktop.",
    ),
    Terms: localized(
      value.pathOrNone,
      "",
      "A file with terms of use that guests have to accept before they get in; empty for none.",
    ),
    TermsQuestion: localized(
      value.sentence,
      "If you accept these terms of use, type: yes",
      "What is asked below the terms of use.",
    ),
    TermsAnswer: localized(value.answer, "yes", "The answer that accepts them."),
  },
  Polkit: {
    RemovableMedia: key(value.boolean, "no", "Whether guests may mount and eject removable media."),
    Shutdown: key(
      value.boolean,
      "no",
      "Whether guests may shut down and restart the machine while nobody else is logged in.",
    ),
    Network: key(value.boolean, "no", "Whether guests may choose networks, and make connections of their own."),
    Brightness: key(
      value.boolean,
      "no",
      "Whether guests may set the brightness of the screen by the helper of their desktop.",
    ),
  },
  Sweep: {
    Paths: key(
      value.paths,
      "-/var/crash",
      "Directories beside those of Private= where files of a leased account are looked for, and taken away, when its session has ended.",
    ),
    PrintJobs: key(
      value.choice("remove", "keep"),
      "remove",
      "What becomes of the print jobs of a leased account, those that are still being printed as well.",
    ),
    Coredumps: key(
      value.choice("remove", "keep"),
      "remove",
      "What becomes of the dumps that systemd-coredump has made of a leased account's processes.",
    ),
    Journal: key(
      value.choice("keep", "remove"),
      "keep",
      "What becomes of what a leased account has logged: kept for administrators alone, or removed.",
    ),
  },
  Daemon: {
    IdleExit: key(
      value.secondsOrNever,
      "60",
      "After how many seconds without a session guestd exits; the bus starts it again; 0 for never.",
    ),
    KeepReceipts: key(
      value.receipts,
      "1000",
      'How many receipts are kept for "guestctl receipts": so many that are clean, and so many that are not.',
    ),
  },
} as const;

export type Schema = typeof SCHEMA;
export type SectionName = keyof Schema;

type ValueOf<K> = K extends LocalizedKey<infer T> ? Localized<T> : K extends Key<infer T> ? T : never;

/** The configuration as the policy reads it: config.Section.Key. */
export type Config = {
  readonly [S in SectionName]: { readonly [K in keyof Schema[S]]: ValueOf<Schema[S][K]> };
};

/** How much of the machine a guest may use. */
export type Limits = Config["Limits"];

/** Every row of the table, in order. */
export function listKeys(): { section: SectionName; name: string; key: Key<unknown> }[] {
  const rows = [];
  for (const [section, keys] of Object.entries(SCHEMA)) {
    for (const [name, row] of Object.entries(keys)) {
      rows.push({ section: section as SectionName, name, key: row as Key<unknown> });
    }
  }
  return rows;
}
