// CallHistory: the calls of a room, newest first, from the past on and live. protocol.md 9.2 to 9.4.
import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  expand,
  map,
  merge,
  Observable,
  Subject,
  switchMap,
  tap,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { Matrix, PastEvent, PastPage, RoomChange, RoomEvent, TimelineChange } from "../matrix.ts";
import { reaches, type PastRing, PastRings } from "./past-rings.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { firstDraftMemberType, slotTypes, stateMemberType } from "../room/names.ts";
import { ringEndTs } from "../ringing/validity.ts";
import { functionalMembers } from "../ringing/room-rings.ts";
import { redactedBy, RingLog } from "../ringing/ring-log.ts";
import { CallLog } from "./call-log.ts";
import type { Session } from "./slot-sessions.ts";
import type { Stay } from "./stays.ts";
import { maxStickyMs } from "../membership/sticky-map.ts";
import { roomMembershipOf } from "../room/room-member.ts";
import { isSlotId } from "../room/slot.ts";
import { at } from "../rx/at.ts";

/** How far to read back, and which calls. */
export interface CallHistoryOptions {
  /** The time until which to read back, in milliseconds since 1970. Default: until the room begins. */
  readonly since?: number | undefined;
  /** The slot id of the one call to read. Default: all calls of the room. */
  readonly slot?: string | undefined;
  /** How many events a page has. 1 to 1,000. Default 100. */
  readonly pageSize?: number | undefined;
}

/** One call of the past, or one that is running. Times are in milliseconds since 1970, by the clocks of the servers. */
export interface PastCall {
  readonly slot: string;
  readonly startTs: number;
  /** When the last device left. Undefined while the call is running. */
  readonly endTs: number | undefined;
  /** The stays of its devices, in the order of their starts. A stay that is running ends at its expiry at the latest. */
  readonly stays: readonly Stay[];
  /** The users who were in it, in the order of their first stays. */
  readonly participants: readonly string[];
  /** The intent, if all who stated one stated the same. */
  readonly intent: string | undefined;
  /** The rings for it, oldest first, with the outcome for each target. */
  readonly rings: readonly PastRing[];
}

/** The calls that were found so far. */
export interface CallHistory {
  /** Newest first. A call that did not change is the same object as before. */
  readonly calls: readonly PastCall[];
  /** Calls that began after this time are final as far as the past goes. `-Infinity` once the whole room was read. */
  readonly certainSinceTs: number;
  /** Whether reading back has ended: at `since`, or at the beginning of the room. */
  readonly isComplete: boolean;
}

/**
 * The calls of a room, from its state and timeline events: the stays of each device, merged into calls.
 *
 * Cold. A subscription reads the past back page by page through `olderEvents` of the port, and emits after each page. Then it
 * goes on with what happens. First-draft memberships (MSC4143 of 2024) count, too. A request that fails ends the stream.
 * protocol.md 9.2 to 9.4.
 *
 * @throws RtcError `bad-argument`, at once, for malformed options; `unsupported` for a port without `olderEvents`. The stream
 * fails with `request-failed`.
 * @example
 * ```ts
 * import { callHistory } from "matrixrtc-rx/history";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 * import { filter, firstValueFrom } from "rxjs";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const history$ = callHistory(home.client("@alice:example.org", "PHONE"), roomId, { slot: "m.call#ROOM" });
 * const { calls } = await firstValueFrom(history$.pipe(filter(({ isComplete }) => isComplete)));
 * console.assert(calls.length === 0);
 * ```
 */
export function callHistory(matrix: Matrix, roomId: string, options: CallHistoryOptions = {}): Observable<CallHistory> {
  const { since = -Infinity, slot, pageSize = 100 } = options;
  if (slot !== undefined && !isSlotId(slot)) throw new RtcError("bad-argument", "slot must be a slot id");
  if (typeof since !== "number" || Number.isNaN(since)) throw new RtcError("bad-argument", "since must be a time");
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1_000)
    throw new RtcError("bad-argument", "pageSize must be a whole number from 1 to 1,000");
  const { olderEvents } = matrix;
  if (!olderEvents) throw new RtcError("unsupported", "the port has no olderEvents");

  return defer(() => {
    const log = new CallLog(slot);
    const ringLog = new RingLog({ room: 100_000, sender: 10_000 });
    let horizonTs = Infinity;
    let isComplete = false;
    let isWhole = false;
    const pastRings = new PastRings(() => personsIn(matrix, roomId));
    const kept = new WeakMap<Session, PastCall>();

    const put = (news: News) => {
      if ("redacted" in news) {
        log.redact(news.redacted);
        ringLog.redact(news.redacted);
      } else {
        log.put(news);
        putRing(news);
      }
    };
    const putRing = (event: RoomEvent) => ringLog.put(event, event.originServerTs, (memberId) => log.slotOf(memberId));
    /** Rings of 2025 may name no slot, but a membership. It is older, so it may come with a later page. */
    const putAgain = () => {
      for (const { event, path } of ringLog.malformed) if (path === "slot_id") putRing(event);
    };
    const take = ({ events, next }: PastPage) => {
      for (const event of events) put(event);
      putAgain();
      horizonTs = Math.min(horizonTs, events.at(-1)?.originServerTs ?? horizonTs);
      isWhole = next === undefined;
      isComplete = isWhole || horizonTs < since;
    };
    const read = (): CallHistory => {
      const now = asyncScheduler.now();
      const { sessions } = log;
      const rings = pastRings.of(ringLog.rings, sessions, now);
      const calls = sessions.map((session) => {
        const before = kept.get(session);
        const call = callOf(session, rings.get(session) ?? none, now, before);
        if (call !== before) kept.set(session, call);
        return call;
      });
      // A sticky membership before the horizon may reach an hour beyond it.
      const certainSinceTs = isWhole ? -Infinity : horizonTs + maxStickyMs;
      return { calls: calls.filter(reaches(since)).toReversed(), certainSinceTs, isComplete };
    };

    const page = (from?: string) =>
      olderEvents.call(matrix, roomId, { limit: pageSize, ...(from !== undefined && { from }) });
    const past$ = page().pipe(
      expand(({ next, events }) => {
        const oldestTs = events.at(-1)?.originServerTs ?? Infinity;
        return next === undefined || oldestTs < since ? EMPTY : page(next);
      }),
      map(take),
    );
    /** When the next stay or ring ends without an event. */
    const deadline$ = new Subject<number>();
    const live$ = liveEvents(matrix, roomId).pipe(
      tap((news) => news.forEach(put)),
      tap(putAgain),
    );
    return merge(deadline$.pipe(switchMap(at)), live$, past$).pipe(
      map(read),
      tap(({ calls }) => deadline$.next(deadlineOf(calls, asyncScheduler.now()))),
      catchError((cause: unknown) => {
        throw new RtcError("request-failed", "a page of the past could not be read", { cause });
      }),
    );
  });
}

const none: readonly never[] = [];

/** What is new of a room: an event, or that an event was redacted. */
type News = PastEvent | { readonly redacted: string };

/** The users in a room now that are persons. */
function personsIn(matrix: Matrix, roomId: string): readonly string[] {
  const functional = functionalMembers(matrix, roomId);
  return Array.from(matrix.stateEvents(roomId, "m.room.member"))
    .filter(({ content }) => roomMembershipOf(content) === "join")
    .flatMap(({ stateKey = "" }) => (functional.includes(stateKey) ? [] : [stateKey]));
}

/** When the next stay or ring of a running call ends by itself. `Infinity`: nothing does. */
function deadlineOf(calls: readonly PastCall[], now: number): number {
  let deadlineTs = Infinity;
  const consider = (ts: number) => {
    if (ts > now) deadlineTs = Math.min(deadlineTs, ts);
  };
  for (const { endTs, stays, rings } of calls) {
    if (endTs !== undefined) continue;
    for (const stay of stays) consider(stay.endTs);
    for (const { ring } of rings) consider(ringEndTs(ring, ring.sentTs));
  }
  return deadlineTs;
}

/** What happens in a room, and first its present state, which may be older than any page. In batches. */
function liveEvents(matrix: Matrix, roomId: string): Observable<readonly News[]> {
  const asPast = (event: RoomEvent): PastEvent => ({ ...event, encryption: "cleartext" });
  const stateOf = (type: string): PastEvent[] => Array.from(matrix.stateEvents(roomId, type), asPast);
  const allState = () => stateTypes.flatMap(stateOf);
  const newsOf = (change: RoomChange): readonly News[] => {
    if (change.kind === "sticky") return [change.event];
    if (change.kind === "redaction") return [{ redacted: change.eventId }];
    if (change.kind === "room") return allState();
    if (change.kind !== "state" || !stateTypes.includes(change.type)) return [];
    const event = matrix.stateEvent(roomId, change.type, change.stateKey);
    return event ? [asPast(event)] : [];
  };
  const newsOfTimeline = (change: TimelineChange): readonly News[] => {
    if (change.roomId !== roomId || change.kind !== "event") return [];
    const redacted = redactedBy(change.event);
    return [redacted === undefined ? change.event : { redacted }];
  };
  return new Observable((subscriber) => {
    const emit = (news: readonly News[]) => news.length > 0 && subscriber.next(news);
    subscriber.add(
      changesByRoom(matrix)
        .inRoom(roomId)
        .subscribe((batch) => emit(batch.flatMap(newsOf))),
    );
    if (matrix.timeline$) subscriber.add(matrix.timeline$.subscribe((batch) => emit(batch.flatMap(newsOfTimeline))));
    // A port reports the timelines that were read once.
    matrix.timeline?.(roomId);
    subscriber.next([...allState(), ...matrix.stickyEvents(roomId)]);
  });
}

const stateTypes: readonly string[] = [stateMemberType, firstDraftMemberType, ...slotTypes, "m.room.member"];

/** A session as a call: the same object as before if nothing changed. */
function callOf(session: Session, rings: readonly PastRing[], now: number, before: PastCall | undefined): PastCall {
  const { slot, startTs, stays } = session;
  const endTs = session.endTs > now ? undefined : session.endTs;
  if (before && before.endTs === endTs && hasSameRings(before, rings)) return before;
  const intents = new Set(stays.map(({ intent }) => intent).filter((intent) => intent !== undefined));
  const [intent] = intents;
  return {
    slot,
    startTs,
    endTs,
    stays,
    participants: [...new Set(stays.map(({ userId }) => userId))],
    intent: intents.size === 1 ? intent : undefined,
    rings,
  };
}

const hasSameRings = ({ rings: before }: PastCall, rings: readonly PastRing[]): boolean =>
  before.length === rings.length &&
  rings.every((each, index) => {
    const other = before[index]!;
    if (other === each) return true;
    const isSame = other.ring === each.ring && other.outcomes.size === each.outcomes.size;
    return isSame && [...each.outcomes].every(([userId, outcome]) => other.outcomes.get(userId) === outcome);
  });
