// Bundles each program, or another FILE for a test, into one file in OUT: node packaging/bundle.mjs OUT [FILE.ts].
// Native parts stay beside them.
import { readFile, writeFile, chmod, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";

const project = new URL("..", import.meta.url).pathname;

// Debian 12's, the oldest Node.js that guestd runs on.
const TARGET = "node18";

// CommonJS packages inside an ES module still call require().
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module";\n' +
  "const require = __createRequire(import.meta.url);";

/** systemd-journald looks for its addon where node-gyp would have put it. */
const journalAddon = {
  name: "journal-addon",
  setup(build) {
    build.onResolve({ filter: /build\/Release\/journal_send\.node$/ }, () => ({
      path: "./journal_send.node",
      external: true,
    }));
  },
};

/** Leaves equal files alone, so dependent files are not rebuilt. */
async function writeChanged(path, contents) {
  const old = await readFile(path).catch(() => undefined);
  if (old?.equals(contents) !== true) await writeFile(path, contents);
  await chmod(path, 0o755);
}

async function bundle(file, out) {
  const name = basename(file, ".ts");
  const { outputFiles } = await build({
    absWorkingDir: project,
    entryPoints: [file],
    outfile: join(out, `${name}.js`),
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: TARGET,
    banner: { js: `#!/usr/bin/node\n${REQUIRE}` },
    // Only for transports other than the system bus. packaging/left-out replaces the first two.
    external: ["event-stream", "usocket", "x11"],
    // safe-buffer's exports are Node's own.
    alias: { "safe-buffer": "node:buffer", xml2js: join(project, "packaging/no-xml.cjs") },
    plugins: [journalAddon],
    legalComments: "inline",
    logLevel: "warning",
  });
  for (const file of outputFiles) await writeChanged(file.path, Buffer.from(file.contents));
}

const [out, file] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: node packaging/bundle.mjs OUT [FILE.ts]");
await mkdir(out, { recursive: true });
await Promise.all(
  (file === undefined
    ? ["src/guestd.ts", "src/guestctl.ts", "src/guest-rehearsal.ts", "src/guest-greeter.ts"]
    : [file]
  ).map((entry) => bundle(entry, out)),
);
