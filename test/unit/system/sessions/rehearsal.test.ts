// What the program that builds a view for nobody says is believed only where it is whole, and it is not waited for without end.
import { describe, expect, it } from "vitest";
import { rehearseView } from "../../../../src/system/sessions/rehearsal.ts";

const PLAN = [{ kind: "hide", target: "/home", optional: false }] as const;
const rehearse = (script: string, limitMs = 20_000) => rehearseView(PLAN, ["/bin/sh", "-c", script], limitMs);

describe("rehearseView", () => {
  it.each(["exit 1", "printf '{}'", `printf '{"step":1,"code":"","message":""}'`])("fails for %s", async (script) => {
    await expect(rehearse(script)).rejects.toThrow("does not say what came of it");
  });

  it("fails for what is no JSON, and for a program that is not there", async () => {
    await expect(rehearse("echo no")).rejects.toThrow();
    await expect(rehearseView(PLAN, ["/nonexistent"])).rejects.toThrow("cannot be started");
  });

  it("says that it takes too long, and leaves nothing running", async () => {
    const fault = await rehearse("exec sleep 600", 50);
    expect(fault).toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("not ready after 50 ms") as string,
    });
  });

  it("gives the plan to the program, and says what fails, or nothing", async () => {
    const same = `[ "$(cat)" = '${JSON.stringify(PLAN)}' ] && printf null`;
    expect(await rehearse(same)).toBeUndefined();
    const fault = { step: "attach", code: "ENOENT", message: "attach /home: none" };
    expect(await rehearse(`printf '%s' '${JSON.stringify(fault)}'`)).toEqual(fault);
  });
});
