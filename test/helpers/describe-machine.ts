// The frame of a file of tests that boots machines: one release, the one of the project that runs the file.
import { afterEach, beforeEach, describe } from "vitest";
import { projectRelease, requireRoot, type Release } from "./root.ts";
import { sitAtFailure } from "./sit.ts";

/** No limit: a person looks. */
const FOREVER = 0;

/** Describes what holds on the project's release. Without root it is skipped, loudly. */
export function describeMachine(title: string, body: (release: Release) => void): void {
  const release = projectRelease();
  describe.skipIf(!requireRoot("tests with machines"))(title, () => {
    beforeEach(({ onTestFailed }) => {
      // After the file's own hooks, for a test that fails in one of them.
      onTestFailed(sitAtFailure, FOREVER);
    });
    body(release);
    // Of the hooks of its suite the last one comes first: before anything is tidied up.
    afterEach(sitAtFailure, FOREVER);
  });
}
