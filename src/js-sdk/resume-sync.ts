// ResumeSync: the SDK syncs again as soon as the homeserver has answered a request of ours. protocol.md 4.6.
import { ClientEvent, type MatrixClient } from "matrix-js-sdk";
import { asyncScheduler, defer, finalize, type MonoTypeOperatorFunction, tap, timer } from "rxjs";
import type { MatrixError } from "../matrix.ts";
import { perClient } from "../room/per-client.ts";

/** States in which the SDK waits before it tries to sync again. */
const waiting: ReadonlySet<string | null> = new Set(["RECONNECTING", "ERROR"]);

/** A request that has no answer after this time may be lost. */
const lateMs = 4_000;

/** A sync of a server that is only slow must be able to end. */
const pauseMs = 30_000;

interface Hanging {
  /** Where the sync was when a request of ours got no answer. */
  lostAt: string | null | undefined;
  /** Until then no sync is given up. */
  notBeforeTs: number;
}

const hangingOf: (client: MatrixClient) => Hanging = perClient(() => ({ lostAt: undefined, notBeforeTs: 0 }));

/**
 * Lets the SDK sync at once when the server answers, with an error as well. Memberships and keys of others come by sync alone,
 * and after an outage the SDK waits for up to 10 s by itself. A sync request from before the outage is worse: its answer is
 * lost, and the SDK waits for that answer for up to 110 s. So the request is given up if no sync was answered since then.
 */
export function resumeSync<T>(client: MatrixClient): MonoTypeOperatorFunction<T> {
  const hanging = hangingOf(client);
  const unanswered = () => void (hanging.lostAt = client.store.getSyncToken());
  const answered = () => {
    // A request may hang while the SDK waits: it also waits when a ping of its own has failed.
    if (hanging.lostAt === client.store.getSyncToken()) giveUpSync(client, hanging);
    hanging.lostAt = undefined;
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
function giveUpSync(client: MatrixClient, hanging: Hanging): void {
  const { syncApi } = client as unknown as { readonly syncApi?: { abortController?: AbortController } };
  const request = syncApi?.abortController;
  const now = asyncScheduler.now();
  if (!syncApi || !request || now < hanging.notBeforeTs) return;
  hanging.notBeforeTs = now + pauseMs;
  syncApi.abortController = new AbortController();
  client.once(ClientEvent.Sync, () => client.retryImmediately());
  request.abort();
}
