// Chart: a call over time, one row for each member: when it was in the call, and which key it used.
import type { CallEvent } from "./call-event.ts";

/** Colours a text, if the terminal has colours. */
export type Paint = (look: Look, text: string) => string;
export type Look = "member" | "key" | "faint" | "alarm" | "good";

export interface ChartOptions {
  readonly names: readonly string[];
  readonly startTs: number;
  readonly nowTs: number;
  /** The maximum width of a line, and the time that must fit into it. */
  readonly width: number;
  readonly spanMs: number;
  readonly paint: Paint;
}

interface Cell {
  readonly text: string;
  readonly look: Look;
}

const margin = 9;
/** Columns kept free for signs at the end of the time. */
const spare = 4;
const blank: Cell = { text: " ", look: "faint" };

/** The lines of the chart: a scale, a row for each name, and a legend. */
export function chart(events: readonly CallEvent[], options: ChartOptions): string[] {
  const { names, startTs, nowTs, width, spanMs, paint } = options;
  const perSecond = Math.max(1, Math.floor((width - margin) / (spanMs / 1000)));
  const columnOf = (ts: number) => Math.min(Math.round(((ts - startTs) / 1000) * perSecond), width - margin - spare);
  const rows = names.map((name) => {
    const own = events.filter(({ member }) => member === name);
    return (label(name) + painted(row(own, columnOf, columnOf(nowTs)), paint)).trimEnd();
  });
  return [paint("faint", label("") + scale(perSecond, spanMs)), ...rows, paint("faint", label("") + legend)];
}

const label = (name: string): string => `  ${name}`.padEnd(margin);

const legend = "● joined  0 1 2 encrypts with that key from here  ✕ killed  ┄ silent  ○ gone";

function scale(perSecond: number, spanMs: number): string {
  const everyS = perSecond >= 4 ? 2 : 5;
  const marks = Array.from({ length: Math.floor(spanMs / 1000 / everyS) + 1 }, (_, n) => `${n * everyS}s`);
  return marks
    .map((mark) => mark.padEnd(everyS * perSecond))
    .join("")
    .trimEnd();
}

/** Draws the line of one member, then puts each sign on the first free cell at or after its time. */
function row(events: readonly CallEvent[], columnOf: (ts: number) => number, now: number): Cell[] {
  const cells = Array.from({ length: now + 1 }, () => blank);
  let line = blank;
  let from = 0;
  const draw = (to: number) => cells.fill(line, from, (from = to));
  const signs = new Map<number, Cell>();
  const joined = events.find(({ kind }) => kind === "joined");
  if (!joined) return [];
  // A member makes its first key before others see it in the call.
  for (const event of [joined, ...events.filter((other) => other !== joined)]) {
    const column = Math.max(columnOf(joined.ts), columnOf(event.ts));
    draw(column);
    line = lineAfter(event) ?? line;
    const sign = signOf(event);
    if (!sign) continue;
    let free = column;
    while (signs.has(free)) free += 1;
    signs.set(free, sign);
  }
  draw(now + 1);
  for (const [column, sign] of signs) cells[column] = sign;
  return Array.from(cells, (cell = blank) => cell).slice(0, cells.findLastIndex((cell) => cell !== blank) + 1);
}

function lineAfter({ kind }: CallEvent): Cell | undefined {
  if (kind === "joined") return { text: "━", look: "member" };
  if (kind === "killed") return { text: "┄", look: "faint" };
  return kind === "gone" ? blank : undefined;
}

function signOf(event: CallEvent): Cell | undefined {
  switch (event.kind) {
    case "joined":
      return { text: "●", look: "member" };
    case "killed":
      return { text: "✕", look: "alarm" };
    case "gone":
      return { text: "○", look: "faint" };
    case "key-used":
      return { text: String(event.keyIndex), look: "key" };
    default:
      return undefined;
  }
}

/** Cells as text. Cells of the same look are painted together. */
function painted(cells: readonly Cell[], paint: Paint): string {
  const runs: Cell[] = [];
  for (const { text, look } of cells) {
    const last = runs.at(-1);
    if (last?.look === look) runs[runs.length - 1] = { look, text: last.text + text };
    else runs.push({ text, look });
  }
  return runs.map(({ look, text }) => (text.trim() === "" ? text : paint(look, text))).join("");
}
