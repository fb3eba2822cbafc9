// Formats answers for people.

/** As wide as the widest cells, separated by two blanks. */
export function formatTable(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(formatPlain));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return [titles, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** "Name: value" lines with aligned values. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${formatPlain(value)}`.trimEnd()).join("\n");
}

/** Microseconds since the epoch as local time. */
export function formatTime(microseconds: number): string {
  const date = new Date(microseconds / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Microseconds as the two largest units: "2h 5min", "3min 1s", "12s". */
export function formatDuration(microseconds: number): string {
  const seconds = Math.max(0, Math.floor(microseconds / 1_000_000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const units: [number, string][] = [
    [days, "d"],
    [hours, "h"],
    [minutes, "min"],
    [seconds % 60, "s"],
  ];
  const first = units.findIndex(([value]) => value > 0);
  if (first < 0) return "0s";
  return units
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ");
}

/** Microseconds as "345ms" or "2.3s"; from a minute on like formatDuration(). */
export function formatSpan(microseconds: number): string {
  const milliseconds = Math.max(0, Math.round(microseconds / 1000));
  if (milliseconds < 1000) return `${milliseconds}ms`;
  return milliseconds < 59_950 ? `${(milliseconds / 1000).toFixed(1)}s` : formatDuration(milliseconds * 1000);
}

/** Escapes control characters: a guest may have chosen a name in the text. */
export function formatPlain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** In the largest unit that leaves the number above one: "200.0M", "12.0K", "7B". */
export function formatBytes(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  const power = Math.min(Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)}${units[power] ?? ""}`;
}

export function formatStep(step: Readonly<Record<string, unknown>>): string {
  const { kind, target, ...rest } = step;
  const details = Object.entries(rest).flatMap(([name, value]) => formatDetail(name, value) ?? []);
  return formatPlain([String(kind).padEnd(8), String(target), ...details].join(" ").trimEnd());
}

function formatDetail(name: string, value: unknown): string | undefined {
  if (value === false || value === "" || (Array.isArray(value) && value.length === 0)) return undefined;
  if (value === true) return name;
  if (name === "mode") return `mode=${Number(value).toString(8).padStart(4, "0")}`;
  return `${name}=${Array.isArray(value) ? value.join(":") : String(value)}`;
}
