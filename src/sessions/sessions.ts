// Sessions: the calls of one slot in all rooms of a client. A room without a call costs nothing. protocol.md 9.1.
import { asyncScheduler, mergeMap, Observable, pairwise, share } from "rxjs";
import type { Matrix } from "../matrix.ts";
import { projectNow } from "../membership/projection.ts";
import { byRoom, changesByRoom } from "../room/room-changes.ts";
import { stateMemberType } from "../room/names.ts";
import { isInRoom } from "../room/room-member.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import { stable } from "../rx/stable.ts";
import type { Application } from "../types.ts";
import {
  type DecoderFor,
  type ReadingOptions,
  readingRules,
  type SessionOptions,
  type WatchedSession,
  watchSession,
} from "../watch.ts";
import { ActiveRooms } from "./active-rooms.ts";
import { mayHaveBegun, mayHaveCall } from "./glance.ts";

/** The calls of one slot in all rooms of a client. It does no work while nobody is subscribed. */
export interface RtcSessions<S extends WatchedSession = WatchedSession> {
  /**
   * The ids of the joined rooms that have a call now, in the order in which their calls began. The first emission has the
   * calls that are running already. It emits at most once for each sync response, and gives the same set object until the
   * set changes.
   */
  readonly active$: Behavior<ReadonlySet<string>>;
  /** The session of each call that begins after you subscribed. */
  readonly started$: Observable<S>;
  /** The session of each call that ends after you subscribed. A call also ends when its last member expires. */
  readonly ended$: Observable<S>;
  /** The session of a room: always the same object for a room. The client need not know the room yet. */
  session(roomId: string): S;
}

/** How to read the calls, and how to open the session of a room. */
export interface RtcSessionsOptions<S extends WatchedSession, App extends Application = Application>
  extends ReadingOptions<App> {
  /**
   * Opens the session of a room: `rtcSession`, or `encryptedSession` for calls with media keys. Without this option it is
   * `watchSession`, which cannot join. Write an `application` without types of its own before it, so that TypeScript knows its
   * result.
   */
  readonly open: (matrix: Matrix, options: SessionOptions<App> & DecoderFor<App>) => S;
}

/**
 * The calls of one slot in all rooms of a client: which ones are running, and each one that begins or ends.
 *
 * A watched call costs a few hundred bytes, whatever its size, and all calls of a client share one timer. A session is made
 * when it is asked for.
 *
 * @param slot The slot id, for instance `m.call#ROOM`.
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
 * @example Sessions that can be joined
 * ```ts
 * import { rtcSessions } from "matrixrtc-rx";
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const sessions = rtcSessions(matrix, "m.call#ROOM", { open: encryptedSession });
 * const state$ = sessions.session(roomId).join();
 * console.assert(sessions.session(roomId).keys$.value.length === 0 && state$ !== undefined);
 * ```
 */
export function rtcSessions(
  matrix: Matrix,
  slot: string,
  options?: ReadingOptions & { readonly application?: never; readonly open?: never },
): RtcSessions;
export function rtcSessions<App extends Application>(
  matrix: Matrix,
  slot: string,
  options: ReadingOptions<App> & DecoderFor<App> & { readonly open?: never },
): RtcSessions<WatchedSession<App>>;
export function rtcSessions<S extends WatchedSession, App extends Application = Application>(
  matrix: Matrix,
  slot: string,
  options: RtcSessionsOptions<S, App>,
): RtcSessions<S>;
export function rtcSessions(
  matrix: Matrix,
  slot: string,
  options: Partial<RtcSessionsOptions<WatchedSession>> = {},
): RtcSessions {
  const { open = watchSession, ...reading } = options;
  const rules = readingRules(slot, reading);
  const changes = changesByRoom(matrix);

  const sessions = new Map<string, WatchedSession>();
  const session = (roomId: string): WatchedSession => {
    const opened = sessions.get(roomId) ?? open(matrix, { ...reading, roomId, slot, awaitRoom: true });
    sessions.set(roomId, opened);
    return opened;
  };

  let live: ActiveRooms | undefined;
  /** Emits when calls have begun or ended, once for each batch of changes. */
  const changed$ = new Observable<void>((subscriber) => {
    const rooms = (live = new ActiveRooms(matrix, rules));
    // By then the active rooms in the batch have noticed whether their calls have ended.
    const listening = changes.batch$.subscribe((batch) => {
      for (const [roomId, part] of byRoom(batch)) {
        if (!isInRoom(matrix, roomId, matrix.userId)) rooms.delete(roomId);
        else if (!rooms.has(roomId) && mayHaveBegun(matrix, roomId, slot, part)) rooms.check(roomId);
      }
      if (rooms.hasChanged) subscriber.next();
    });
    for (const roomId of matrix.rooms({ withStateOf: stateMemberType }))
      if (mayHaveCall(matrix, roomId, slot)) rooms.check(roomId);
    return () => {
      live = undefined;
      listening.unsubscribe();
      rooms.close();
    };
  }).pipe(share());

  const hasCall = (roomId: string) =>
    mayHaveCall(matrix, roomId, slot) &&
    projectNow(matrix, { ...rules, roomId }, asyncScheduler.now()).fold.members.length > 0;
  const readActive = () => new Set([...matrix.rooms({ withStateOf: stateMemberType })].filter(hasCall));

  const active$ = behavior(
    stable((): ReadonlySet<string> => live?.roomIds ?? readActive(), isSameSet),
    changed$,
  );
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
