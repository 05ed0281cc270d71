// Session: one slot of one room as streams: watched, joined, with its media keys. protocol.md 9.1.
import type { Observable, Observer } from "rxjs";
import { joinCall, type SessionJoinOptions } from "./join-call.ts";
import type { JoinState } from "./join/join-state.ts";
import type { MemberEncryption } from "./keys/encryption-status.ts";
import { sessionKeys } from "./keys/keys.ts";
import type { KeyStatistics } from "./keys/statistics.ts";
import type { Matrix } from "./matrix.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { Application, DecryptionReport, EncryptionKey } from "./types.ts";
import { type DecoderFor, openSession, type SessionOptions, type WatchedSession } from "./watch.ts";

/**
 * One call in one room: to watch, to join, and with the media keys of its members.
 *
 * Make one session for a call, and share it: each session object has its own join and its own keys.
 */
export interface RtcSession<App extends Application = Application> extends WatchedSession<App> {
  /**
   * Media keys while we are joined: the known ones first, then each at the moment to install it. Secrets. It never completes
   * and never fails.
   *
   * `keyProvider` of `matrixrtc-rx/livekit` installs them. protocol.md 5, 6.6.
   */
  readonly encryptionKey$: Observable<EncryptionKey>;
  /**
   * The media keys that are known now, at most eight of each member: ours first, then those of each member, its newest
   * last. Secrets. Empty while we are not joined or nothing is encrypted.
   */
  readonly keys$: Behavior<readonly EncryptionKey[]>;
  /**
   * Whether each member can be decrypted, and if not, why: by `participantIdentity`, in the order of `membership$`.
   *
   * A status that did not change is the same object as before. Empty while we are not joined or nothing is encrypted.
   */
  readonly encryptionStatus$: Behavior<ReadonlyMap<string, MemberEncryption>>;
  /** Counts of key messages since the session was made. */
  readonly statistics$: Behavior<KeyStatistics>;
  /**
   * Takes what the media layer reports about decrypting participants, from any number of media rooms at any time.
   *
   * A key that the media needs is requested, and `encryptionStatus$` says that it is missing. If its member does not
   * answer, our membership is written again (protocol.md 5.7). While we are not joined, reports are ignored.
   *
   * @example
   * ```ts
   * import { of } from "rxjs";
   * import { type DecryptionReport, rtcSession } from "matrixrtc-rx";
   * import { virtualHomeserver } from "matrixrtc-rx/testing";
   *
   * const home = virtualHomeserver();
   * const roomId = home.createRoom({ members: ["@alice:example.org"] });
   * const session = rtcSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
   * // In an app: decryptionReports(room) of matrixrtc-rx/livekit, for each LiveKit room.
   * const report$ = of<DecryptionReport>({ participantIdentity: "@bob:example.org:PHONE", result: "missing-key" });
   * report$.subscribe(session.decryption);
   * console.assert(session.encryptionStatus$.value.size === 0);
   * ```
   */
  readonly decryption: Pick<Observer<DecryptionReport>, "next">;
  /**
   * Joins while subscribed. Unsubscribing leaves. `leaveOn` leaves too, and the stream completes once that is confirmed.
   *
   * All subscribers of the returned stream share one join, and see its present state first. Unsubscribing starts up to
   * 30 s of leaving that this stream does not show: only `trace$` emits its end (`leave-ended`). With `leaveOn`, the
   * stream shows it. After the end of a join, a new subscriber joins again.
   * A client joins a call once at a time: while it is in the call, another join fails with `already-joined`, also by another
   * session object. While it is leaving, another join waits for the end of the leave. Copies of a port (with the same
   * `changes$`) are one client. Other tabs and processes of the device are not seen.
   * If we are kicked from the room, the join fails, and the leave waits until we are back or the membership has expired.
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
  const keys = sessionKeys({ ...context, rejected$: session.rejected$ });
  const { encryptionKey$, keys$, encryptionStatus$, statistics$, decryption } = keys;
  return {
    ...session,
    encryptionKey$,
    keys$,
    encryptionStatus$,
    statistics$,
    decryption,
    join: joinCall(context, keys),
  };
}
