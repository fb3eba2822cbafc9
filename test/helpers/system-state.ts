// The state of a whole machine: files, accounts, debconf's answers, and what systemd and the bus know. A purge must
// remove what an installation has added. Read-only.
import type { Machine } from "./machine.ts";

/** What other programs change meanwhile, and why that is not guestd's. */
const OF_OTHERS: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /^\/var\/lib\/dpkg\/((status|diversions|available)(-old)?|lock\S*|triggers\/\S*|info\/?|updates\/?|tmp\.ci(\/\S*)?)$/,
    "dpkg's own records of what it did",
  ],
  [/^\/var\/lib\/apt\//, "apt's: which packages were asked for by name"],
  [/^\/var\/cache\/apt\//, "apt's index of what there is"],
  [/^\/var\/cache\/debconf\//, "debconf's database: its answers are compared instead"],
  [/^\/var\/log\//, "logs, and the journal"],
  [/^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/, "what the programs of passwd keep of the version before"],
  [/^\/etc\/\.pwd\.lock$/, "their lock"],
  [
    /^\/var\/lib\/systemd\/(catalog\/database|random-seed|timers\/\S*|timesync\/\S*)$/,
    "systemd's index of all catalogs, and its clocks: the entries are compared instead",
  ],
  [/^\/(tmp|var\/tmp)\//, "anybody's"],
  [/^\/root\//, "the test's own: archives of other versions"],
  [
    /^\/run\/(log|user|udev|dbus|lock|sshd|mount|initctl|credentials|console|utmp|agetty\S*|motd\S*|sudo|host|screen|faillock|adduser|stop-logins)(\/|$)/,
    "others' state of this boot",
  ],
  [
    /^\/run\/systemd\/(?!system|generator)/,
    "systemd's state of this boot, but for its units; scopes of the test's logins",
  ],
];

const LIST_FILES = "find / /run -xdev -printf '%p %y %M %u:%g %l\\n' | sort --unique";
const SUM_FILES =
  "find /etc /var/lib -xdev -type f -print0 | sort -z | xargs -0 sha256sum | sed -E 's/^(\\S+)  (.*)/\\2 \\1/'";
const ASK_OTHERS = `getent passwd | sed 's/^/passwd /'; getent group | sed 's/^/group /'
  debconf-show guestd | sed 's/^/debconf /'
  debconf-show --listowners | sed 's/^/debconf owner /'
  systemctl list-unit-files --no-legend --no-pager | awk '$2 != "transient" { print "unit " $1, $2 }'
  busctl list --no-legend --acquired --activatable | awk '$1 !~ /^:/ { print "bus " $1 }' | sort --unique
  journalctl --list-catalog 2>/dev/null | cut -d' ' -f1 | sort --unique | sed 's/^/catalog /'
  dpkg-query --show --showformat='package \${Package} \${Version} \${db:Status-Abbrev}\\n'`;

/** Sorted lines: compare with toEqual. */
export async function takeState(machine: Machine): Promise<string[]> {
  const looks = await Promise.all([LIST_FILES, SUM_FILES, ASK_OTHERS].map((script) => machine.sh(script)));
  const lines = looks
    .join("\n")
    .split("\n")
    .filter((line) => line !== "");
  return lines.filter((line) => !OF_OTHERS.some(([pattern]) => pattern.test(line.split(" ")[0] ?? ""))).sort();
}

/** The differences, each line with its sign. */
export function compareStates(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !has.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !had.has(line)).map((line) => `+ ${line}`),
  ];
}
