// guest-rehearsal: builds a view that no session uses. Reads the plan from stdin; prints the fault, or "null". A
// hanging file server hangs this process, and its exit destroys the view.
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
