// Table: the outcome of each fault in a line.
import type { Row } from "./play.ts";

const heads = ["fault", "mode", "seen to leave", "longest gap elsewhere", "all well after", "more", "outcome"];

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ fault, mode, departures, gapMs, convergedMs, more, problems }) => [
    fault,
    mode,
    String(departures),
    gapMs === undefined ? "-" : `${gapMs} ms`,
    convergedMs === undefined ? "never" : `${(convergedMs / 1_000).toFixed(1)} s`,
    more,
    problems.length === 0 ? "passed" : `failed: ${problems.join("; ")}`,
  ]);
  const all = [heads, ...lines];
  const widths = heads.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(at === heads.length - 1 ? 0 : widths[at]!)).join(" | ")} |`;
  return [
    line(heads),
    line(widths.map((width, at) => "-".repeat(at === heads.length - 1 ? 7 : width))),
    ...lines.map(line),
  ].join("\n");
}
