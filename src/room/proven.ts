// Proven: a to-device message with the proof of its device, which a client may have to look up. protocol.md 5.4.
import { map, type Observable, of, take } from "rxjs";
import type { ToDeviceMessage } from "../matrix.ts";

/** Emits the message with its proof: at once if it has one, or came in the clear. */
export function proven({ proof$, ...message }: ToDeviceMessage): Observable<ToDeviceMessage> {
  if (!proof$) return of(message);
  return proof$.pipe(
    take(1),
    map((proof) => ({ ...message, proof })),
  );
}
