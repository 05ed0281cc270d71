// Report: figures as a table and as JSON.
import { type Figure, type Goal, isMet, ratioOf } from "./figure.ts";

const widths = [22, 10, 10, 10, 12, 10, 28];

const row = (cells: readonly string[]): string =>
  cells
    .map((cell, at) => (at === 0 || at > 5 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
    .join(" ");

export const header: string = row(["figure", "ours", "js-sdk", "floor", "js-sdk/ours", "ours/floor", " goal"]);

export function line(figure: Figure): string {
  const { name, ours, peer, floor, unit, what, goal } = figure;
  const verdict = Object.keys(goal).length === 0 ? "" : `${isMet(figure) ? "✓" : "✗"} ${goalText(goal, unit)}`;
  const cells = [
    name,
    numberText(ours),
    numberText(peer),
    numberText(floor),
    times(ratioOf(figure)),
    times(floor ? ours / floor : undefined),
    ` ${verdict}`,
  ];
  return `${row(cells)} ${unit}: ${what}`;
}

export function asJson(figures: readonly Figure[]): string {
  const entries = figures.map((figure) => {
    const { name, ours, peer = null, floor = null, unit } = figure;
    return [name, { ours, peer, floor, unit, ratio: ratioOf(figure) ?? null }];
  });
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}

function goalText({ atMost, ratio, floors }: Goal, unit: string): string {
  const parts = [
    atMost !== undefined && `<= ${numberText(atMost)} ${unit}`,
    ratio !== undefined && `>= ${numberText(ratio)}x`,
    floors !== undefined && `<= ${floors}x floor`,
  ];
  return parts.filter((part) => part !== false).join(", ");
}

const times = (value: number | undefined): string => (value === undefined ? "" : `${numberText(value)}x`);

function numberText(value: number | undefined): string {
  if (value === undefined) return "";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return Number(value.toFixed(digits)).toLocaleString("en-US");
}
