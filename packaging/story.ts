// Shared by the stories of packaging/demo: the machine, and the narration. They drive a test machine, never the host.
import { Machine } from "../test/helpers/machine.ts";
import { releases, type Release } from "../test/helpers/root.ts";
import type { Snapshot } from "../test/helpers/snapshot.ts";

export function tell(text: string): void {
  console.log(`\n== ${text}`);
}

export function show(prompt: string, command: string, output: string): void {
  console.log(`${prompt} ${command}\n${output.replaceAll(/^/gm, "    ")}`);
}

export async function asRoot(machine: Machine, command: string): Promise<string> {
  const output = await machine.sh(command);
  show("root#", command, output.trim() === "" ? "(nothing)" : output);
  return output;
}

/** One a line. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  return (Object.keys(before) as (keyof Snapshot)[]).flatMap((part) => {
    const was = [before[part]].flat().map(String);
    const is = [after[part]].flat().map(String);
    return [
      ...is.filter((line) => !was.includes(line)).map((line) => `${part}: + ${line}`),
      ...was.filter((line) => !is.includes(line)).map((line) => `${part}: - ${line}`),
    ];
  });
}

/**
 * Tells a story on a machine of the command line's release. Exits with 1 when it fails.
 * @param story returns what the guest has left, one a line
 */
export async function run(
  kind: Parameters<typeof Machine.boot>[1],
  story: (machine: Machine) => Promise<string[]>,
): Promise<void> {
  const release = releases.find((name) => name === process.argv[2]) ?? ("trixie" satisfies Release);
  const machine = await Machine.boot(release, kind);
  try {
    const left = await story(machine);
    if (left.length > 0) throw new Error(`the machine is not as it was before:\n${left.join("\n")}`);
    tell(
      "The machine is as it was before: no process, mount, file, memory, IPC object or session of the guest is left",
    );
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    tell("What guestd said");
    console.error((await machine.run(["journalctl", "--quiet", "--no-pager", "--unit=guestd.service"])).stdout);
    process.exitCode = 1;
  } finally {
    await machine.stop();
  }
}
