// The frame of a test file that boots machines, on the release of the project that runs it.
import { afterEach, beforeEach, describe } from "vitest";
import { projectRelease, requireRoot, type Release } from "./root.ts";
import { sitAtFailure } from "./sit.ts";

/** No limit: a person looks. */
const FOREVER = 0;

/** Describes tests on the project's release. Without root they are skipped with a message. */
export function describeMachine(title: string, body: (release: Release) => void): void {
  const release = projectRelease();
  describe.skipIf(!requireRoot("tests with machines"))(title, () => {
    beforeEach(({ onTestFailed }) => {
      // After the file's own hooks, for a test that fails in one of them.
      onTestFailed(sitAtFailure, FOREVER);
    });
    body(release);
    // The last hook of a suite runs first: before any cleanup.
    afterEach(sitAtFailure, FOREVER);
  });
}
