// Follows each recipe of docs/cookbook.md, and checks what it promises guests.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { commandsOf, filesOf, readInstructions, sectionOf, type DocumentFile } from "../helpers/document.ts";
import { ASK, awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { readProjectFile } from "../helpers/tree.ts";

/** The kiosk has its own document and test. */
const COOKBOOK = readProjectFile("docs/cookbook.md");

/** A network namespace beside the machine, with two addresses. */
const NETWORK = `ip netns add beside
  ip link add here type veth peer name there netns beside
  ip address add 192.0.2.1/24 dev here; ip link set here up
  ip -n beside address add 192.0.2.10/24 dev there; ip -n beside address add 192.0.2.20/24 dev there; ip -n beside link set there up
  systemd-run --quiet --unit=beside ip netns exec beside node -e 'require("net").createServer((s) => s.end("here\\n")).listen(443)'`;

class Kitchen {
  readonly #machine: Machine;
  readonly #files: readonly DocumentFile[];
  readonly #commands: string[];

  constructor(machine: Machine, title: string) {
    const instructions = readInstructions(sectionOf(COOKBOOK, title));
    this.#machine = machine;
    this.#files = filesOf(instructions);
    // The machine has these packages, but no network.
    this.#commands = commandsOf(instructions).filter((command) => !command.startsWith("apt install "));
  }

  get left(): readonly string[] {
    return this.#commands;
  }

  async write(): Promise<void> {
    for (const { path, text, mode } of this.#files) await this.#machine.write(path, text, mode);
  }

  /** Runs the next commands, up to this one. */
  async run(last: string): Promise<void> {
    const count = this.#commands.findIndex((command) => command.startsWith(last)) + 1;
    expect(count, last).toBeGreaterThan(0);
    for (const command of this.#commands.splice(0, count)) await this.#machine.sh(command);
  }

  /** Undoes the recipe. A guest of a failed test may still be in. */
  async clean(): Promise<void> {
    const paths = this.#files.map(({ path }) => `'${path}'`).join(" ");
    const sessions = await listSessions(this.#machine);
    // A session may end by itself meanwhile.
    for (const { id } of sessions) await this.#machine.sh(`${ASK} EndSession s ${id} || true`);
    await this.#machine.sh(`rm ${paths}; systemctl daemon-reload; ${ASK} Reload; ${ASK} SetEnabled bs true ""`);
  }
}

describeMachine("the cookbook of the documentation", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async () => {
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** `rest` must run all commands of the recipe. */
  async function make(title: string, rest: (kitchen: Kitchen) => Promise<void>): Promise<void> {
    const kitchen = new Kitchen(machine, title);
    await kitchen.write();
    try {
      await rest(kitchen);
      expect(kitchen.left).toEqual([]);
    } finally {
      await kitchen.clean();
    }
  }

  async function name(user: string): Promise<Terminal> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send(`${user}\n`);
    return terminal;
  }

  async function isRefused(reason: RegExp): Promise<void> {
    const terminal = await name("guest");
    await terminal.expect(reason);
    terminal.hangUp();
    await terminal.exited;
  }

  it("makes an exam room: one guest, the tasks, and no address but the server's", async () => {
    await machine.sh(NETWORK);
    await make("An exam room", async (room) => {
      await room.run("guestctl disable");
      await machine.write("/srv/exam/tasks", "Prove it.\n", "666");
      await isRefused(/The examination begins at nine\./);

      await room.run("guestctl enable");
      const guest = await machine.loginAsGhost();
      expect(guest.transcript).toContain("Hand in your work at https://exam.example.org/");
      expect(await guest.ask("cat /mnt/tasks; echo mine >>/mnt/tasks")).toMatch(
        /^Prove it\.\n.*Read-only file system$/,
      );
      await isRefused(/This machine has as many guests as it allows/);

      const reach = (address: string) => `timeout 10 cat </dev/tcp/${address}/443`;
      await machine.sh(`until ${reach("192.0.2.20")}; do :; done`);
      expect(await guest.ask(reach("exam.example.org"))).toBe("here");
      expect(await guest.ask(reach("192.0.2.20"))).toContain("Connection refused");
      expect(await guest.ask("grep -c Allowlist /etc/chromium/policies/managed/exam.json")).toBe("1");
      expect(await machine.sh("! grep exam /etc/hosts; ls /etc/chromium 2>&1 || true")).toMatch(/^ls: cannot access/);

      const [{ id } = { id: "" }] = await listSessions(machine);
      await room.run("guestctl list");
      expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "ended-by-admin", left: [] });
      await isRefused(/The examination is over\./);
      await machine.sh("nft flush ruleset");
    });
  });

  it("makes a library: terms of use, prints that are kept, and opening hours", async () => {
    await make("A library", async (library) => {
      await library.run("guestctl enable");
      await machine.sh("systemctl start guests-off.service");
      await isRefused(/The library is closed\./);
      await machine.sh("systemctl start guests-on.service");
      expect(await machine.sh("systemctl list-timers --no-legend 'guests-*' | grep -c ' guests-o'")).toBe("2");

      const guest = await name("guest");
      await guest.expect(/against the law\.\n[^]*Type "yes":\n> /);
      guest.send("no\n");
      await guest.expect(/You have not accepted the terms of use[^]*login: /);
      guest.send("guest\n");
      await guest.expect(/Type "yes":\n> /);
      guest.send("yes\n");
      await guest.prepareShell();
      const [{ id } = { id: "" }] = await listSessions(machine);
      await guest.logOut();
      const digest = (await machine.sh("sha256sum /etc/guestd/terms.txt")).split(" ")[0];
      expect(await awaitReceipt(machine, id)).toMatchObject({ terms: digest, left: [] });
      expect(await machine.sh("guestctl config; ls /run/guestd-polkit")).toMatch(
        /^PrintJobs=keep$[^]*removable-media$/m,
      );
      await machine.sh("systemctl disable --now guests-on.timer guests-off.timer");
    });
  });

  it("makes a bastion: keys only, isolated logins, and connections to port 22 only", async () => {
    await make("A bastion", async (bastion) => {
      await bastion.run("guestctl enable");
      const [one, two] = await Promise.all([machine.sshSession("guest"), machine.sshSession("guest")]);
      expect(one.transcript).toContain("This is a bastion.");
      await one.ask("echo key >~/key; sleep 4711 & cp /bin/true ~");
      expect(await two.ask("ls -A ~ | grep key; pgrep -x sleep; df -h --output=size ~ | tail -1")).toMatch(/^ *64M$/);
      expect(await one.ask("~/true")).toContain("Permission denied");
      await Promise.all([one.logOut(), two.logOut()]);

      const forward = (port: number) =>
        machine.run(["ssh", "-o", "LogLevel=INFO", "-W", `localhost:${port}`, "guest@localhost"], { input: "\n" });
      expect((await forward(22)).stdout).toMatch(/^SSH-2\.0-/);
      expect((await forward(25)).stderr).toContain("administratively prohibited");
      expect((await machine.ssh("guest1", "id", { password: true })).code).not.toBe(0);
      const console = await name("guest");
      await console.expect(/Password: /);
      console.hangUp();
      await console.exited;
      expect(await machine.ssh("alice", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    });
  });

  it("makes a family computer: the music, but not the family's files, and the rights of a user at the machine", async () => {
    await make("A family computer", async (computer) => {
      await computer.run("guestctl enable");
      await machine.sh("echo la >/srv/music/song; chmod 777 /srv/music; echo secret >/srv/family/diary");
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("cat /mnt/song; ls -A /srv/family; touch /mnt/mine")).toMatch(
        /^la\n.*Read-only file system$/,
      );
      expect(await guest.ask("cat ~/Desktop/Welcome.txt; stat -c %U ~/Desktop")).toMatch(
        /^The music is in \/mnt\..*\nguest-/,
      );
      const uid = await guest.ask("id -u");
      expect(await machine.sh(`systemctl show --value -p CPUWeight user-${uid}.slice`)).toBe("50");
      expect(await machine.sh("ls /run/guestd-polkit")).toBe("brightness\nnetwork\nremovable-media\nshutdown");
      const alice = await machine.login("alice");
      expect(await alice.ask("cat /srv/family/diary")).toBe("secret");
      await Promise.all([alice.logOut(), guest.logOut()]);
    });
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /refused|Refused/)).toEqual([]);
  });
});
