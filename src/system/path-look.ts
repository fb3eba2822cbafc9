// Looks whether a path exists, maybe on a silent file server.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { serverOnWay, treeOf } from "../policy/mounts.ts";
import { within } from "../wait.ts";
import { readMounts } from "./processes/mountinfo.ts";
import { followKnownLinks } from "./sessions/links.ts";

const run = promisify(execFile);
const FIND = "/usr/bin/find";
/** A login waits for it. */
const LIMIT_MS = 3000;
const IN_TIME = ` in ${LIMIT_MS / 1000} s`;

const MACHINE = { find: FIND, mountinfo: "/proc/self/mountinfo" } as const;

/**
 * Finds dangling links, too. Uses a process that can be killed if a file server is silent.
 * @throws Error if this is unknown, with what to do
 */
export async function pathExists(
  path: string,
  { find, mountinfo }: Readonly<Record<keyof typeof MACHINE, string>> = MACHINE,
): Promise<boolean> {
  const fault = (how: string, cause?: unknown) =>
    new Error(`${path} could not be looked at${how}${adviseOn(path, mountinfo)}`, { cause });
  const looking = run(find, [path, "-maxdepth", "0"], { timeout: LIMIT_MS, killSignal: "SIGKILL", env: {} });
  const look = looking.then(
    () => true,
    (error: unknown) => {
      // Without a locale, find(1) uses these words.
      const said = /: ([^:\n]+)\n$/.exec((error as { stderr?: string }).stderr ?? "")?.[1];
      if (said === "No such file or directory" || said === "Not a directory") return false;
      const isLate = (error as { killed?: boolean }).killed === true;
      throw fault(isLate ? IN_TIME : said === undefined ? "" : `: ${said}`, error);
    },
  );
  return within(look, LIMIT_MS, () => {
    throw fault(IN_TIME);
  });
}

function adviseOn(path: string, mountinfo: string): string {
  const mounts = readMounts(mountinfo);
  const server = serverOnWay(treeOf(mounts), followKnownLinks(path, mounts));
  if (server === undefined) return "";
  const { mountPoint, source, type } = server;
  return `; repair the file server of ${mountPoint} (${source}, ${type}), or unmount it`;
}
