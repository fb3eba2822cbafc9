// A step of a package's administrator, killed before the n-th command that dpkg or a package script runs.
import { readFileSync } from "node:fs";
import type { Machine } from "./machine.ts";

const STEP_LIMIT_MS = 60_000;
const KILLED = 137;
const LOG = "/root/kill-points";
const FOLDER = "/usr/local/sbin";

/** These programs change something. */
const PROGRAMS = [
  "dpkg-deb",
  "pam-auth-update",
  "systemd-sysusers",
  "systemd-tmpfiles",
  "systemctl",
  "guestctl",
  "install",
  "mv",
  "ln",
  "rm",
  "rmdir",
  "groupdel",
];

/** Puts a kill point before each of these programs. */
export async function placeKillPoints(machine: Machine): Promise<void> {
  for (const [name, mode] of [
    ["kill-point", "755"],
    ["KillPoint.pm", "644"],
  ] as const) {
    await machine.write(`${FOLDER}/${name}`, readFileSync(new URL(name, import.meta.url)), mode);
  }
  await machine.sh(`cd ${FOLDER}; for program in ${PROGRAMS.join(" ")}; do ln -s kill-point $program; done`);
}

/**
 * Runs a step in its own session, up to kill point `at`.
 * @returns the points it has passed, and whether it was killed
 * @throws Error when it failed by itself
 */
export async function runKilled(
  machine: Machine,
  at: number,
  argv: readonly string[],
): Promise<{ readonly isKilled: boolean; readonly points: readonly string[] }> {
  const env = { KILL_AT: String(at), KILL_LOG: LOG, DEBIAN_FRONTEND: "noninteractive" };
  const { code, stdout, stderr } = await machine.run(
    ["sh", "-c", `: >${LOG}; exec setsid --wait "$@"`, "sh", ...argv],
    { env, timeoutMs: STEP_LIMIT_MS },
  );
  if (code !== 0 && code !== KILLED) throw new Error(`exit ${code} of: ${argv.join(" ")}\n${stdout}${stderr}`);
  const points = (await machine.sh(`cat ${LOG}`)).split("\n").filter((line) => line !== "");
  return { isKilled: code === KILLED, points };
}
