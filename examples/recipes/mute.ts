// Mute: the camera decides the intent of our membership, so that others see an audio or a video call without a new join.
import { distinctUntilChanged, map, type Observable } from "rxjs";
import type { JoinState } from "matrixrtc-rx";
import type { EncryptedSession } from "matrixrtc-rx/encryption";

/** Joins as `video` while the camera is on, else as `audio`. A change updates the membership; nobody sees us leave. */
export function joinWithCamera(session: EncryptedSession, isCameraOn$: Observable<boolean>): Observable<JoinState> {
  const intent$ = isCameraOn$.pipe(
    map((isOn) => (isOn ? "video" : "audio")),
    distinctUntilChanged(),
  );
  return session.join({ intent: intent$ });
}
