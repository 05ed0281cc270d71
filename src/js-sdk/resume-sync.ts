// ResumeSync: the SDK syncs again as soon as the homeserver has answered a request of ours. protocol.md 4.6.
import type { MatrixClient } from "matrix-js-sdk";
import { type MonoTypeOperatorFunction, tap } from "rxjs";
import type { MatrixError } from "../matrix.ts";

/** States in which the SDK waits before it tries to sync again. */
const waiting: ReadonlySet<string | null> = new Set(["RECONNECTING", "ERROR"]);

/**
 * Ends the wait of the SDK when the server answers, with an error as well. After an outage the SDK waits for up to 10 s by
 * itself, and the memberships and keys of others come by sync alone.
 */
export function resumeSync<T>(client: MatrixClient): MonoTypeOperatorFunction<T> {
  const resume = () => {
    if (waiting.has(client.getSyncState())) client.retryImmediately();
  };
  return tap<T>({
    next: resume,
    error: ({ kind }: MatrixError) => {
      if (kind !== "network" && kind !== "timeout") resume();
    },
  });
}
