// The history of figures by version in docs/performance.md: ratios, one row a version, the newest first. Pure.

/** A ratio that has grown by this factor is worse. */
const WORSE = 1.25;
const BEGIN = "<!-- history -->";
const END = "<!-- end of history -->";

export interface Row {
  readonly version: string;
  /** By column. One that was not measured is missing. */
  readonly ratios: ReadonlyMap<string, number>;
}

export interface Change {
  readonly column: string;
  readonly before: number;
  readonly now: number;
}

const compareVersions = (a: string, b: string) => b.localeCompare(a, "en", { numeric: true });

/** Replaces what is between two marks. @throws Error when there are none */
export function replaceBetween(document: string, [begin, end]: readonly [string, string], text: string): string {
  const [before, rest] = document.split(`${begin}\n`);
  const [, after] = (rest ?? "").split(end);
  if (rest === undefined || after === undefined) throw new Error(`the document has no ${begin} with ${end}`);
  return `${before ?? ""}${begin}\n${text}${end}${after}`;
}

const cellsOf = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

/** @returns the newest version first */
export function readHistory(document: string): Row[] {
  const text = document.split(BEGIN)[1]?.split(END)[0] ?? "";
  const [titles, , ...lines] = text.split("\n").filter((line) => line.startsWith("|"));
  const columns = cellsOf(titles ?? "").slice(1);
  return lines
    .map((line) => {
      const [version = "", ...cells] = cellsOf(line);
      const ratios = columns.map((column, index): [string, number] => [column, Number.parseFloat(cells[index] ?? "")]);
      return { version, ratios: new Map(ratios.filter(([, ratio]) => Number.isFinite(ratio))) };
    })
    .sort((a, b) => compareVersions(a.version, b.version));
}

/** Puts the row into the document, instead of an earlier one of its version. */
export function writeHistory(document: string, row: Row): string {
  const rows = [row, ...readHistory(document).filter(({ version }) => version !== row.version)].sort((a, b) =>
    compareVersions(a.version, b.version),
  );
  const columns = [...new Set(rows.flatMap(({ ratios }) => [...ratios.keys()]))];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const show = (ratio: number | undefined) => (ratio === undefined || !Number.isFinite(ratio) ? "-" : ratio.toFixed(2));
  const table = [
    line(["version", ...columns]),
    line(["---", ...columns.map(() => "--:")]),
    ...rows.map(({ version, ratios }) => line([version, ...columns.map((column) => show(ratios.get(column)))])),
  ].join("");
  return replaceBetween(document, [BEGIN, END], `\n## History\n\n${table}\n`);
}

/**
 * The ratios that are worse by a quarter than those of the version before.
 * @returns undefined when the history has no row of the version, or none before it
 */
export function findWorse(
  history: readonly Row[],
  version: string,
): { readonly last: string; readonly worse: readonly Change[] } | undefined {
  const index = history.findIndex((row) => row.version === version);
  const [row, last] = [history[index], history[index + 1]];
  if (row === undefined || last === undefined) return undefined;
  const worse = [...row.ratios].flatMap(([column, now]): Change[] => {
    const before = last.ratios.get(column);
    return before !== undefined && now > before * WORSE ? [{ column, before, now }] : [];
  });
  return { last: last.version, worse };
}
