// The frame of a file of tests that boots machines: one release, the one of the project that runs the file.
import { describe } from "vitest";
import { projectRelease, requireRoot, type Release } from "./root.ts";

/** Describes what holds on the project's release. Without root it is skipped, loudly. */
export function describeMachine(title: string, body: (release: Release) => void): void {
  const release = projectRelease();
  describe.skipIf(!requireRoot("tests with machines"))(title, () => {
    body(release);
  });
}
