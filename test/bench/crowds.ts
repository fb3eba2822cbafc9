// Logins that crowd.c makes, and that stay until they are told to go.
import { existsSync, readFileSync } from "node:fs";
import type { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";
import type { Account } from "./names.ts";
import { placeOf } from "./stage.ts";

const LIMIT_MS = 600_000;

const USERS: Readonly<Record<Account, string>> = {
  shared: "guest1 guest2 guest3 guest4",
  leased: "guest:auth",
};

export interface CrowdPlan {
  /** A unit's name. */
  readonly name: string;
  readonly count: number;
  readonly account: Account;
  /** Logins under way at once. */
  readonly parallel: number;
  /** They begin evenly spread over it. */
  readonly spreadMs: number;
}

export interface Crowd {
  /** Microseconds of each login that was not refused: authentication and open. */
  readonly times: readonly number[];
  /** Why the others were refused. */
  readonly refusals: readonly string[];
}

/** The output of crowd.c. */
export function readCrowd(output: string): Crowd {
  const lines = output.split("\n").filter((line) => line !== "" && line !== "done");
  const isRefusal = (line: string) => line.startsWith("refused ");
  return {
    times: lines
      .filter((line) => !isRefusal(line))
      .map((line) => line.split(" ").reduce((sum, number) => sum + Number(number), 0)),
    refusals: lines.filter(isRefusal).map((line) => line.replace("refused ", "")),
  };
}

/** Returns when each login has been answered. The sessions stay open. */
export async function openCrowd(machine: Machine, plan: CrowdPlan): Promise<Crowd> {
  const { name, count, account, parallel, spreadMs } = plan;
  const output = `/run/${name}.out`;
  // An earlier crowd of the name may still be on its way out.
  const isGone = async () =>
    (await machine.sh(`systemctl list-units --all --plain --no-legend ${name}.service`)) === "";
  await waitFor(`${name} to be gone`, isGone);
  await machine.sh(`rm -f ${output}
    systemd-run --quiet --collect --unit=${name} --property=TasksMax=infinity --property=StandardOutput=file:${output} \
      crowd bench-guestd ${count} ${parallel} ${spreadMs} ${USERS[account]}`);
  const place = placeOf(machine, output);
  const read = () => (existsSync(place) ? readFileSync(place, "utf8") : "");
  await waitFor(`${count} logins to be answered`, () => read().endsWith("done\n"), LIMIT_MS);
  return readCrowd(read());
}

/** Kills the crowd. Its leaders, wherever guestd has moved them, die with it. */
export async function killCrowd(machine: Machine, ...names: readonly string[]): Promise<void> {
  await machine.run([
    "systemctl",
    "kill",
    "--kill-whom=main",
    "--signal=KILL",
    ...names.map((name) => `${name}.service`),
  ]);
}
