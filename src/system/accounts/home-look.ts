// Looks whether something is at the path that a home would have. Changes nothing.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { within } from "../../wait.ts";

const run = promisify(execFile);
const FIND = "/usr/bin/find";
/** A login waits for it. */
const LIMIT_MS = 3000;

/**
 * Whether there is anything at this path, be it a link that leads nowhere. In a process of its own: where /home is a file
 * server's that does not answer, that process is killed, and guestd goes on.
 * @param program find(1), but for tests
 * @throws Error when it cannot be told
 */
export async function homeExists(home: string, program = FIND): Promise<boolean> {
  const looking = run(program, [home, "-maxdepth", "0"], { timeout: LIMIT_MS, killSignal: "SIGKILL", env: {} });
  const look = looking.then(
    () => true,
    (error: unknown) => {
      // Without a locale it says so in these words.
      if (/: (No such file or directory|Not a directory)\n$/.test((error as { stderr?: string }).stderr ?? ""))
        return false;
      throw new Error(`${home} could not be looked at`, { cause: error });
    },
  );
  return within(look, LIMIT_MS, () => {
    throw new Error(`${home} could not be looked at in ${LIMIT_MS / 1000} s`);
  });
}
