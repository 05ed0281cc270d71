// Words: the texts of the demo: a line for each event that needs one.
import type { Paint } from "./chart.ts";
import type { CallEvent, Reason } from "./call-event.ts";
import type { Check } from "./checks.ts";

/** Says what the demo will show. */
export function introduction(paint: Paint): string[] {
  return [
    "  A call in an encrypted room: three members, a homeserver in memory, real time.",
    paint("faint", "  New keys are made when somebody goes, and when somebody comes unless the keys are young."),
  ];
}

/** The last event as a line, with the time since the start. Empty for events that only the chart shows. */
export function lastLine(events: readonly CallEvent[], startTs: number, paint: Paint): string[] {
  const event = events.at(-1);
  if (!event) return [];
  const text = sentence(event, events, paint);
  const time = `${((event.ts - startTs) / 1000).toFixed(1)}s`.padStart(7);
  return text === undefined ? [] : [`${paint("faint", time)}  ${paint("member", event.member.padEnd(6))} ${text}`];
}

function sentence(event: CallEvent, events: readonly CallEvent[], paint: Paint): string | undefined {
  const wasKilled = events.some(({ member, kind }) => member === event.member && kind === "killed");
  switch (event.kind) {
    case "joined":
      return "is in the call";
    case "killed":
      return `is ${paint("alarm", "killed")}: the page stops and cannot leave`;
    case "gone":
      return wasKilled ? "is gone for the others: the homeserver sent the leave it held" : "is gone for the others";
    case "hung-up":
      return "hangs up";
    case "key-made":
      return `makes ${paint("key", `key ${event.keyIndex}`)}: ${cause(event.reason, events)}`;
    case "key-held":
    case "key-used":
      return undefined;
  }
}

/** Why a key was made. Keys follow at once, so the last member that joined or left is the reason. */
function cause(reason: Reason, events: readonly CallEvent[]): string {
  const last = (kind: CallEvent["kind"]) => events.findLast((event) => event.kind === kind)?.member;
  switch (reason) {
    case "first":
      return "its first";
    case "join":
      return `${last("joined")} has joined`;
    case "leave":
    case "removal":
      return `${last("gone")} is gone`;
    case "period":
      return "the last key is old";
  }
}

/** The checks as lines. */
export function summary(checks: readonly Check[], paint: Paint): string[] {
  const width = Math.max(...checks.map(({ rule }) => rule.length));
  return checks.map(({ rule, holds, figure }) => {
    const sign = holds ? paint("good", "✔") : paint("alarm", "✘");
    return `  ${sign} ${rule.padEnd(width)}  ${paint("faint", figure)}`;
  });
}
