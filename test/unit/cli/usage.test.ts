import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import type { Option } from "../../../src/cli/options.ts";
import { COMMON, OPTIONS } from "../../../src/cli/options.ts";
import { helpText, readCommandLine, UsageError } from "../../../src/cli/usage.ts";
import { runWith } from "../../helpers/guestctl.ts";

const HELP = `guestctl [OPTIONS...] [VERB] ...

Look at guest sessions and their receipts, end them, and let guests in or not. Without a verb: list.

  list                     List the guest sessions
  show ID...               Show all that is known of a session, its view step by step
  end ID...                End a session: kill its processes, drop its view and home
  receipts                 List the receipts of sessions that have ended [--failed]
  receipt ID...            Show all of a receipt: what was found, taken away and left
  leases                   List the uids that are leased or quarantined [--all]
  lease release UID...     Let a quarantined uid be leased again
  status                   Show whether guests can log in, and what is wrong if not
  enable                   Let guests log in
  disable                  Let no more guests log in; sessions go on [--reason=REASON]
  autologin enable|disable|status Have a display manager log guests in by itself [--display-manager=NAME] [--session=SESSION]
  explain USER             Show what a login of USER would get [--service=SERVICE]
  config [check [FILE...]] Show the configuration in force, or check files
  reload                   Read the configuration again

  --json                   Print JSON
  --service=SERVICE        The PAM service of the login to explain (login)
  --failed                 Of the receipts, those alone that name something left
  -a, --all                Show uids that are free as well
  --reason=REASON          What a guest is told who is refused
  --display-manager=NAME   Of several display managers, the one to set up
  --session=SESSION        The desktop session that begins
  -h, --help               Show this
  --version                Show the version

A verb takes the options behind it, --json, --help and --version.

Exit codes: 0 done; 1 failed, or not in order; 2 wrong command line.`;

/** Valid arguments for each verb. */
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
  it("lists every verb with its options, and every option", () => {
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
