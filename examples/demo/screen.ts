// Screen: shows the demo. A terminal keeps a moving chart below the lines; a file gets the chart once, at the end.
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
  /** The number of chart lines on the terminal. */
  #drawn = 0;

  constructor(out: WriteStream) {
    this.#out = out;
    this.width = Math.min(out.isTTY ? out.columns : 100, 100);
  }

  /** Uses colours if the terminal has them and NO_COLOR is not set. */
  readonly paint: Paint = (look, text) => styleText(looks[look], text, { stream: this.#out });

  /** Adds lines above the chart and draws the chart again. */
  show(lines: readonly string[], chart: readonly string[]): void {
    if (!this.#out.isTTY) return this.print(lines);
    const up = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}F\x1b[J`;
    const below = ["", ...chart];
    this.#out.write(up + [...lines, ...below, ""].join("\n"));
    this.#drawn = below.length;
  }

  /** Prints the final chart and the last lines. */
  finish(chart: readonly string[], lines: readonly string[]): void {
    this.show([], chart);
    this.print(this.#out.isTTY ? ["", ...lines] : ["", ...chart, "", ...lines]);
  }

  print(lines: readonly string[]): void {
    this.#out.write(lines.map((line) => `${line}\n`).join(""));
  }
}
