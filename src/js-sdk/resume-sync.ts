// ResumeSync: the SDK syncs again as soon as the homeserver has answered a request of ours. protocol.md 4.6.
import { ClientEvent, type MatrixClient } from "matrix-js-sdk";
import { defer, finalize, type MonoTypeOperatorFunction, tap, timer } from "rxjs";
import type { MatrixError } from "../matrix.ts";

/** States in which the SDK waits before it tries to sync again. */
const waiting: ReadonlySet<string | null> = new Set(["RECONNECTING", "ERROR"]);

/** A request without an answer for so long may be lost. */
const lateMs = 4_000;

/** Where the sync of a client was when a request of ours got no answer. */
const lostAt = new WeakMap<MatrixClient, string | null>();

/**
 * Lets the SDK sync at once when the server answers, with an error as well. Memberships and keys of others come by sync alone,
 * and after an outage the SDK waits for up to 10 s by itself. A sync request of before the outage is worse: its answer is
 * lost, and the SDK waits for it for up to 110 s. So it is given up if no other sync was answered since the outage began.
 */
export function resumeSync<T>(client: MatrixClient): MonoTypeOperatorFunction<T> {
  const unanswered = () => void lostAt.set(client, client.store.getSyncToken());
  const answered = () => {
    // A request may hang while the SDK waits: it also waits when a ping of its own has failed.
    if (lostAt.get(client) === client.store.getSyncToken()) giveUpSync(client);
    lostAt.delete(client);
    if (waiting.has(client.getSyncState())) client.retryImmediately();
  };
  return (source$) =>
    defer(() => {
      const late = timer(lateMs).subscribe(unanswered);
      return source$.pipe(
        tap<T>({
          next: answered,
          error: ({ kind }: MatrixError) => (kind === "network" || kind === "timeout" ? unanswered() : answered()),
        }),
        finalize(() => late.unsubscribe()),
      );
    });
}

/** The SDK has no public way for it. If a later version has other names, nothing happens. */
function giveUpSync(client: MatrixClient): void {
  const { syncApi } = client as unknown as { readonly syncApi?: { abortController?: AbortController } };
  const hanging = syncApi?.abortController;
  if (!syncApi || !hanging) return;
  syncApi.abortController = new AbortController();
  client.once(ClientEvent.Sync, () => client.retryImmediately());
  hanging.abort();
}
