// PastRings: the rings of past calls, and what became of each, from events alone. protocol.md 7.4, 9.4.
import { outcomeOf, type RingOutcome } from "../ringing/outcome.ts";
import type { Ring } from "../ringing/ring-event.ts";
import type { LoggedRing } from "../ringing/ring-log.ts";
import { ringEndTs } from "../ringing/validity.ts";
import { canonicalSlot } from "../room/names.ts";
import type { Session } from "./slot-sessions.ts";
import { firstThat } from "./sorted.ts";
import type { Stay } from "./stays.ts";

/** A ring of the past. */
export interface PastRing {
  readonly ring: Ring;
  /** The outcome for each user that it named; if it was for the room, for each user that took part or is in the room now. */
  readonly outcomes: ReadonlyMap<string, RingOutcome>;
}

/** A ring as it was read last, and what decided about it. */
interface Read extends PastRing {
  readonly logged: LoggedRing;
  readonly session: Session;
  /** Time changes it no more. */
  readonly isOver: boolean;
}

export class PastRings {
  readonly #roomMembers: () => readonly string[];
  #reads = new Map<Ring, Read>();

  /** @param roomMembers The persons who are in the room now. */
  constructor(roomMembers: () => readonly string[]) {
    this.#roomMembers = roomMembers;
  }

  /** The rings of each session: those that were sent while it ran, and up to a ring's time before it began. */
  of(
    logged: readonly LoggedRing[],
    sessions: readonly Session[],
    now: number,
  ): ReadonlyMap<Session, readonly PastRing[]> {
    const found = new Map<Session, PastRing[]>();
    if (logged.length === 0) return found;
    const reads = new Map<Ring, Read>();
    const ofSlot = Map.groupBy(sessions, ({ slot }) => slot);
    for (const each of logged) {
      const { ring, seenTs } = each;
      const endTs = ringEndTs(ring, seenTs);
      // The sessions of a slot do not overlap: the one that ran when it was sent, or the next one.
      const candidates = ofSlot.get(canonicalSlot(ring.slot)) ?? [];
      const session = candidates[firstThat(candidates, ({ endTs: overTs }) => overTs >= ring.sentTs)];
      if (!session || session.startTs > endTs) continue;
      const known = this.#reads.get(ring);
      const isSame = known?.isOver && known.session === session && known.logged === each;
      const read = isSame ? known : this.#read(each, session, endTs, now);
      reads.set(ring, read);
      const rings = found.get(session) ?? [];
      rings.push(read);
      found.set(session, rings);
    }
    this.#reads = reads;
    return found;
  }

  #read(logged: LoggedRing, session: Session, endTs: number, now: number): Read {
    const { ring, declines } = logged;
    const { endTs: overTs } = session;
    const stays = staysIn(session);
    const targets = new Set([...ring.userIds, ...declines.keys()]);
    if (ring.isForRoom) for (const userId of [...stays.keys(), ...this.#roomMembers()]) targets.add(userId);
    targets.delete(ring.sender);
    const outcomes = new Map<string, RingOutcome>();
    for (const userId of targets) {
      const joinedTs = stays.get(userId)?.find((stay) => stay.endTs > ring.sentTs)?.startTs;
      const hasDeclined = declines.has(userId);
      outcomes.set(userId, outcomeOf(logged, { userId, now, endTs, joinedTs, hasDeclined, isCallOver: overTs <= now }));
    }
    return { ring, outcomes, logged, session, isOver: endTs <= now && overTs <= now };
  }
}

const staysOfSessions = new WeakMap<Session, ReadonlyMap<string, readonly Stay[]>>();

function staysIn(session: Session): ReadonlyMap<string, readonly Stay[]> {
  const known = staysOfSessions.get(session) ?? Map.groupBy(session.stays, ({ userId }) => userId);
  staysOfSessions.set(session, known);
  return known;
}

/** Whether a call reaches into the time that is asked for. */
export const reaches =
  (since: number) =>
  ({ endTs }: { readonly endTs: number | undefined }): boolean =>
    endTs === undefined || endTs >= since;
