// guest-rehearsal is believed only when its output is complete, and has limited time.
import { describe, expect, it } from "vitest";
import { rehearseView } from "../../../../src/system/sessions/rehearsal.ts";

const PLAN = [{ kind: "hide", target: "/home", optional: false }] as const;
const rehearse = (script: string, limitMs = 20_000) => rehearseView(PLAN, ["/bin/sh", "-c", script], limitMs);

describe("rehearseView", () => {
  it.each(["exit 1", "printf '{}'", `printf '{"step":1,"code":"","message":""}'`])("fails for %s", async (script) => {
    await expect(rehearse(script)).rejects.toThrow("does not say what came of it");
  });

  it("fails for invalid JSON, and for a missing program", async () => {
    await expect(rehearse("echo no")).rejects.toThrow();
    await expect(rehearseView(PLAN, ["/nonexistent"])).rejects.toThrow("cannot be started");
  });

  it("times out, and leaves nothing running", async () => {
    const fault = await rehearse("exec sleep 600", 50);
    expect(fault).toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("not ready after 50 ms") as string,
    });
  });

  it("passes the plan to the program, and returns the failure or nothing", async () => {
    const same = `[ "$(cat)" = '${JSON.stringify(PLAN)}' ] && printf null`;
    expect(await rehearse(same)).toBeUndefined();
    const fault = { step: "attach", code: "ENOENT", message: "attach /home: none" };
    expect(await rehearse(`printf '%s' '${JSON.stringify(fault)}'`)).toEqual(fault);
  });
});
