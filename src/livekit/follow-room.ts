// FollowRoom: passes the decryption reports of a LiveKit room on to a session. protocol.md 6.6.
import { ignoreElements, type Observable, tap } from "rxjs";
import type { DecryptionReport } from "../types.ts";
import { decryptionReports } from "./decryption.ts";

/**
 * Reports to a session whether a LiveKit room can decrypt each participant. The session then says in `encryptionStatus$`
 * why a participant is not visible, and requests missing keys. Keys go the other way, by `keyProvider`.
 *
 * Works while subscribed, and emits nothing. Subscribe before the room connects, because LiveKit may report a missing key
 * only once. A session with several LiveKit rooms follows each of them.
 *
 * @example
 * ```ts
 * import { Subject } from "rxjs";
 * import type { DecryptionReport } from "matrixrtc-rx/encryption";
 * import { followRoom } from "matrixrtc-rx/livekit";
 *
 * const session = { decryption: new Subject<DecryptionReport>() }; // in an app: the session of encryptedSession
 * const room = { on: () => room, off: () => room } as never; // in an app: a LiveKit Room
 * const following = followRoom(session, room).subscribe();
 * // await room.connect(url, jwt);
 * following.unsubscribe();
 * ```
 */
export function followRoom(
  session: { readonly decryption: { next(report: DecryptionReport): void } },
  room: Parameters<typeof decryptionReports>[0],
): Observable<never> {
  return decryptionReports(room).pipe(
    tap((report) => session.decryption.next(report)),
    ignoreElements(),
  );
}
