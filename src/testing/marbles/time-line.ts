// TimeLine: what a stream emitted, drawn as a line, and two such lines one above the other.
import type { ObservableNotification } from "rxjs";
import { isSameValue } from "./same-value.ts";

/** A notification, or a subscription, as a `TestScheduler` records it. */
export type Recorded =
  | { readonly frame: number; readonly notification: ObservableNotification<unknown> }
  | { readonly subscribedFrame: number; readonly unsubscribedFrame: number };

/** How many cells before and after the first difference are drawn of a line with more than `most` cells. */
const shown = 4;
const most = 12;
const maxText = 60;

/** The difference between two time lines in words. Undefined if they are equal. */
export function differenceOf(actual: readonly Recorded[], expected: readonly Recorded[]): string | undefined {
  const length = Math.max(actual.length, expected.length);
  const first = Array.from({ length }, (_, at) => at).find((at) => !isSameValue(actual[at], expected[at]));
  if (first === undefined) return undefined;
  const [wanted, found] = [expected.map(cellOf), actual.map(cellOf)];
  return drawn(wanted, found, first, wanted[first] === found[first] ? detailsOf(expected[first], actual[first]) : "");
}

/** The difference between a time line and a list of its cells, such as `12ms alice`. Undefined if they are equal. */
export function differenceFromList(actual: readonly Recorded[], expected: readonly string[]): string | undefined {
  const found = actual.map(cellOf);
  const wanted = expected.map(withShortTime);
  const length = Math.max(found.length, wanted.length);
  const first = Array.from({ length }, (_, at) => at).find((at) => found[at] !== wanted[at]);
  return first === undefined ? undefined : drawn(wanted, found, first, hintFor(expected));
}

function drawn(wanted: readonly string[], found: readonly string[], first: number, details: string): string {
  const length = Math.max(wanted.length, found.length);
  const [from, to] = length > most ? [Math.max(0, first - shown), Math.min(length, first + shown + 1)] : [0, length];
  const widths = Array.from({ length: to - from }, (_, at) =>
    Math.max((wanted[from + at] ?? "").length, (found[from + at] ?? "").length),
  );
  const line = (cells: readonly string[]) => {
    const columns = widths.map((width, at) => (cells[from + at] ?? "").padEnd(width));
    return `${from > 0 ? "…  " : ""}${columns.join("  ")}${cells.length > to ? "  …" : ""}`.trimEnd();
  };
  const indent = (from > 0 ? 3 : 0) + widths.slice(0, first - from).reduce((sum, width) => sum + width + 2, 0);
  const lines = [
    `expected  ${line(wanted) || "(nothing)"}`,
    `actual    ${line(found) || "(nothing)"}`,
    `          ${" ".repeat(indent)}^ the first difference`,
  ];
  return [...lines, ...(details ? [details] : [])].join("\n");
}

/** For values that look alike when they are drawn short. */
function detailsOf(expected: Recorded | undefined, actual: Recorded | undefined): string {
  const text = (recorded: Recorded | undefined) =>
    recorded && "notification" in recorded && recorded.notification.kind === "N"
      ? (json(recorded.notification.value) ?? String(recorded.notification.value))
      : "nothing";
  return `expected there: ${text(expected)}\nactual there:   ${text(actual)}`;
}

/** `12ms alice` for a value, `12ms |` for the end, `12ms # message` for an error. */
function cellOf(recorded: Recorded): string {
  if (!("notification" in recorded)) {
    const { subscribedFrame, unsubscribedFrame } = recorded;
    return `${timeOf(subscribedFrame)} ^ to ${unsubscribedFrame === Infinity ? "the end" : `${timeOf(unsubscribedFrame)} !`}`;
  }
  const { frame, notification } = recorded;
  if (notification.kind === "C") return `${timeOf(frame)} |`;
  const text = notification.kind === "N" ? textOf(notification.value) : `# ${errorText(notification.error)}`;
  return `${timeOf(frame)} ${text}`;
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value || '""' : (json(value) ?? String(value));
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text;
}

const errorText = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : textOf(error);

/** Collections as lists. Undefined if the value has no JSON. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, part: unknown) =>
      part instanceof Map || part instanceof Set ? [...(part as Iterable<unknown>)] : part,
    );
  } catch {
    return undefined;
  }
}

/** A time as it can be written in a marble diagram: `0`, `12ms`, `1.5s`, `2m3s`. */
export function timeOf(ms: number): string {
  if (ms === 0) return "0";
  if (ms < 1_000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round(ms - minutes * 60_000) / 1_000;
  return `${minutes > 0 ? `${minutes}m` : ""}${seconds > 0 ? `${seconds}s` : ""}`;
}

/** What is wrong with how a cell is written: nobody sees that in two lines that differ. */
function hintFor(cells: readonly string[]): string {
  const untimed = cells.find((cell) => !isTimed.test(cell));
  if (untimed !== undefined) return `"${untimed}" begins with no time: write it as "12ms ${untimed}"`;
  const split = cells.find((cell) => isSplit.test(cell));
  return split === undefined ? "" : `the time of "${split}" has a space in it: "1m5s" is written as one word`;
}

const isTimed = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h))+)(?: |$)/;
const isSplit = /^\S+ \d+(?:\.\d+)?(?:ms|s|m|h)(?: |$)/;

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const duration = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+/;

/** Writes the time at the start of a cell in its shortest form: `1004ms x` becomes `1.004s x`. */
function withShortTime(cell: string): string {
  const time = duration.exec(cell)?.[0];
  if (time === undefined) return cell;
  const parts = time.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  const ms = [...parts].reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitsMs[unit] ?? 0), 0);
  return timeOf(Math.round(ms)) + cell.slice(time.length);
}
