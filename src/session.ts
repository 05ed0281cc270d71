// Session: one slot of one room as streams: watched, and joined. protocol.md 9.1.
import { NEVER, type Observable, ReplaySubject, share } from "rxjs";
import { ownMembership } from "./join/join.ts";
import type { JoinState } from "./join/join-state.ts";
import { type JoinOptions, resolveJoinOptions } from "./join/options.ts";
import type { Matrix } from "./matrix.ts";
import type { Application } from "./types.ts";
import { type DecoderFor, openSession, type SessionOptions, type WatchedSession } from "./watch.ts";

/**
 * One call in one room: to watch and to join. Media keys come with its subtype, `EncryptedSession` of `matrixrtc-rx/encryption`.
 *
 * Make one session for a call, and share it.
 */
export interface RtcSession<App extends Application = Application> extends WatchedSession<App> {
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
  join(options?: JoinOptions): Observable<JoinState>;
}

/**
 * The session of a slot in a room: inert until subscribed to.
 *
 * It makes and reads no media keys, so it is for real-time apps that send their data over Matrix, for media that is encrypted
 * by its transport (`matrixrtc-rx/webrtc`), and for calls that are not encrypted. For media over an SFU use
 * `encryptedSession` of `matrixrtc-rx/encryption`.
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
  return {
    ...session,
    join: (joinOptions) =>
      ownMembership(context, resolveJoinOptions(session.slot, joinOptions), NEVER).pipe(
        share({ connector: () => new ReplaySubject(1) }),
      ),
  };
}
