// Whether the journal has a receipt. A guestd may have been killed before it recorded the announcement.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MESSAGE_IDS } from "../policy/messages.ts";
import { checkId } from "./state/session-record.ts";

const run = promisify(execFile);
const JOURNALCTL = "/usr/bin/journalctl";
const OPTIONS = { timeout: 15_000, killSignal: "SIGKILL", env: {} } as const;

/** @returns false if the journal is unreadable: two announcements are better than none */
export async function wasAnnounced(id: string): Promise<boolean> {
  const matches = [
    `MESSAGE_ID=${MESSAGE_IDS["announce-closed"]}`,
    `GUEST_SESSION=${checkId(id)}`,
    "GUEST_RESULT=done",
    "_SYSTEMD_UNIT=guestd.service",
    "_UID=0",
  ];
  try {
    // Recent entries may not be written yet.
    await run(JOURNALCTL, ["--sync"], OPTIONS);
    const { stdout } = await run(
      JOURNALCTL,
      ["--quiet", "--no-pager", "--output=cat", "--lines=1", ...matches],
      OPTIONS,
    );
    return stdout !== "";
  } catch {
    return false;
  }
}
