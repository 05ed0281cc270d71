// Watching: one slot of one room as streams, without joining it and without media keys. protocol.md 9.1.
import { asyncScheduler, type Observable, Subject } from "rxjs";
import { RtcError } from "./errors.ts";
import type { Matrix } from "./matrix.ts";
import type { ReadingRules } from "./membership/eligibility.ts";
import { members } from "./membership/members.ts";
import type { Rejection } from "./membership/rejection.ts";
import { isSlotId } from "./room/slot.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { FirstDraftReader } from "./membership/eligibility.ts";
import type { SessionContext } from "./session-context.ts";
import type { Trace, TraceEntry } from "./trace.ts";
import type { Application, Membership, Slot } from "./types.ts";

/** How to read a call. */
export interface ReadingOptions<App extends Application = Application> {
  /** Whether sticky members need an open slot. Default false: an absent slot counts as open, because no client creates slots today. */
  readonly strictSlots?: boolean | undefined;
  /** Whether a slot must name the encryption of its room, as in the newest MSC4143, or else counts as closed. Default false. */
  readonly requireSlotEncryption?: boolean | undefined;
  /**
   * Reads state events of the first draft of MSC4143 (2024), of the type `m.rtc.member`: `firstDraft` of
   * `matrixrtc-rx/history`. Default: they make no members. `callHistory` always reads them. protocol.md 9.2.
   */
  readonly firstDraft?: FirstDraftReader | undefined;
  /**
   * Decodes the data of the application in a membership: returns it as `App`, or undefined to refuse it. A member whose data
   * is refused becomes a rejection with the reason `bad-application`. The data is untrusted JSON that has a `type`. If the
   * function throws, the data counts as refused. It is called once for each event of this slot while the session is
   * watched. Default: any data is accepted as `Application`.
   */
  readonly application?: ((data: Application) => App | undefined) | undefined;
}

/** Requires a decoder if members carry anything more than `Application`. */
export type DecoderFor<App extends Application> = Application extends App
  ? unknown
  : { readonly application: (data: Application) => App | undefined };

/** Which call to read, and how. */
export interface SessionOptions<App extends Application = Application> extends ReadingOptions<App> {
  /** The Matrix room id. */
  readonly roomId: string;
  /** The slot id, for instance `m.call#ROOM`: an application type, one `#`, and an id. */
  readonly slot: string;
  /** Whether to accept a room that the client does not know yet. Until it does, the call is empty. Default false. */
  readonly awaitRoom?: boolean | undefined;
}

/**
 * One call in one room, to watch. It never writes. It does no work until the first subscription to one of its streams,
 * and releases everything after the last one.
 *
 * Reading `.value` is cheap while one of them has a subscriber. Otherwise each read reads the whole room. The streams never
 * fail, and complete only if `changes$` of the port does.
 */
export interface WatchedSession<App extends Application = Application> {
  /** The Matrix room id. */
  readonly roomId: string;
  /** The slot id. */
  readonly slot: string;
  /**
   * The members of the call, oldest first, ourselves included. It emits at most once for each sync response, and at the
   * exact time when a member expires. A member that did not change is the same object as before. protocol.md 3.
   */
  readonly membership$: Behavior<readonly Membership<App>[]>;
  /** The events that look like memberships but make no member, each with the reason: the newest 1,000, oldest first. */
  readonly rejected$: Behavior<readonly Rejection[]>;
  /** The slot of the call: whether it lets sticky members in. */
  readonly slot$: Behavior<Slot>;
  /**
   * Every decision from now on, for logs, statistics and inspectors. It has no secrets. A subscription starts no work. It never
   * completes and never fails.
   */
  readonly trace$: Observable<Trace>;
}

/**
 * Opens a session that only watches a call. An app that never joins calls is much smaller with it. To join, use
 * `rtcSession`, or `encryptedSession` of `matrixrtc-rx/encryption`.
 *
 * @typeParam App The data of the application in `Membership.application`, as the option `application` returns it. Without
 *   that option it is `Application`.
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
 * @example Members with checked data of an application
 * ```ts
 * import { watchSession } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const board = watchSession(home.client("@alice:example.org", "PHONE"), {
 *   roomId,
 *   slot: "org.example.board#1",
 *   application: ({ type, page }) => (typeof page === "number" ? { type, page } : undefined),
 * });
 * const pages: number[] = board.membership$.value.map(({ application }) => application.page);
 * console.assert(pages.length === 0);
 * ```
 */
export function watchSession<App extends Application = Application>(
  matrix: Matrix,
  options: SessionOptions<App> & DecoderFor<App>,
): WatchedSession<App> {
  return openSession<App>(matrix, options).session;
}

/** A watched session, and the context that its other parts share. */
export interface OpenSession<App extends Application> {
  readonly session: WatchedSession<App>;
  readonly context: SessionContext<TraceEntry>;
}

/** Opens a session for `watchSession` and `rtcSession`. */
export function openSession<App extends Application>(matrix: Matrix, options: SessionOptions<App>): OpenSession<App> {
  if (typeof options?.roomId !== "string") throw new RtcError("bad-argument", "roomId must be a string");
  const { roomId, slot, awaitRoom = false } = options;
  const rules = readingRules(slot, options);
  if (!awaitRoom && !matrix.hasRoom(roomId)) throw new RtcError("unknown-room", `unknown room ${roomId}`);
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
      // The decoder has made each application, or App is Application.
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
    throw new RtcError("bad-argument", `slot must be a type, one "#" and an id, like m.call#ROOM`);
  const { strictSlots = false, requireSlotEncryption = false, firstDraft, application } = options;
  return {
    slot,
    strictSlots,
    requireSlotEncryption,
    firstDraft,
    ...(application && { decodeApplication: application }),
  };
}
