// EncryptedSession: a session with the media keys of its members. protocol.md 5, 9.1.
import type { Observable, Observer } from "rxjs";
import { type EncryptedJoinOptions, joinWithKeys } from "./join-with-keys.ts";
import type { JoinState } from "../join/join-state.ts";
import type { MemberEncryption } from "../keys/encryption-status.ts";
import { sessionKeys } from "../keys/keys.ts";
import type { KeyStatistics } from "../keys/statistics.ts";
import type { Matrix } from "../matrix.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { Application, DecryptionReport, EncryptionKey } from "../types.ts";
import type { RtcSession } from "../session.ts";
import { type DecoderFor, openSession, type SessionOptions } from "../watch.ts";

/**
 * One call in one room: to watch, to join, and with the media keys of its members.
 *
 * Make one session for a call, and share it: the session object that joined has the keys, and another one shows none.
 */
export interface EncryptedSession<App extends Application = Application> extends RtcSession<App> {
  /**
   * Each media key as an event, at the moment to install it, while we are joined. The known ones come first. Secrets. It never completes
   * and never fails.
   *
   * `keyProvider` of `matrixrtc-rx/livekit` installs them. protocol.md 5, 6.6.
   */
  readonly encryptionKey$: Observable<EncryptionKey>;
  /**
   * The media keys that are known now, at most eight of each member: ours first, then those of each member, its newest
   * last. Secrets. Empty before we join, after we leave, and if nothing is encrypted.
   */
  readonly keys$: Behavior<readonly EncryptionKey[]>;
  /**
   * Whether each member can be decrypted, and if not, why: by `participantIdentity`, in the order of `membership$`.
   *
   * A status that did not change is the same object as before. Empty before we join, after we leave, and if nothing is encrypted.
   */
  readonly encryptionStatus$: Behavior<ReadonlyMap<string, MemberEncryption>>;
  /** Counts of key messages since the session was made. They are about keys only. */
  readonly statistics$: Behavior<KeyStatistics>;
  /**
   * A sink: takes what the media layer reports about decrypting participants, from any number of media rooms at any time.
   *
   * A key that the media needs is requested, and `encryptionStatus$` says that it is missing. If its member does not
   * answer, our membership is written again (protocol.md 5.7). While we are not joined, reports are ignored.
   *
   * @example
   * ```ts
   * import { of } from "rxjs";
   * import { type DecryptionReport, encryptedSession } from "matrixrtc-rx/encryption";
   * import { virtualHomeserver } from "matrixrtc-rx/testing";
   *
   * const home = virtualHomeserver();
   * const roomId = home.createRoom({ members: ["@alice:example.org"] });
   * const session = encryptedSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
   * // In an app: decryptionReports(room) of matrixrtc-rx/livekit, for each LiveKit room.
   * const report$ = of<DecryptionReport>({ participantIdentity: "@bob:example.org:PHONE", result: "missing-key" });
   * report$.subscribe(session.decryption);
   * console.assert(session.encryptionStatus$.value.size === 0);
   * ```
   */
  readonly decryption: Pick<Observer<DecryptionReport>, "next">;
  /**
   * Joins while subscribed, as `RtcSession.join`, and exchanges media keys until the leave begins.
   *
   * @throws RtcError `bad-argument`, at once, for options that are wrong or contradict each other. The stream fails with
   *   `unsupported` if the client cannot do what the keys need.
   */
  join(options?: EncryptedJoinOptions): Observable<JoinState>;
}

/**
 * A session with media keys: it joins a call, and makes, shares and receives the keys of its members. Every call over LiveKit, and
 * every call with Element Call, needs it. It is inert until subscribed to.
 *
 * @typeParam App The data of the application in `Membership.application`, as the option `application` returns it.
 * @throws RtcError `bad-argument` for a malformed slot id, `unknown-room` for a room that the client does not know.
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const session = encryptedSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * console.assert(session.membership$.value.length === 0);
 * ```
 */
export function encryptedSession<App extends Application = Application>(
  matrix: Matrix,
  options: SessionOptions<App> & DecoderFor<App>,
): EncryptedSession<App> {
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
    join: joinWithKeys(context, keys),
  };
}
