// Screen: where the demo is shown. On a terminal the chart stays below the lines and moves; in a file it comes once, at the end.
import { styleText } from "node:util";
import type { WriteStream } from "node:tty";
import type { Look, Paint } from "./chart.ts";

const looks: Record<Look, Parameters<typeof styleText>[0]> = {
  member: "cyan",
  key: ["bold", "yellow"],
  faint: "dim",
  alarm: ["bold", "red"],
  good: ["bold", "green"],
};

export class Screen {
  readonly width: number;
  readonly #out: WriteStream;
  /** How many lines of the chart are on the terminal. */
  #drawn = 0;

  constructor(out: WriteStream) {
    this.#out = out;
    this.width = Math.min(out.isTTY ? out.columns : 100, 100);
  }

  /** Colours where the terminal has them and NO_COLOR is not set. */
  readonly paint: Paint = (look, text) => styleText(looks[look], text, { stream: this.#out });

  /** Adds lines above the chart, and draws the chart as it is now. */
  show(lines: readonly string[], chart: readonly string[]): void {
    if (!this.#out.isTTY) return this.print(lines);
    const up = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}F\x1b[J`;
    const below = ["", ...chart];
    this.#out.write(up + [...lines, ...below, ""].join("\n"));
    this.#drawn = below.length;
  }

  /** The last picture, which stays. */
  finish(chart: readonly string[], lines: readonly string[]): void {
    this.show([], chart);
    this.print(this.#out.isTTY ? ["", ...lines] : ["", ...chart, "", ...lines]);
  }

  print(lines: readonly string[]): void {
    this.#out.write(lines.map((line) => `${line}\n`).join(""));
  }
}
