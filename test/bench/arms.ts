// What the benchmark times. Each command prints microseconds; pam-arm prints those of two steps.

export interface Arm {
  readonly name: string;
  /** Run in the machine, as root. */
  readonly command: string;
  /** Indices into the printed numbers. Their sum is the time. */
  readonly counts: readonly number[];
}

/** A guest's view has its own. */
const PLACES = ["/tmp", "/var/tmp", "/home", "/dev/shm", "/run/user"];

const BWRAP = `bwrap --ro-bind / / --dev /dev --proc /proc ${PLACES.map((path) => `--tmpfs ${path}`).join(" ")} --unshare-pid --unshare-ipc true`;

const once = (name: string, command: string): Arm => ({ name, command, counts: [0] });
const session = (name: string, service: string, user: string): Arm => ({
  name,
  command: `pam-arm ${service} ${user}`,
  counts: [1],
});

export const sharedArm = (name: string): Arm => session(name, "bench-guestd", "guest1");
export const leasedArm = (name: string): Arm => ({
  name,
  command: "pam-arm bench-guestd guest auth",
  counts: [0, 1],
});
export const bwrapArm = (name: string): Arm => once(name, `stamp ${BWRAP}`);

const NODE = once("node", "stamp node -e 0");

export const LOGINS: readonly Arm[] = [
  sharedArm("guestd, shared"),
  leasedArm("guestd, leased"),
  bwrapArm("bwrap"),
  once("firejail", "stamp firejail --quiet --noprofile --private true"),
  session("pam_namespace", "bench-namespace", "alice"),
  session("pam_mkhomedir", "bench-mkhomedir", "bob"),
  session("pam_systemd", "bench-systemd", "alice"),
  once("systemd-run", "stamp systemd-run --quiet --wait true"),
  once("floor", "floor"),
  once("floor, isolated", "floor isolated"),
];

export const STRANGERS: readonly Arm[] = [
  session("no guest, without pam_guest", "bench-without", "alice"),
  session("no guest, session line", "bench-session", "alice"),
  { name: "no guest, both lines", command: "pam-arm bench-both alice auth", counts: [0, 1] },
  { name: "no guest, without both lines", command: "pam-arm bench-permit alice auth", counts: [0, 1] },
];

export const GUESTCTL: readonly Arm[] = [
  NODE,
  once("guestctl list", "stamp guestctl list"),
  once("guestctl receipts", "stamp guestctl receipts"),
  once("completion of an id", "stamp complete-id"),
];

/** The bus starts the stopped guestd. */
export const COLD_START = once(
  "cold start",
  "stamp busctl call org.guestd1 /org/guestd1 org.guestd1.Manager GetStatus",
);
export const COLD: readonly Arm[] = [NODE, COLD_START];
