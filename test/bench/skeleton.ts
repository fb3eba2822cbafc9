// Logins to a home with a large skeleton.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "../helpers/machine.ts";
import { sharedArm } from "./arms.ts";
import { REFUSED } from "./figures.ts";
import { EMPTY_SKELETON, skeletonOf } from "./names.ts";
import { awaitCalm, configure, placeOf, runArm, type Bench } from "./stage.ts";

const PLACE = "/srv/skeleton";
const FILES_PER_DIRECTORY = 500;

/** Of files with contents: sparse ones would be copied in no time. */
function makeSkeleton(machine: Machine, files: number, bytes: number): void {
  const root = placeOf(machine, PLACE);
  const content = Buffer.alloc(Math.floor(bytes / files), "guest");
  for (let number = 0; number < files; number++) {
    const directory = join(root, String(Math.floor(number / FILES_PER_DIRECTORY)));
    if (number % FILES_PER_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, String(number)), content);
  }
}

async function timeSkeleton({ machine, rounds, figures }: Bench, name: string, path: string): Promise<void> {
  await configure(machine, `[Home]\nSkeleton=\nSkeleton=${path}\n`);
  for (let round = 0; round < rounds; round++) {
    const usec = await runArm(machine, sharedArm(name)).catch((error: unknown) => {
      if (round === 0) console.log(String(error).trim());
      return REFUSED;
    });
    figures.addTime(name, usec);
    await awaitCalm(machine);
  }
}

export async function timeSkeletons(bench: Bench): Promise<void> {
  const { machine, sizes } = bench;
  makeSkeleton(machine, sizes.skeletonFiles, sizes.skeletonBytes);
  await machine.sh("mkdir /srv/empty");
  await timeSkeleton(bench, EMPTY_SKELETON, "/srv/empty");
  await timeSkeleton(bench, skeletonOf(sizes.skeletonFiles), PLACE);
  await configure(machine);
  await machine.sh(`rm -rf ${PLACE} /srv/empty`);
}
