// Draws lines over two axes as an SVG for light and dark pages. Pure.

export interface Axis {
  readonly title: string;
  /** Empty for counts. */
  readonly unit: string;
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 70;
/** The names of the lines stand at their ends. */
const RIGHT = 110;
const TOP = 44;
const BOTTOM = 60;
const TICKS = 5;
const NAME_DISTANCE = 16;

interface Colours {
  readonly page: string;
  readonly text: string;
  readonly grid: string;
  readonly axis: string;
  readonly lines: readonly string[];
}

const LIGHT: Colours = {
  page: "#ffffff",
  text: "#1f2328",
  grid: "#d1d9e0",
  axis: "#59636e",
  lines: ["#0969da", "#bc4c00", "#8250df"],
};
const DARK: Colours = {
  page: "#0d1117",
  text: "#f0f6fc",
  grid: "#3d444d",
  axis: "#9198a1",
  lines: ["#58a6ff", "#f0883e", "#bc8cff"],
};

const colour = ({ page, text, grid, axis, lines }: Colours) =>
  [
    `.page{fill:${page}}text{fill:${text}}.grid{stroke:${grid}}.axis{stroke:${axis}}`,
    ...lines.map((line, index) => `path.s${index}{stroke:${line}}circle.s${index},text.s${index}{fill:${line}}`),
  ].join("\n");

/** The picture has its own background: a page may be dark where the system is light. */
const STYLE = `text{font:13px system-ui,sans-serif}.title{font-size:15px;font-weight:600}
.line{fill:none;stroke-width:2}
${colour(LIGHT)}
@media (prefers-color-scheme:dark){
${colour(DARK)}
}`;

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const labelOf = ({ title, unit }: Axis) => escape(unit === "" ? title : `${title} (${unit})`);

/** From 0 to at least `most`, in steps of 1, 2 or 5 times a power of ten. */
export function chooseTicks(most: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  // Multiplied, because sums of fractions drift.
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Moves names that would cover each other apart. */
function spread(heights: readonly number[]): readonly number[] {
  const moved = [...heights];
  let above = -Infinity;
  for (const [index, height] of [...heights.entries()].sort(([, a], [, b]) => a - b)) {
    above = Math.max(height, above + NAME_DISTANCE);
    moved[index] = above;
  }
  return moved;
}

/** Omits points that are no numbers, and series without any. */
export function drawPlot({ title, x, y, series }: Plot): string {
  const lines = series
    .map(({ name, points }) => ({ name, points: points.filter(([, value]) => Number.isFinite(value)) }))
    .filter(({ points }) => points.length > 0);
  const all = lines.flatMap(({ points }) => points);
  const ticks = {
    x: chooseTicks(Math.max(0, ...all.map(([value]) => value))),
    y: chooseTicks(Math.max(0, ...all.map(([, value]) => value))),
  };
  const scaleX = (value: number) => LEFT + (value / (ticks.x.at(-1) ?? 1)) * (WIDTH - LEFT - RIGHT);
  const scaleY = (value: number) => HEIGHT - BOTTOM - (value / (ticks.y.at(-1) ?? 1)) * (HEIGHT - TOP - BOTTOM);
  const at = (value: number) => value.toFixed(1);
  const names = spread(lines.map(({ points }) => scaleY(points.at(-1)?.[1] ?? 0)));
  const [middleX, middleY] = [(LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="24">${escape(title)}</text>`,
    ...ticks.y.flatMap((value) => [
      `<path class="${value === 0 ? "axis" : "grid"}" d="M${LEFT} ${at(scaleY(value))}H${WIDTH - RIGHT}"/>`,
      `<text x="${LEFT - 8}" y="${at(scaleY(value) + 4)}" text-anchor="end">${value.toLocaleString("en")}</text>`,
    ]),
    ...ticks.x.map(
      (value) =>
        `<text x="${at(scaleX(value))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${value.toLocaleString("en")}</text>`,
    ),
    `<text x="${middleX}" y="${HEIGHT - 14}" text-anchor="middle">${labelOf(x)}</text>`,
    `<text transform="translate(18 ${middleY}) rotate(-90)" text-anchor="middle">${labelOf(y)}</text>`,
    ...lines.flatMap(({ name, points }, index) => [
      `<path class="line s${index}" d="M${points.map(([px, py]) => `${at(scaleX(px))} ${at(scaleY(py))}`).join("L")}"/>`,
      ...points.map(([px, py]) => `<circle class="s${index}" cx="${at(scaleX(px))}" cy="${at(scaleY(py))}" r="3"/>`),
      `<text class="s${index}" x="${at(scaleX(points.at(-1)?.[0] ?? 0) + 10)}" y="${at((names[index] ?? 0) + 4)}">${escape(name)}</text>`,
    ]),
    "</svg>\n",
  ].join("\n");
}
