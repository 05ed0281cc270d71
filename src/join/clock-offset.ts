// Clock offset: how far the clock of the server is ahead of ours, by an event of ours. protocol.md 2.1.
import { type Draft, trace } from "./draft.ts";

/** Clocks that differ by less than this agree. */
const toleranceMs = 60_000;

/** Compares the clocks by the event of our last write: the server took it after we sent it, and before it answered. */
export function noteClockOffset(draft: Draft): void {
  const { presence, publication, aheadMs } = draft;
  if (!presence.standing || presence.standing.eventId !== publication.eventId) return;
  const { originServerTs } = presence.standing;
  const early = Math.min(0, originServerTs - (publication.eventSentTs - aheadMs));
  const late = Math.max(0, originServerTs - (publication.answeredTs - aheadMs));
  const offsetMs = early + late;
  const clockOffsetMs = Math.abs(offsetMs) < toleranceMs ? 0 : offsetMs;
  const isNew = Math.abs(clockOffsetMs - presence.clockOffsetMs) >= toleranceMs;
  if (!isNew) return;
  presence.clockOffsetMs = clockOffsetMs;
  trace(draft, { kind: "clocks-disagree", offsetMs: clockOffsetMs });
}
