// guest-rehearsal: builds a view for nobody and says what came of it. The plan comes from stdin, the fault or "null" goes to stdout.
// A process of its own: what hangs under a skeleton hangs here, and the view goes when it ends.
import { readFileSync } from "node:fs";
import type { Step } from "./policy/steps.ts";
import type { ViewFault } from "./policy/view-fault.ts";
import type { NativeError } from "./system/bindings.ts";
import { loadBindings } from "./system/bindings.ts";

async function rehearse(plan: readonly Step[]): Promise<ViewFault | null> {
  const bindings = loadBindings();
  try {
    await bindings.buildView(bindings.openPidfd(process.pid), plan, "guest-rehearsal");
    return null;
  } catch (error) {
    const { step = "", code = "", message } = error as Partial<NativeError> & Error;
    return { step, code, message };
  }
}

process.stdout.write(JSON.stringify(await rehearse(JSON.parse(readFileSync(0, "utf8")) as Step[])));
