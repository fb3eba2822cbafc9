// LightDM authenticates the selected user long before the click: the account waits. A VNC user does not get in, though
// LightDM names that display like any other.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, hideUsers, startDisplayManager } from "../helpers/desktop.ts";
import type { GuestSession } from "../helpers/guests.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const VNC = "[VNCServer]\nenabled=true\nport=5900\n";

describeDesktop("a guest who is selected in LightDM", (at) => {
  beforeAll(async () => {
    // LightDM starts an X server for each client, as for a seat.
    await at.machine.write("/etc/lightdm/lightdm.conf.d/91-vnc.conf", VNC);
    await at.machine.sh("ln -s X /usr/bin/Xvnc");
    await hideUsers(at.machine);
    await startDisplayManager(at.machine, "lightdm");
  });

  /** Returns when the greeter waits for a click. */
  async function select(): Promise<GuestSession> {
    await at.screen.awaitGreeter(GREETER);
    await at.screen.type("guest");
    await at.screen.press("Return");
    return waitFor("the account", async () =>
      (await listSessions(at.machine)).find(({ state }) => state === "allocated"),
    );
  }

  // The buttons' places without a password field. Before, nothing is there.
  const clickLogIn = () => at.screen.click(580, 410);
  const clickCancel = () => at.screen.click(430, 410);

  it("gets in with a late click, whatever happens to guestd in between", async () => {
    const { id, user } = await select();
    for (const how of ["systemctl restart guestd", "systemctl kill --signal=KILL guestd"])
      await at.machine.sh(`${how}; while ! guestctl status; do :; done`);
    expect(await listSessions(at.machine)).toMatchObject([{ id, state: "allocated" }]);
    expect(await awaitOpen(at.machine, clickLogIn)).toMatchObject({ id, user });
    await at.machine.sh(`guestctl end ${id}`);
    expect(await leftovers(at.machine)).toBe("");
  });

  it("returns the account at once on Cancel, with one debug line", async () => {
    const { id } = await select();
    await waitFor("the end of it", async () => {
      await clickCancel();
      return (await listSessions(at.machine)).length === 0;
    });
    expect(await awaitReceipt(at.machine, id)).toMatchObject({ cause: "never-opened", leased: true, left: [] });
    const told = (await at.machine.journal(`GUEST_SESSION=${id}`)).filter(({ PRIORITY }) => Number(PRIORITY) < 6);
    expect(told).toEqual([]);
  });

  it("is refused as a remote VNC client", async () => {
    const seat = await at.machine.sh("cat /run/test-screen");
    await at.machine.sh(
      "systemd-run -q --collect --unit=client bash -c 'exec 3<>/dev/tcp/127.0.0.1/5900; sleep infinity'",
    );
    await waitFor("the client's display", async () => (await at.machine.sh("cat /run/test-screen")) !== seat);
    const { id } = await select();
    const refusals = () => at.machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=refuse");
    const [refusal] = await waitFor("the refusal", async () => {
      await clickLogIn();
      const found = await refusals();
      return found.length > 0 && found;
    });
    expect(refusal?.["MESSAGE"]).toContain("it is at no seat of this machine");
    expect(await awaitReceipt(at.machine, id)).toMatchObject({ cause: "open-failed", left: [] });
    await at.machine.sh("systemctl stop client");
    await awaitNoSessions(at.machine);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine, /it is at no seat of this machine/)).toEqual([]);
  });
});
