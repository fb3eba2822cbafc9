/** Memory and descriptors over many rounds. The folder's other tests use sanitizers. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { execute } from "../helpers/execute.ts";
import { describeModule } from "./fixture.ts";
import { builds } from "./host.ts";
import { type Answer, type Call, isolated, refused, session, verdict } from "./scripted_guestd.ts";
import { accounts, createIsolation, createView, type Isolation, type View } from "./world.ts";

const rounds = 50;
const manyRounds = 1000;

describeModule("many sessions in one process", (at) => {
  let second: View;
  let secondIsolation: Isolation;
  beforeAll(async () => {
    second = await createView(at.world);
    secondIsolation = await createIsolation(at.world);
  });
  afterAll(async () => {
    await second.stop();
    await secondIsolation.stop();
  });

  /** A process can enter each view from the other. */
  const alternating = () => {
    let opened = 0;
    return (call: Call) => session(call.member === "OpenSession" && opened++ % 2 === 1 ? second : at.view);
  };
  const line = ["quiet", String(rounds), "open", "close", "restart"];

  it("leave no descriptor behind, with the module loaded again for each", async () => {
    at.guestd.answer = alternating();
    const [first] = await at.run(["open", "close"]);
    at.guestd.answer = alternating();
    const hooks = await at.run(line);
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(at.guestd.calls).toHaveLength(2 + 2 * rounds);
    for (const hook of hooks) expect(hook.after.descriptors).toBe(first?.before.descriptors);
  });

  it(
    "leave no descriptor behind with their own PID and IPC namespaces, nor during them",
    { timeout: 180_000 },
    async () => {
      let opened = 0;
      at.guestd.answer = (call) =>
        call.member === "OpenSession" && opened++ % 2 === 0
          ? session(second, isolated(secondIsolation))
          : session(at.view, isolated(at.isolation));
      const hooks = await at.run(["quiet", String(manyRounds), "open", "close", "restart"]);
      expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
      expect(at.guestd.calls).toHaveLength(2 * manyRounds);
      const [open, close] = hooks;
      expect(BigInt(open?.after.children ?? 0)).toBe(at.isolation.pid.inode);
      expect(close?.after.children).toBe(open?.before.children);
      expect(close?.after.descriptors).toBe(open?.before.descriptors);
    },
  );

  it("leave nothing of their authentication behind", async () => {
    at.guestd.answer = verdict("leased", accounts.byPrimaryGroup);
    const hooks = await at.run(["quiet", String(rounds), "auth", "restart"], { user: accounts.byMembership });
    expect(hooks).toMatchObject([{ result: "PAM_SUCCESS", user: accounts.byPrimaryGroup }]);
    expect(hooks[0]?.after).toEqual(hooks[0]?.before);
  });

  it("leave no descriptor behind when they are refused", async () => {
    at.guestd.answer = refused("No more guests today.");
    const [hook] = await at.run(["quiet", String(rounds), "open", "restart"]);
    expect(hook?.result).toBe("PAM_SESSION_ERR");
    expect(hook?.after).toEqual(hook?.before);
  });

  // lax-ioctls: valgrind does not know those on namespaces, which return plain numbers.
  const valgrind = [
    "valgrind",
    "-q",
    "--vgdb=no",
    "--sim-hints=lax-ioctls",
    "--error-exitcode=99",
    "--leak-check=full",
  ];
  const memcheck = [...valgrind, "--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect"];

  // Sanitizers and valgrind exclude each other.
  if (at.build !== builds[0]) return;
  it("are clean under valgrind", { timeout: 120_000 }, async () => {
    at.guestd.answer = alternating();
    const wrapper = memcheck;
    const hooks = await at.run(line, { wrapper });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    at.guestd.answer = refused("Gäste: bitte warten.");
    const errors = ["open", "restart", "open-silent", "restart", "thread-open", "close"];
    expect((await at.run(errors, { wrapper })).map((hook) => hook.result)).not.toContain("PAM_SUCCESS");
    at.guestd.answer = session({ ...at.view, inode: at.view.inode + 1n });
    expect((await at.run(["open"], { wrapper }))[0]?.result).toBe("PAM_SESSION_ERR");
    expect((await at.run(["open"], { wrapper, user: accounts.outsider }))[0]?.result).toBe("PAM_IGNORE");
  });

  it("are clean under valgrind with authentication and namespaces of their own", { timeout: 120_000 }, async () => {
    const results = async (answer: Answer, ...actions: readonly string[]) => {
      at.guestd.answer = answer;
      return (await at.run(actions, { wrapper: memcheck })).map((hook) => hook.result);
    };
    const lease = verdict("leased", accounts.byPrimaryGroup);
    expect(await results(lease, "quiet", String(rounds), "auth", "setcred", "restart")).toContain("PAM_SUCCESS");
    expect(await results(verdict("leased", "../x"), "auth")).toEqual(["PAM_AUTH_ERR"]);
    expect(await results(verdict("leased", accounts.outsider), "auth")).toEqual(["PAM_AUTH_ERR"]);
    expect(await results(refused("Gäste: bitte warten."), "auth")).toEqual(["PAM_AUTH_ERR"]);
    expect(await results(lease, "rhost=far", "auth")).toEqual(["PAM_IGNORE"]);
    const mark = "/run/guestd-unlock/60601";
    const shell = ["sh", "-euc", `mkdir -m 711 "$(dirname ${mark})"; touch ${mark}; chmod 600 ${mark}`];
    expect((await execute([...at.world.enter, ...shell])).code).toBe(0);
    expect(await results(lease, "euid=60601", "auth")).toEqual(["PAM_SUCCESS"]);
    // Without the close: valgrind does not know pidfd_open(2).
    expect(await results(session(at.view, isolated(at.isolation)), "open")).toEqual(["PAM_SUCCESS"]);
    const incomplete = { ...isolated(at.isolation), ipc_inode: undefined };
    expect(await results(session(at.view, incomplete), "open")).toEqual(["PAM_SESSION_ERR"]);
  });
});
