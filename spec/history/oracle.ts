// Oracle: the calls of a history, computed naively: at each moment at which something happens, is anybody in the call?
import type { PastEvent } from "../../src/matrix.ts";

export interface Interval {
  readonly startTs: number;
  readonly endTs: number;
}

interface Content {
  readonly application?: unknown;
  readonly created_ts?: number;
  readonly expires?: number;
  readonly "m.application"?: string;
}

const dayMs = 86_400_000;

/** The calls among state events, sticky events and room leaves. It looks at each moment by itself. */
export function callsOf(events: readonly PastEvent[]): Interval[] {
  const moments = new Set<number>();
  const endOf = (event: PastEvent): number => {
    const content = event.content as Content;
    if (event.stateKey === undefined)
      return "application" in content ? event.originServerTs + (event.durationMs as number) : event.originServerTs;
    if (event.type === "m.rtc.member")
      return content["m.application"] === undefined ? event.originServerTs : event.originServerTs + dayMs;
    if (content.application === undefined) return event.originServerTs;
    return (content.created_ts ?? event.originServerTs) + (content.expires ?? 0);
  };
  const members = events.filter(({ type }) => type !== "m.room.member");
  for (const event of events) moments.add(event.originServerTs);
  for (const event of members) moments.add(endOf(event));
  const keys = new Set(members.map(keyOf));

  const isPresent = (key: string, ts: number): boolean => {
    const last = events.findLast((event) => keyOf(event) === key && event.originServerTs <= ts);
    if (!last || endOf(last) <= ts) return false;
    return !events.some(
      ({ type, stateKey, originServerTs, content }) =>
        type === "m.room.member" &&
        stateKey === last.sender &&
        (content as { membership: string }).membership !== "join" &&
        originServerTs > last.originServerTs &&
        originServerTs <= ts,
    );
  };
  const times = [...moments].toSorted((a, b) => a - b);
  const calls: { startTs: number; endTs: number }[] = [];
  for (const [index, ts] of times.entries()) {
    const untilTs = times[index + 1];
    if (untilTs === undefined || ![...keys].some((key) => isPresent(key, ts))) continue;
    const last = calls.at(-1);
    if (last?.endTs === ts) last.endTs = untilTs;
    else calls.push({ startTs: ts, endTs: untilTs });
  }
  return calls;
}

function keyOf({ type, stateKey, sender, content }: PastEvent): string {
  return `${type} ${stateKey ?? `${sender} ${(content as { sticky_key: string }).sticky_key}`}`;
}
