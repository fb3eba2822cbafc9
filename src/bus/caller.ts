// Identifies callers by what the bus says during the call, never by an argument.
import dbus from "dbus-next";
import type { MessageBus } from "dbus-next";
import { GuestError } from "../policy/errors.ts";
import { callMethod, LateError } from "./connection.ts";
import { BUS } from "./names.ts";
import { unwrap } from "./values.ts";

export interface Caller {
  /** Unique bus name, ":1.42". */
  readonly name: string;
  readonly uid: number;
  readonly pid: number;
}

const LIMIT_MS = 4000;

/**
 * A caller that has left must never be taken for root (CVE-2021-3560).
 * @throws GuestError LeaderGone if the caller or its process is gone (dbus-daemon 1.16 and later then report a UID
 * without a PID); Failed if the bus does not answer; AccessDenied for other errors or a missing field
 */
export async function identifyCaller(bus: MessageBus, name: string): Promise<Caller> {
  let fields: Record<string, unknown>;
  try {
    const [credentials] = await callMethod(
      bus,
      { ...BUS, member: "GetConnectionCredentials", signature: "s", body: [name] },
      LIMIT_MS,
    );
    fields = unwrap(credentials);
  } catch (error) {
    if (error instanceof LateError)
      throw new GuestError("Failed", "The bus does not answer in time who is calling.", { cause: error });
    const hasLeft = error instanceof dbus.DBusError && error.type === "org.freedesktop.DBus.Error.NameHasNoOwner";
    throw new GuestError(hasLeft ? "LeaderGone" : "AccessDenied", "The bus does not know who is calling.", {
      cause: error,
    });
  }
  const uid = fields["UnixUserID"];
  const pid = fields["ProcessID"];
  if (typeof uid === "number" && pid === undefined)
    throw new GuestError("LeaderGone", "The process that is calling has ended.");
  if (typeof uid !== "number" || typeof pid !== "number" || pid <= 0) {
    throw new GuestError("AccessDenied", "The bus does not say who is calling.");
  }
  return { name, uid, pid };
}

/** An error counts as no. */
export async function nameExists(bus: MessageBus, name: string): Promise<boolean> {
  try {
    const [exists] = await callMethod(bus, { ...BUS, member: "NameHasOwner", signature: "s", body: [name] }, LIMIT_MS);
    return exists === true;
  } catch {
    return false;
  }
}
