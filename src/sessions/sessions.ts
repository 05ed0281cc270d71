// Sessions: the calls of one slot in all rooms. A room without a call costs nothing. protocol.md 9.1.
import { asyncScheduler, mergeMap, type Observable, pairwise, share } from "rxjs";
import { ActiveCalls } from "./active-rooms.ts";
import type { Matrix } from "../matrix.ts";
import { mayBeMember } from "../membership/state-event.ts";
import { viewNow } from "../membership/projection.ts";
import { changesByRoom } from "../room/changes.ts";
import { stateMemberType } from "../room/names.ts";
import { isInRoom } from "../room/room-member.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import { refCounted } from "../rx/ref-counted.ts";
import { assertSlot, type ReadingOptions, type SessionOptions, type WatchedSession, watchSession } from "../watch.ts";
import type { Application } from "../types.ts";

/** The calls of one slot in all rooms of a client. Inert while nobody is subscribed. */
export interface RtcSessions<S extends WatchedSession = WatchedSession> {
  /**
   * The ids of the joined rooms that have a call now, in the order in which their calls began. The first emission has the
   * calls that run already. One emission for one sync response.
   */
  readonly active$: Behavior<ReadonlySet<string>>;
  /** Each call that begins from now on. */
  readonly started$: Observable<S>;
  /** Each call that ends from now on, also when its last member lapsed. */
  readonly ended$: Observable<S>;
  /** The session of a room, whether or not the client knows the room yet: always the same object for a room. */
  session(roomId: string): S;
}

/** How to read the calls, and how to open the session of one. */
export interface SessionsOptions<S extends WatchedSession = WatchedSession> extends ReadingOptions {
  /** Opens the session of a room: `rtcSession` for sessions that can be joined. Default `watchSession`. */
  readonly open?: (matrix: Matrix, options: SessionOptions) => S;
}

/**
 * The calls of one slot in all rooms: those that run, begin and end.
 *
 * @throws RtcError `bad-argument` for a malformed slot id.
 * @example
 * ```ts
 * import { rtcSessions } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const sessions = rtcSessions(home.client("@alice:example.org", "PHONE"), "m.call#ROOM");
 * console.assert(sessions.active$.value.size === 0);
 * ```
 */
export function rtcSessions<App extends Application = Application>(
  matrix: Matrix,
  slot: string,
  options?: ReadingOptions & { readonly open?: never },
): RtcSessions<WatchedSession<App>>;
export function rtcSessions<S extends WatchedSession>(
  matrix: Matrix,
  slot: string,
  options: SessionsOptions<S> & { readonly open: (matrix: Matrix, options: SessionOptions) => S },
): RtcSessions<S>;
export function rtcSessions(matrix: Matrix, slot: string, options: SessionsOptions = {}): RtcSessions {
  assertSlot(slot);
  const { strictSlots = false, requireSlotEncryption = false, open = watchSession } = options;
  const rules = { slot, strictSlots, requireSlotEncryption };
  const change = changesByRoom(matrix);

  const sessions = new Map<string, WatchedSession>();
  const session = (roomId: string): WatchedSession => {
    const opened =
      sessions.get(roomId) ?? open(matrix, { roomId, slot, strictSlots, requireSlotEncryption, awaitRoom: true });
    sessions.set(roomId, opened);
    return opened;
  };

  let live: ActiveCalls | undefined;
  /** Emits when calls have begun or ended, once for each batch of news. */
  const changed$ = refCounted<void>((tell) => {
    let isLooking = false;
    const emitIfChanged = () => {
      if (calls.hasChanged && !isLooking && !change.isTelling) tell();
    };
    const calls = (live = new ActiveCalls(matrix, rules, emitIfChanged));
    const lookInto = (roomIds: Iterable<string>) => {
      isLooking = true;
      for (const roomId of roomIds) {
        if (!calls.has(roomId) && mayHaveCall(matrix, roomId, slot)) calls.look(roomId);
        else if (calls.has(roomId) && !isInRoom(matrix, roomId, matrix.userId)) calls.drop(roomId);
      }
      isLooking = false;
      emitIfChanged();
    };
    const listening = change.batch$.subscribe((batch) => lookInto(new Set(batch.map(({ roomId }) => roomId))));
    lookInto(matrix.rooms({ withStateOf: stateMemberType }));
    return () => {
      live = undefined;
      listening.unsubscribe();
      calls.close();
    };
  });

  let last: ReadonlySet<string> = new Set();
  const activeNow = (): ReadonlySet<string> => {
    const roomIds = live?.roomIds ?? passing();
    return isSameSet(last, roomIds) ? last : (last = roomIds);
  };
  const hasCall = (roomId: string) =>
    mayHaveCall(matrix, roomId, slot) && viewNow(matrix, { ...rules, roomId }, asyncScheduler.now()).members.length > 0;
  const passing = () => new Set([...matrix.rooms({ withStateOf: stateMemberType })].filter(hasCall));

  const active$ = behavior(activeNow, changed$);
  const steps$ = active$.pipe(pairwise(), share());
  return {
    active$,
    started$: steps$.pipe(mergeMap(([before, after]) => missingIn(before, after).map(session))),
    ended$: steps$.pipe(mergeMap(([before, after]) => missingIn(after, before).map(session))),
    session,
  };
}

/** The rooms of one set that are not in the other. */
const missingIn = (other: ReadonlySet<string>, set: ReadonlySet<string>): string[] =>
  [...set].filter((roomId) => !other.has(roomId));

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a === b || (a.size === b.size && [...a].every((roomId) => b.has(roomId)));

/** Whether we are in a room that has events which could make a call: cheap, and asked for every room. */
function mayHaveCall(matrix: Matrix, roomId: string, slot: string): boolean {
  return hasMemberEvents(matrix, roomId, slot) && isInRoom(matrix, roomId, matrix.userId);
}

function hasMemberEvents(matrix: Matrix, roomId: string, slot: string): boolean {
  const now = asyncScheduler.now();
  for (const event of matrix.stateEvents(roomId, stateMemberType)) if (mayBeMember(event, slot, now)) return true;
  for (const _ of matrix.stickyEvents(roomId)) return true;
  return false;
}
