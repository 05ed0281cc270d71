// Watching: one slot of one room as streams, without joining it and without media keys. protocol.md 9.1.
import { asyncScheduler, type Observable, Subject } from "rxjs";
import { RtcError } from "./errors.ts";
import type { Matrix } from "./matrix.ts";
import { members } from "./membership/members.ts";
import type { ReadingRules } from "./membership/projection.ts";
import type { Rejection } from "./membership/rejection.ts";
import { isSlotId } from "./room/slot.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { SessionContext } from "./session-context.ts";
import type { Trace, TraceEntry } from "./trace.ts";
import type { Application, Membership, Slot } from "./types.ts";

/** How strictly to read a call. */
export interface ReadingOptions {
  /** Sticky members need an open slot. Default false: an absent slot counts as open, since nobody creates them today. */
  readonly strictSlots?: boolean;
  /** A slot must name the encryption that its room has, as the newest MSC4143 wants. Default false. */
  readonly requireSlotEncryption?: boolean;
}

/** Which call, and how strictly to read it. */
export interface SessionOptions extends ReadingOptions {
  readonly roomId: string;
  /** The slot id, for instance `m.call#ROOM`: an application type, `#`, and an id of its own. */
  readonly slot: string;
  /** The client may not know the room yet: until it does, the call reads as empty. Default false. */
  readonly awaitRoom?: boolean;
}

/**
 * One call in one room, to watch. Inert until the first subscription; releases everything after the last.
 *
 * A `.value` is cheap while somebody is subscribed; without a subscriber it reads the whole room each time.
 */
export interface WatchedSession<App extends Application = Application> {
  readonly roomId: string;
  readonly slot: string;
  /**
   * The members of the call, ourselves included, oldest first. A member that did not change is the same object as before.
   * Watching never writes.
   */
  readonly membership$: Behavior<readonly Membership<App>[]>;
  /** Events that look like members but are not, each with its reason. The newest 1,000 at most. */
  readonly rejected$: Behavior<readonly Rejection[]>;
  /** Whether the slot lets members in. */
  readonly slot$: Behavior<Slot>;
  /** Every decision from now on, for logs, statistics and inspectors. Never a secret. Subscribing starts no work. */
  readonly trace$: Observable<Trace>;
}

/**
 * Watches a slot of a room. Use `rtcSession` to join as well; an app that only watches is much smaller with this.
 *
 * @typeParam App What the members of this application carry. Default `Application`.
 * @throws RtcError `bad-argument` for a malformed slot id, `unknown-room` for a room that the client does not know.
 * @example
 * ```ts
 * import { watchSession } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const session = watchSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * console.assert(session.membership$.value.length === 0);
 * ```
 */
export function watchSession<App extends Application = Application>(
  matrix: Matrix,
  options: SessionOptions,
): WatchedSession<App> {
  return openSession<App>(matrix, options).session;
}

/** A watched session, and the context in which its other parts work. */
export interface OpenSession<App extends Application> {
  readonly session: WatchedSession<App>;
  readonly context: SessionContext<TraceEntry>;
}

/** Opens a session for `watchSession` and `rtcSession`. */
export function openSession<App extends Application>(matrix: Matrix, options: SessionOptions): OpenSession<App> {
  if (typeof options?.roomId !== "string") throw new RtcError("bad-argument", "roomId must be a string");
  const { roomId, slot, awaitRoom = false } = options;
  const rules = readingRules(slot, options);
  if (!awaitRoom && !matrix.hasRoom(roomId))
    throw new RtcError("unknown-room", `the client does not know the room ${roomId}`);
  const trace$ = new Subject<Trace>();
  const trace = (entry: TraceEntry) => {
    if (trace$.observed) trace$.next({ ...entry, ts: asyncScheduler.now() });
  };
  const traceReading = (entries: Iterable<TraceEntry>) => {
    if (trace$.observed) for (const entry of entries) trace(entry);
  };
  const reading = members(matrix, { ...rules, roomId }, traceReading);
  const { membership$, slot$ } = reading;
  return {
    session: {
      ...reading,
      // The caller says what its members carry; the events decide only that it is an object with a type.
      membership$: membership$ as Behavior<readonly Membership<App>[]>,
      roomId,
      slot,
      trace$: trace$.asObservable(),
    },
    context: { matrix, roomId, slot, membership$, slot$, trace },
  };
}

/**
 * The rules of a session, with the defaults of its options filled in.
 *
 * @throws RtcError `bad-argument` for a malformed slot id.
 */
export function readingRules(slot: unknown, options: ReadingOptions): ReadingRules {
  // An empty id is the name of the room's call in state keys only (1.3).
  if (!isSlotId(slot) || slot.endsWith("#"))
    throw new RtcError("bad-argument", `slot must be an application type, one "#" and an id, like m.call#ROOM`);
  const { strictSlots = false, requireSlotEncryption = false } = options;
  return { slot, strictSlots, requireSlotEncryption };
}
