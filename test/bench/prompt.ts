// Logins at a terminal, from the name to the shell's prompt: a guest, and a user whose manager starts.
import type { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";
import { PROMPT_LEASED, PROMPT_USER } from "./names.ts";
import { awaitCalm, type Bench } from "./stage.ts";

/** Of carol, who has no password: checking one would take as long as the rest. */
const USER_UNIT = "user@1011.service";

/** @returns microseconds */
async function timePrompt(machine: Machine, user: string): Promise<number> {
  const terminal = machine.terminal(["login"]);
  await terminal.expect(/login: /);
  const begin = performance.now();
  terminal.send(`${user}\n`);
  await terminal.expect(/\$ $/);
  const took = (performance.now() - begin) * 1000;
  terminal.send("exit\n");
  await terminal.end();
  return took;
}

/** logind keeps a user's manager for some seconds. */
async function awaitNoManager(machine: Machine): Promise<void> {
  await machine.run(["systemctl", "stop", USER_UNIT]);
  await waitFor(
    "carol's manager to stop",
    async () => (await machine.sh(`systemctl show -P ActiveState ${USER_UNIT}`)) === "inactive",
  );
}

export async function timePrompts({ machine, rounds, figures }: Bench): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    figures.addTime(PROMPT_LEASED, await timePrompt(machine, "guest"));
    await awaitCalm(machine);
    figures.addTime(PROMPT_USER, await timePrompt(machine, "carol"));
    await awaitNoManager(machine);
  }
}
