// Words: what the demo says, a line for each happening that is worth one.
import type { Paint } from "./chart.ts";
import type { Happening, Reason } from "./happening.ts";
import type { Verdict } from "./promises.ts";

/** What is about to be shown. */
export function introduction(paint: Paint): string[] {
  return [
    "  A call in an encrypted room: three members, a homeserver in memory, real time.",
    paint("faint", "  New keys are made when somebody goes, and when somebody comes unless the keys are young."),
  ];
}

/** The last happening as a line, with the time since the start; nothing for those that the chart alone shows. */
export function lastLine(happenings: readonly Happening[], startTs: number, paint: Paint): string[] {
  const happening = happenings.at(-1);
  if (!happening) return [];
  const text = sentence(happening, happenings, paint);
  const time = `${((happening.ts - startTs) / 1000).toFixed(1)}s`.padStart(7);
  return text === undefined ? [] : [`${paint("faint", time)}  ${paint("member", happening.who.padEnd(6))} ${text}`];
}

function sentence(happening: Happening, happenings: readonly Happening[], paint: Paint): string | undefined {
  const wasKilled = happenings.some(({ who, kind }) => who === happening.who && kind === "killed");
  switch (happening.kind) {
    case "joined":
      return "is in the call";
    case "killed":
      return `is ${paint("alarm", "killed")}: the page stops without a word`;
    case "gone":
      return wasKilled ? "is gone for the others: the homeserver sent the leave it held" : "is gone for the others";
    case "hung-up":
      return "hangs up";
    case "key-made":
      return `makes ${paint("key", `key ${happening.keyIndex}`)}: ${cause(happening.reason, happenings)}`;
    case "key-held":
    case "key-used":
      return undefined;
  }
}

/** Why a key was made. Whoever joined or left last is the reason: keys follow at once. */
function cause(reason: Reason, happenings: readonly Happening[]): string {
  const last = (kind: Happening["kind"]) => happenings.findLast((happening) => happening.kind === kind)?.who;
  switch (reason) {
    case "first":
      return "its first";
    case "join":
      return `${last("joined")} has joined`;
    case "leave":
    case "removal":
      return `${last("gone")} is gone`;
    case "period":
      return "the one before is old";
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
