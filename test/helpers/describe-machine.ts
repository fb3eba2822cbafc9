// The frame of a test file that boots machines.
import { afterEach, beforeEach, describe } from "vitest";
import { projectRelease, requireRoot, type Release } from "./root.ts";
import { sitAtFailure } from "./sit.ts";

/** A person looks: no limit. */
const FOREVER = 0;

/** Runs on the project's release. Without root it prints a message and skips the tests. */
export function describeMachine(title: string, body: (release: Release) => void): void {
  const release = projectRelease();
  describe.skipIf(!requireRoot("tests with machines"))(title, () => {
    beforeEach(({ onTestFailed }) => {
      // Runs after the file's own hooks, where a test can fail.
      onTestFailed(sitAtFailure, FOREVER);
    });
    body(release);
    // Hooks run in reverse order: this one precedes any cleanup.
    afterEach(sitAtFailure, FOREVER);
  });
}
