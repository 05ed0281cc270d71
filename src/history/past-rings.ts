// PastRings: the rings of past calls, and what became of each, from events alone. Pure. protocol.md 7.4, 9.4.
import { outcomeOf, type RingOutcome } from "../ringing/outcome.ts";
import type { Ring } from "../ringing/ring-event.ts";
import type { LoggedRing } from "../ringing/ring-log.ts";
import { ringEndTs } from "../ringing/validity.ts";
import { canonicalSlot } from "../room/names.ts";
import type { Session } from "./call-log.ts";

/** A ring of the past. */
export interface PastRing {
  readonly ring: Ring;
  /** The outcome for each user that it named; if it was for the room, for each user that took part or is in the room now. */
  readonly outcomes: ReadonlyMap<string, RingOutcome>;
}

/** The rings of each session: those that were sent while it ran, and up to a ring's time before it began. */
export function ringsIn(
  logged: readonly LoggedRing[],
  sessions: readonly Session[],
  now: number,
  roomMembers: () => readonly string[],
): ReadonlyMap<Session, readonly PastRing[]> {
  const found = new Map<Session, PastRing[]>();
  for (const each of logged) {
    const endTs = ringEndTs(each.ring, each.seenTs);
    const session = sessions.findLast(
      ({ slot, startTs, endTs: overTs }) =>
        slot === canonicalSlot(each.ring.slot) && startTs <= endTs && overTs >= each.ring.sentTs,
    );
    if (!session) continue;
    const ofSession = found.get(session) ?? [];
    ofSession.push(pastRing(each, session, endTs, now, roomMembers));
    found.set(session, ofSession);
  }
  return found;
}

function pastRing(
  logged: LoggedRing,
  { stays, endTs: overTs }: Session,
  endTs: number,
  now: number,
  roomMembers: () => readonly string[],
): PastRing {
  const { ring, declines } = logged;
  const targets = new Set([...ring.userIds, ...declines.keys()]);
  if (ring.isForRoom) for (const userId of [...stays.map((stay) => stay.userId), ...roomMembers()]) targets.add(userId);
  targets.delete(ring.sender);
  const outcomes = new Map<string, RingOutcome>();
  for (const userId of targets) {
    const stay = stays.find((one) => one.userId === userId && one.endTs > ring.sentTs);
    const hasDeclined = declines.has(userId);
    outcomes.set(
      userId,
      outcomeOf(logged, { now, endTs, joinedTs: stay?.startTs, hasDeclined, isCallOver: overTs <= now }),
    );
  }
  return { ring, outcomes };
}

/** Whether a call reaches into the time that is asked for. */
export const reaches =
  (since: number) =>
  ({ endTs }: { readonly endTs: number | undefined }): boolean =>
    endTs === undefined || endTs >= since;
