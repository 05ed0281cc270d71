// Words: what the demo says, a line for each happening that is worth one.
import type { Paint } from "./chart.ts";
import type { Happening } from "./happening.ts";
import type { Verdict } from "./promises.ts";

/** A happening as a line, with the time since the start; nothing for those that the chart alone shows. */
export function line(happening: Happening, startTs: number, paint: Paint): string[] {
  const text = sentence(happening, paint);
  const time = `${((happening.ts - startTs) / 1000).toFixed(1)}s`.padStart(7);
  return text === undefined ? [] : [`${paint("faint", time)}  ${paint("member", happening.who.padEnd(6))} ${text}`];
}

function sentence(happening: Happening, paint: Paint): string | undefined {
  switch (happening.kind) {
    case "joined":
      return "is in the call";
    case "killed":
      return `is ${paint("alarm", "killed")}: the page stops without a word`;
    case "gone":
      return "is gone for the others";
    case "key-made":
      return `makes ${paint("key", `key ${happening.keyIndex}`)}: ${happening.why}`;
    case "key-held":
    case "key-used":
      return undefined;
  }
}

/** The verdicts as lines. */
export function summary(verdicts: readonly Verdict[], paint: Paint): string[] {
  const width = Math.max(...verdicts.map(({ promise }) => promise.length));
  return verdicts.map(({ promise, kept, figure }) => {
    const sign = kept ? paint("good", "✔") : paint("alarm", "✘");
    return `  ${sign} ${promise.padEnd(width)}  ${paint("faint", figure)}`;
  });
}
