// Session: one slot of one room, as streams: watched, joined, with its media keys. protocol.md 9.1.
import type { Observable } from "rxjs";
import { joinCall, type SessionJoinOptions } from "./join-call.ts";
import type { JoinState } from "./join/state.ts";
import type { MemberEncryption } from "./keys/encryption-status.ts";
import { KeyState } from "./keys/key-state.ts";
import type { KeyStatistics } from "./keys/statistics.ts";
import type { Matrix } from "./matrix.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { SessionContext } from "./session-context.ts";
import type { TraceEntry } from "./trace.ts";
import type { Application, EncryptionKey, Membership } from "./types.ts";
import { type DecoderFor, openSession, type SessionOptions, type WatchedSession } from "./watch.ts";

/** One call in one room: to watch, to join, and with the media keys of its members. */
export interface RtcSession<App extends Application = Application> extends WatchedSession<App> {
  /** Media keys while we are joined: the known ones first, then each at the instant to install it. Secrets. */
  readonly encryptionKey$: Observable<EncryptionKey>;
  /** The keys of one member that are known now, the last one to be installed last. Secrets. */
  keysOf(member: Pick<Membership, "participantIdentity">): readonly EncryptionKey[];
  /** Whether each member can be decrypted, and if not, why; empty while we are not joined or nothing is encrypted. */
  readonly encryptionStatus$: Behavior<readonly MemberEncryption[]>;
  /** Counts of key messages since the session was made. */
  readonly statistics$: Behavior<KeyStatistics>;
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
 * @typeParam App The data of the application in `Membership.application`, as the option `application` returns it.
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
  options: SessionOptions<App> & DecoderFor<App>,
): RtcSession<App> {
  const { session, context } = openSession<App>(matrix, options);
  const keys = new KeyState(session.membership$, matrix);
  const noting: SessionContext<TraceEntry> = {
    ...context,
    trace: (entry) => {
      keys.note(entry);
      context.trace(entry);
    },
  };
  return {
    ...session,
    encryptionKey$: keys.known.key$,
    keysOf: (member) => keys.known.of(member),
    encryptionStatus$: keys.encryptionStatus$,
    statistics$: keys.statistics$,
    join: joinCall(noting, keys),
  };
}
