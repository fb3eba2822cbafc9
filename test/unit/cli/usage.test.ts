import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import type { Option } from "../../../src/cli/options.ts";
import { COMMON, OPTIONS } from "../../../src/cli/options.ts";
import { helpText, readCommandLine, UsageError } from "../../../src/cli/usage.ts";
import { runWith } from "../../helpers/guestctl.ts";

const HELP = `guestctl [OPTIONS...] [VERB] ...

Control guest logins; inspect and end guest sessions. Without a verb, list the sessions.

  list                             List guest sessions
  show ID...                       Show a session in detail, with each step of its view
  end ID...                        End a session and discard its home
  receipts                         List the receipts of ended sessions
  receipt ID...                    Show what an ended session left, and what was removed
  leases                           List leased and quarantined UIDs
  lease release UID...             Release a quarantined UID
  status                           Show whether guests can log in, and if not, why
  enable                           Allow guest logins
  disable                          Refuse new guest logins; open sessions continue
  autologin enable|disable|status  Have a display manager log guests in automatically
  explain USER                     Show what a login of USER would get
  config [check [FILE...]]         Show the configuration, or check files
  reload                           Reload the configuration

  --json                           Print JSON
  --service=SERVICE                With explain: the PAM service of the login (default: login)
  --failed                         With receipts: only sessions that left something behind
  -a, --all                        With leases: also UIDs that are free
  --reason=REASON                  With disable: the reason that refused guests are shown
  --display-manager=NAME           With autologin: the display manager to set up
  --session=SESSION                With autologin: the desktop session to start
  -h, --help                       Show this help
  --version                        Show the version

Every verb takes --json, --help and --version.

Exit status: 0 on success, 1 on failure or if something is wrong, 2 for a wrong command line.`;

const WORDS: Readonly<Record<string, readonly string[]>> = {
  show: ["abc"],
  end: ["abc"],
  receipt: ["abc"],
  lease: ["release", "60600"],
  explain: ["guest"],
  autologin: ["enable"],
};
const wordsOf = (name: string) => [name, ...(WORDS[name] ?? [])];
const give = (option: Option) => (OPTIONS[option].type === "string" ? `--${option}=x` : `--${option}`);

describe("the help of guestctl", () => {
  it("lists every verb and every option", () => {
    expect(helpText()).toBe(HELP);
  });

  it.each(COMMANDS)("is shown for $name --help", async ({ name }) => {
    for (const help of ["--help", "-h"]) expect(await runWith([name, help])).toMatchObject({ code: 0, out: HELP });
  });
});

describe("an option of another verb", () => {
  const OWN: Readonly<Record<string, Option>> = {
    receipts: "failed",
    leases: "all",
    disable: "reason",
    explain: "service",
  };
  const cases = COMMANDS.flatMap(({ name }) =>
    Object.entries(OWN).map(([taker, option]) => ({ name, option, taker, is: taker === name ? "taken" : "refused" })),
  );

  it.each(cases)("$name --$option is $is", async ({ name, option, taker }) => {
    const line = [...wordsOf(name), give(option)];
    if (taker === name) expect(readCommandLine(line)).toMatchObject({ kind: "run", command: { name } });
    else
      expect(await runWith(line)).toEqual({
        code: 2,
        out: "",
        err: `guestctl: ${name} takes no --${option}, which is for ${taker}; see "guestctl --help"`,
        calls: [],
      });
  });

  it.each([
    [["config", "check", "--failed"], "config takes no --failed, which is for receipts"],
    [["--failed", "config", "check", "/dev/null"], "config takes no --failed, which is for receipts"],
    [["list", "--reason=x"], "list takes no --reason, which is for disable"],
    [["list", "--reason", "x"], "list takes no --reason, which is for disable"],
    [["lease", "release", "60600", "-a"], "lease takes no -a, which is for leases"],
    [["--all"], "list takes no --all, which is for leases"],
    [["enable", "--reason="], "enable takes no --reason, which is for disable"],
    [["leases", "--all", "--service=login"], "leases takes no --service, which is for explain"],
  ])("makes a wrong command line: %j", (args, sentence) => {
    expect(() => readCommandLine(args)).toThrow(new UsageError(sentence));
  });
});

describe("an option of every verb", () => {
  it.each(COMMANDS)("may be written before $name or after it", ({ name }) => {
    for (const option of COMMON) {
      const kind = option === "json" ? "run" : option;
      expect(readCommandLine([give(option), ...wordsOf(name)]).kind).toBe(kind);
      expect(readCommandLine([...wordsOf(name), give(option)]).kind).toBe(kind);
    }
  });
});
