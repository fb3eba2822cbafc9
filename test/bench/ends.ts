// A session's end, from the death of its leader to its receipt.
import { awaitReceipt, listSessions } from "../helpers/guests.ts";
import type { Machine } from "../helpers/machine.ts";
import { END_LARGE, END_SMALL } from "./names.ts";
import { awaitCalm, type Bench } from "./stage.ts";

/** A guest's command before the end, by the figure's name. */
const ENDS: Readonly<Record<string, string>> = {
  [END_SMALL]: ":",
  [END_LARGE]:
    "dd if=/dev/zero of=~/big bs=1M count=100 2>/dev/null; for i in $(seq 20); do setsid sleep 4711 >/dev/null 2>&1 </dev/null & done; :",
};

/** @returns microseconds, by the journal's clock */
async function timeEnd(machine: Machine, doing: string): Promise<number> {
  const guest = await machine.login("guest2");
  await guest.ask(doing);
  const session = (await listSessions(machine)).find(({ user }) => user === "guest2");
  if (session === undefined) throw new Error("guest2 has no session");
  const killed = Number(await machine.sh(`date +%s%N; kill -KILL ${session.leader}`)) / 1000;
  await awaitReceipt(machine, session.id);
  const [entry] = await machine.journal(`GUEST_SESSION=${session.id}`, "GUEST_ACTION=announce-closed");
  await guest.end();
  return Number(entry?.["_SOURCE_REALTIME_TIMESTAMP"]) - killed;
}

export async function timeEnds({ machine, rounds, figures }: Bench): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const [name, doing] of Object.entries(ENDS)) {
      figures.addTime(name, await timeEnd(machine, doing));
      await awaitCalm(machine);
    }
}
