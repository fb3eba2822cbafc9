// Draws output of packaging/demo as a terminal, from standard input to an SVG on standard output. Shows some commands,
// one after the other, with dots for lines left out.
import { text } from "node:stream/consumers";

/** The commands shown, and the lines of their answers; without `lines` all. */
const SHOWN: readonly { readonly command: RegExp; readonly lines?: RegExp }[] = [
  { command: /^root# guestctl enable/ },
  { command: /^guest\$ id$/ },
  { command: /^guest\$ df / },
  { command: /^guest\$ ls -A \/home/ },
  { command: /^guest\$ cat \/etc\/issue/ },
  { command: /^guest\$ systemd-run .*ls -A/ },
  { command: /^guest\$ echo secret/ },
  { command: /^guest\$ dd / },
  { command: /^guest\$ setsid nohup/ },
  { command: /^root# guestctl list/ },
  { command: /^root# find / },
  {
    command: /^root# guestctl receipt /,
    lines: /^(user|uid|killed|freed|clean|CLASS|processes|linger|mounts|Nothing)\b/,
  },
];

const COLUMNS = 104;
const CHARACTER = 8.43;
const LINE = 19;
const MARGIN = 18;
const BAR = 34;
const SECONDS_PER_COMMAND = 1.6;

interface Line {
  readonly text: string;
  readonly kind: "command" | "answer" | "title";
  readonly seconds: number;
}

/** Each block is a command or a title, and what follows it. */
function readBlocks(output: string): string[][] {
  const blocks: string[][] = [];
  for (const line of output.split("\n"))
    if (/^(root#|guest\$|==) /.test(line)) blocks.push([line]);
    else if (line.trim() !== "") blocks.at(-1)?.push(line.replace(/^ {4}/, ""));
  return blocks;
}

function cutAnswer(answer: readonly string[], shown: RegExp | undefined): string[] {
  if (shown === undefined) return [...answer];
  const kept = answer.map((line) => (shown.test(line) ? line : "…"));
  return kept.filter((line, index) => line !== "…" || kept[index - 1] !== "…");
}

/** A long command continues in the next line. */
function fold(line: string): string[] {
  const folded: string[] = [];
  let rest = line;
  while (rest.length > COLUMNS) {
    const at = rest.lastIndexOf(" ", COLUMNS - 2);
    folded.push(`${rest.slice(0, at)} \\`);
    rest = `    ${rest.slice(at + 1)}`;
  }
  return [...folded, rest];
}

function record(blocks: readonly (readonly string[])[]): Line[] {
  const titles: RegExp[] = [/^== .* logs in/, /^== The guest logs out/];
  let seconds = 0;
  return blocks.flatMap(([head = "", ...answer]): Line[] => {
    const shown = SHOWN.find(({ command }) => command.test(head));
    if (titles.some((title) => title.test(head)))
      return ["", head.replace(/^== ([^:]*).*/, "# $1")].map((text) => ({
        text,
        kind: "title",
        seconds: seconds + SECONDS_PER_COMMAND,
      }));
    if (shown === undefined) return [];
    seconds += SECONDS_PER_COMMAND;
    return [
      ...fold(head).map((text): Line => ({ text, kind: "command", seconds })),
      ...cutAnswer(answer, shown.lines).map((text): Line => ({ text, kind: "answer", seconds: seconds + 0.4 })),
    ];
  });
}

const escape = (line: string) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function draw(lines: readonly Line[]): string {
  const width = Math.round(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = BAR + lines.length * LINE + MARGIN;
  const drawn = lines.map(({ text, kind, seconds }, index) => {
    const [, prompt = "", rest = ""] = /^(root#|guest\$)?(.*)$/.exec(text) ?? [];
    const words = kind === "command" ? `<tspan class="${prompt === "root#" ? "root" : "guest"}">${prompt}</tspan>` : "";
    return `<text class="${kind}" x="${MARGIN}" y="${(BAR + (index + 0.8) * LINE).toFixed(1)}" style="animation-delay:${seconds.toFixed(1)}s">${words}${escape(words === "" ? text : rest)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>A guest session from login to receipt, as packaging/demo shows it</title>",
    "<style>",
    "text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre;fill:#d8dee9;animation:appear .1s backwards}",
    ".title{fill:#8b98ab;font-style:italic}.command{fill:#fff}.root{fill:#f08d6b}.guest{fill:#7fd18b}",
    "@keyframes appear{from{opacity:0}to{opacity:1}}",
    "@media (prefers-reduced-motion:reduce){text{animation:none}}",
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1d232e"/>`,
    ...["#f0716b", "#f2c14e", "#7fd18b"].map(
      (fill, n) => `<circle cx="${20 + n * 18}" cy="17" r="5.5" fill="${fill}"/>`,
    ),
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

const lines = record(readBlocks(await text(process.stdin)));
if (lines.length < SHOWN.length) throw new Error("the demo has not shown what is recorded: see SHOWN");
process.stdout.write(draw(lines));
