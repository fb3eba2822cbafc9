// LightDM authenticates the selected user long before the click: the account waits as long as its process. And a user
// of its VNC server, whose display it names like any other, does not get in.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, hideUsers, startDisplayManager } from "../helpers/desktop.ts";
import type { GuestSession } from "../helpers/guests.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const VNC = "[VNCServer]\nenabled=true\nport=5900\n";

describeMachine("a guest who is selected in LightDM", (release) => {
  let machine: Machine;
  let screen: Screen;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    // LightDM starts an X server for each client, as it does for a seat.
    await machine.write("/etc/lightdm/lightdm.conf.d/91-vnc.conf", VNC);
    await machine.sh("ln -s X /usr/bin/Xvnc");
    await hideUsers(machine);
    await startDisplayManager(machine, "lightdm");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Returns when the greeter waits for a click. */
  async function select(): Promise<GuestSession> {
    await screen.awaitGreeter(GREETER);
    await screen.type("guest");
    await screen.press("Return");
    return waitFor("the account", async () => (await listSessions(machine)).find(({ state }) => state === "allocated"));
  }

  // The place of these buttons without a password field; before that there is nothing.
  const clickLogIn = () => screen.click(580, 410);
  const clickCancel = () => screen.click(430, 410);

  it("gets in with a late click, whatever happens to guestd in between", async () => {
    const { id, user } = await select();
    for (const how of ["systemctl restart guestd", "systemctl kill --signal=KILL guestd"])
      await machine.sh(`${how}; while ! guestctl status; do :; done`);
    expect(await listSessions(machine)).toMatchObject([{ id, state: "allocated" }]);
    expect(await awaitOpen(machine, clickLogIn)).toMatchObject({ id, user });
    await machine.sh(`guestctl end ${id}`);
    expect(await leftovers(machine)).toBe("");
  });

  it("returns the account at once on Cancel, with one debug line", async () => {
    const { id } = await select();
    await waitFor("the end of it", async () => {
      await clickCancel();
      return (await listSessions(machine)).length === 0;
    });
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "never-opened", leased: true, left: [] });
    const told = (await machine.journal(`GUEST_SESSION=${id}`)).filter(({ PRIORITY }) => Number(PRIORITY) < 6);
    expect(told).toEqual([]);
  });

  it("is refused as a remote VNC client", async () => {
    const seat = await machine.sh("cat /run/test-screen");
    await machine.sh(
      "systemd-run -q --collect --unit=client bash -c 'exec 3<>/dev/tcp/127.0.0.1/5900; sleep infinity'",
    );
    await waitFor("the client's display", async () => (await machine.sh("cat /run/test-screen")) !== seat);
    const { id } = await select();
    const refusals = () => machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=refuse");
    const [refusal] = await waitFor("the refusal", async () => {
      await clickLogIn();
      const found = await refusals();
      return found.length > 0 && found;
    });
    expect(refusal?.["MESSAGE"]).toContain("it is at no seat of this machine");
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "open-failed", left: [] });
    await machine.sh("systemctl stop client");
    await awaitNoSessions(machine);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /it is at no seat of this machine/)).toEqual([]);
  });
});
