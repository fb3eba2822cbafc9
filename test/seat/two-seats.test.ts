// A computer with two seats, and a guest at each. GDM names the terminal of its first seat before authentication, and
// none of another seat.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitViews } from "../helpers/desktop.ts";
import { askForRow, listSessions, type GuestSession } from "../helpers/guests.ts";
import { projectRelease, requireRoot } from "../helpers/root.ts";
import { Seat, SEAT_LIMIT_MS } from "../helpers/seat.ts";
import { waitFor } from "../helpers/wait.ts";

const release = projectRelease();

describe.skipIf(!requireRoot("tests of a whole computer"))(`two guests at a computer with ${release}`, () => {
  let seat: Seat;
  const guests: GuestSession[] = [];

  beforeAll(async () => {
    seat = await Seat.boot(release, 2);
    await seat.attachSecond();
    await seat.machine.sh("systemctl start display-manager");
    const greeters = "pgrep -u Debian-gdm -c gsd-media-keys";
    await waitFor("two greeters", async () => (await seat.machine.sh(greeters)) === "2", SEAT_LIMIT_MS);
    await seat.awaitCalm();
  });
  afterAll(async () => {
    await seat.stop();
  });

  /** Returns the newest guest, once their desktop is up. */
  async function awaitGuest(press: () => Promise<void>): Promise<GuestSession> {
    const known = guests.map(({ id }) => id);
    const guest = await waitFor(
      "a guest's session to be open",
      async () => {
        const open = (await listSessions(seat.machine)).find(
          ({ id, state }) => state === "open" && !known.includes(id),
        );
        if (open === undefined) {
          await press();
          await seat.awaitCalm();
        }
        return open;
      },
      SEAT_LIMIT_MS,
    );
    guests.push(guest);
    return guest;
  }
  const viewsOf = ({ uid }: GuestSession) => awaitViews(seat.machine, uid, ["gnome-shell", "systemd"], SEAT_LIMIT_MS);
  const seatOf = ({ uid }: GuestSession) =>
    seat.machine.sh(`loginctl list-sessions --no-legend | awk '$2 == ${uid} && $4 ~ /^seat/ { print $4 }'`);
  const receiptOf = ({ id }: GuestSession) =>
    waitFor("the receipt", () => askForRow(seat.machine, `GetReceipt s ${id}`), SEAT_LIMIT_MS);

  it("get desktops of their own, in views of their own", { timeout: 3 * SEAT_LIMIT_MS }, async () => {
    const second = await awaitGuest(() => seat.pressSecond("ret"));
    const first = await awaitGuest(() => seat.press("ret"));
    const views = [...(await viewsOf(first)), ...(await viewsOf(second))];
    expect([await seatOf(first), await seatOf(second)]).toEqual(["seat0", "seat1"]);
    expect(new Set(views).size).toBe(2);
    expect(views).not.toContain(await seat.machine.sh("ps -o mntns= -p 1 | tr -d ' '"));
  });

  it("end apart: one whose desktop crashes leaves the other alone", { timeout: 2 * SEAT_LIMIT_MS }, async () => {
    const [second, first] = guests as [GuestSession, GuestSession];
    await seat.machine.sh(`pkill -KILL -u ${second.uid} gnome-shell`);
    expect(await receiptOf(second)).toMatchObject({ clean: true, left: [] });
    expect((await listSessions(seat.machine)).map(({ id }) => id)).toEqual([first.id]);
    expect((await viewsOf(first)).size).toBe(1);
    await seat.machine.sh(`guestctl end ${first.id}`);
    expect(await receiptOf(first)).toMatchObject({ clean: true, left: [] });
  });
});
