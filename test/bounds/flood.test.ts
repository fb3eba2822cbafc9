// A user floods the bus at guestd while guests log in: they get in, and guestd notices nothing. The bus itself is
// shared: a busy one delays logins, and they fail while no client can connect.
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions } from "../helpers/guests.ts";
import { endLease, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

const FLOOD = "/usr/local/bin/flood-bus.mjs";
const LOG = "/tmp/flood.log";
const LOGINS = 5;
/** Twice what guestd takes when idle. dbus-next's parser took twenty times as much. */
const MOST_KIBIBYTES = 200_000;
const MEBIBYTE = 1024 * 1024;

describeMachine("a user of the machine who floods the bus", (release) => {
  let machine: Machine;
  let before: readonly string[];

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write(FLOOD, readFileSync(`${import.meta.dirname}/../machine/attacks/flood-bus.mjs`), "755");
    await logIn();
    before = await lookAtGuestd();
  });
  afterEach(async () => {
    await endFlood();
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** guestd's PID, and how often systemd had to restart it. */
  const lookAtGuestd = async () => (await machine.sh("systemctl show -P MainPID -P NRestarts guestd")).split("\n");
  const readPeak = async () =>
    Number(await machine.sh("awk '/VmHWM/ { print $2 }' /proc/$(systemctl show -P MainPID guestd)/status"));

  async function beginFlood(mode: string, amount: number): Promise<void> {
    await machine.sh(`rm -f ${LOG}; systemd-run --quiet --collect --unit=flood --property=User=alice --property=LimitNOFILE=8192 \
      --property=StandardOutput=file:${LOG} node ${FLOOD} ${mode} ${amount}`);
    await waitFor("the flood", async () => (await machine.sh(`cat ${LOG}`)).includes("begun"), 60_000);
  }

  // Uses systemd's own socket: the bus may be out of reach.
  const endFlood = () => machine.run(["systemctl", "kill", "--signal=KILL", "flood.service"]);

  /** Guests log in one after another. @returns the results, and milliseconds */
  async function logIn(): Promise<{ readonly results: readonly string[]; readonly took: readonly number[] }> {
    const script = `for n in $(seq ${LOGINS}); do
      begin=$(date +%s%N)
      out=$(su - guest2 -c 'findmnt -n -o FSTYPE -T ~' 2>&1 | tr '\\n' ' ')
      echo "$((($(date +%s%N) - begin) / 1000000)) $out"
    done`;
    const lines = (await machine.sh(script, { timeoutMs: 200_000 })).split("\n");
    return {
      results: lines.map((line) => line.replace(/^\d+ /, "").trim()),
      took: lines.map((line) => Number.parseInt(line, 10)),
    };
  }

  /** Asks logind, as every login does, to show the bus's cost for all users. */
  const askLogind = () =>
    machine.sh(`begin=$(date +%s%N)
      timeout 5 busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager ListUsers >/dev/null 2>&1 || printf 'no answer in '
      echo "$((($(date +%s%N) - begin) / 1000000)) ms"`);

  async function tell(flood: string, { results, took }: Awaited<ReturnType<typeof logIn>>): Promise<void> {
    const refused = results.filter((result) => result !== "tmpfs").length;
    const lines = [`logins ${took.join(" ")} ms, ${refused} of ${LOGINS} refused`, `logind: ${await askLogind()}`];
    process.stdout.write(`${release}: ${flood}: ${lines.join("; ")}; guestd at most ${await readPeak()} KiB\n`);
  }

  it.each([
    ["a call with a body of 31 MiB", "body", 31 * MEBIBYTE],
    ["300,000 small calls", "calls", 300_000],
  ])("(%s) keeps no guest out, and does not reach guestd", { timeout: 300_000 }, async (title, mode, amount) => {
    await tell("quiet", await logIn());
    const guest = await startLease(machine);
    await beginFlood(mode, amount);
    const during = await logIn();
    await tell(title, during);
    expect(during.results).toEqual(Array(LOGINS).fill("tmpfs"));
    // Makes no call, so it is as fast as usual.
    expect((await guest.terminal.askStatus("pamtester vlock $(id -un) authenticate </dev/null")).code).toBe(0);
    expect(await readPeak()).toBeLessThan(MOST_KIBIBYTES);
    await endFlood();
    expect((await endLease(machine, guest)).left).toEqual([]);
    expect(await lookAtGuestd()).toEqual(before);
  });

  it(
    "(2,000 half-open connections) blocks the bus for every user, and only while it lasts",
    { timeout: 300_000 },
    async () => {
      const guest = await startLease(machine);
      await beginFlood("half-open", 2000);
      await tell("2,000 half-open connections", await logIn());
      expect((await guest.terminal.askStatus("pamtester vlock $(id -un) authenticate </dev/null")).code).toBe(0);
      await endFlood();
      await waitFor(
        "guests to be let in",
        async () => (await logIn()).results.every((result) => result === "tmpfs"),
        120_000,
      );
      expect((await endLease(machine, guest)).left).toEqual([]);
      expect(await lookAtGuestd()).toEqual(before);
    },
  );

  it("leaves guestd within its unit's limits", async () => {
    const shown = await machine.sh("systemctl show -P MemoryMax -P TasksMax guestd");
    expect(
      shown
        .split("\n")
        .map(Number)
        .every((limit) => limit > 0),
    ).toBe(true);
  });

  it("leaves no warning of guestd in the journal", async () => {
    // The bus itself logs hundreds of thousands of rejected messages.
    const priorities = [0, 1, 2, 3, 4].map((priority) => `PRIORITY=${priority}`);
    const entries = await machine.journal("_SYSTEMD_UNIT=guestd.service", ...priorities);
    expect(entries.map(({ MESSAGE }) => MESSAGE)).toEqual([]);
  });
});
