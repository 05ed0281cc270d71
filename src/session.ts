// Session: one slot of one room, as streams. protocol.md 9.1.
import { asyncScheduler, type Observable, Subject } from "rxjs";
import type { Call } from "./call.ts";
import { RtcError } from "./errors.ts";
import { joinCall, type SessionJoinOptions } from "./join-call.ts";
import type { JoinState } from "./join/state.ts";
import type { MemberEncryption } from "./keys/encryption-status.ts";
import { KeyState } from "./keys/key-state.ts";
import type { KeyStatistics } from "./keys/statistics.ts";
import type { Matrix } from "./matrix.ts";
import { members } from "./membership/members.ts";
import type { Rejection } from "./membership/rejection.ts";
import { isSlotId } from "./room/slot.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { Trace, TraceEntry } from "./trace.ts";
import type { Application, EncryptionKey, Membership, Slot } from "./types.ts";

/** Which call, and how strictly to read it. */
export interface SessionOptions {
  readonly roomId: string;
  /** The slot id, for instance `m.call#ROOM`: an application type, `#`, and an id of its own. */
  readonly slot: string;
  /** Sticky members need an open slot. Default false: an absent slot counts as open, since nobody creates them today. */
  readonly strictSlots?: boolean;
  /** A slot must name the encryption that its room has, as the newest MSC4143 wants. Default false. */
  readonly requireSlotEncryption?: boolean;
}

/** One call in one room. It does nothing until somebody subscribes, and nothing once nobody does any more. */
export interface RtcSession<App extends Application = Application> {
  readonly roomId: string;
  readonly slot: string;
  /** Who is in the call now, oldest first. Members that did not change keep their identity. Watching never writes. */
  readonly membership$: Behavior<readonly Membership<App>[]>;
  /** Events that look like members but are not, each with its reason. The newest 1,000 at most. */
  readonly rejected$: Behavior<readonly Rejection[]>;
  /** Whether the slot lets members in. */
  readonly slot$: Behavior<Slot>;
  /** Media keys while we are joined: the known ones first, then each at the instant to install it. Secrets. */
  readonly encryptionKey$: Observable<EncryptionKey>;
  /** The keys of one member that are known now, the last one to be installed last. Secrets. */
  keysOf(member: Pick<Membership, "participantIdentity">): readonly EncryptionKey[];
  /** Whether each member can be decrypted, and if not, why; empty while we are not joined or nothing is encrypted. */
  readonly encryptionStatus$: Behavior<readonly MemberEncryption[]>;
  /** Counts of key messages since the session was made. */
  readonly statistics$: Behavior<KeyStatistics>;
  /** Every decision from now on, for logs, statistics and inspectors. Never a secret. Subscribing starts no work. */
  readonly trace$: Observable<Trace>;
  /**
   * Joins while subscribed: subscribe = join, unsubscribe = leave, `leaveOn` = leave and be told by completion.
   *
   * All subscribers of the returned stream share one join, and see its present state first. One session joins once at a
   * time: a second join fails with `already-joined` until the first has ended.
   *
   * @throws RtcError `bad-argument`, at once, for options that are wrong or contradict each other.
   * @example
   * ```ts
   * import { lastValueFrom, timer } from "rxjs";
   * import { rtcSession } from "matrixrtc-rx";
   * import { virtualHomeserver } from "matrixrtc-rx/testing";
   *
   * const home = virtualHomeserver();
   * const roomId = home.createRoom({ members: ["@alice:example.org"] });
   * const session = rtcSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
   * const last = await lastValueFrom(session.join({ leaveOn: timer(100) }));
   * console.assert(last.status === "leaving");
   * ```
   */
  join(options?: SessionJoinOptions): Observable<JoinState>;
}

/**
 * The session of a slot in a room: inert until subscribed to.
 *
 * @typeParam App What the members of this application carry; `Application` unless told otherwise.
 * @throws RtcError `bad-argument` for a malformed slot id, `unknown-room` for a room that the client does not know.
 * @example
 * ```ts
 * import { rtcSession } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const session = rtcSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * console.assert(session.membership$.value.length === 0);
 * ```
 */
export function rtcSession<App extends Application = Application>(
  matrix: Matrix,
  options: SessionOptions,
): RtcSession<App> {
  if (typeof options?.roomId !== "string") throw new RtcError("bad-argument", "roomId must be a string");
  assertSlot(options.slot);
  if (!matrix.hasRoom(options.roomId)) {
    throw new RtcError("unknown-room", `the client is not in a room ${options.roomId}`);
  }
  return openSession(matrix, options);
}

/** A session of a room that the client may not know yet. */
export function openSession<App extends Application>(matrix: Matrix, options: SessionOptions): RtcSession<App> {
  const { roomId, slot, strictSlots = false, requireSlotEncryption = false } = options;
  const trace$ = new Subject<Trace>();
  const trace = (entry: TraceEntry) => {
    keys.note(entry);
    if (trace$.observed) trace$.next({ ...entry, ts: asyncScheduler.now() });
  };
  const traceReading = (entries: Iterable<TraceEntry>) => {
    if (trace$.observed) for (const entry of entries) trace(entry);
  };
  const reading = members(matrix, { roomId, slot, strictSlots, requireSlotEncryption }, traceReading);
  const call: Call = { matrix, roomId, slot, membership$: reading.membership$, slot$: reading.slot$, trace };
  const keys = new KeyState(reading.membership$, matrix);
  const joins = joinCall(call, keys);
  return {
    ...reading,
    // The caller says what its members carry; the events decide only that it is an object with a type.
    membership$: reading.membership$ as Behavior<readonly Membership<App>[]>,
    roomId,
    slot,
    encryptionKey$: keys.known.key$,
    keysOf: (member) => keys.known.of(member),
    encryptionStatus$: keys.encryptionStatus$,
    statistics$: keys.statistics$,
    trace$: trace$.asObservable(),
    join: joins,
  };
}

export function assertSlot(slot: unknown): asserts slot is string {
  // An empty id is what the call of the room is called in state keys (1.3).
  if (isSlotId(slot) && !slot.endsWith("#")) return;
  throw new RtcError("bad-argument", `slot must be an application type, one "#" and an id, like m.call#ROOM`);
}
