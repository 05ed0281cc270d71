// RunningClient: a matrix-js-sdk client that runs for as long as it is subscribed to.
import { ClientEvent, HttpApiEvent, type MatrixClient, SyncState } from "matrix-js-sdk";
import { asyncScheduler, Observable } from "rxjs";
import { fromMatrixClient, type MatrixClientPort } from "./from-matrix-client.ts";
import { matrixError } from "./matrix-error.ts";

/** How to start a client. */
export interface RunningClientOptions {
  /** For `initRustCrypto` of the SDK. In Node there is no IndexedDB: `{ useIndexedDB: false }`. */
  readonly crypto?: Parameters<MatrixClient["initRustCrypto"]>[0];
  /** For `startClient` of the SDK. Its `initialSyncLimit` (default 8) is raised by up to 15: see decision 88. */
  readonly start?: Parameters<MatrixClient["startClient"]>[0];
}

/**
 * Synapse keeps answers to `/sync` for two minutes, by token, filter and timeout. A page that is reloaded would see the past
 * first, step by step: earlier members, then their leaves. With another limit, its first request is another one.
 * The tokens that follow are others, too.
 */
const freshLimit = (limit: number): number => limit + Math.floor(Math.random() * 16);
const usualLimit = 8;

/**
 * Starts a matrix-js-sdk client with encryption, and emits its port once it has synced. Unsubscribing stops the client, so leave
 * the call first. A client can be started once.
 *
 * Fails with the error of the SDK if the client cannot be started, and with a `MatrixError` of the kind `logged-out` when the
 * homeserver does not accept its access token any more.
 *
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { runningClient } from "matrixrtc-rx/js-sdk";
 * import { map } from "rxjs";
 *
 * type Client = Parameters<typeof runningClient>[0];
 * const sessionIn = (client: Client, roomId: string) =>
 *   runningClient(client).pipe(map((matrix) => encryptedSession(matrix, { roomId, slot: "m.call#ROOM" })));
 * console.assert(typeof sessionIn === "function");
 * ```
 */
export const runningClient = (
  client: MatrixClient,
  { crypto, start }: RunningClientOptions = {},
): Observable<MatrixClientPort> =>
  new Observable((subscriber) => {
    const onSync = (state: SyncState) => state === SyncState.Prepared && subscriber.next(fromMatrixClient(client));
    const onLoggedOut = (error: unknown) => subscriber.error(matrixError(error, asyncScheduler.now()));
    client.on(ClientEvent.Sync, onSync);
    client.on(HttpApiEvent.SessionLoggedOut, onLoggedOut);
    subscriber.add(() => {
      client.off(ClientEvent.Sync, onSync);
      client.off(HttpApiEvent.SessionLoggedOut, onLoggedOut);
      client.stopClient();
    });
    const begin = async () => {
      await client.initRustCrypto(crypto);
      const initialSyncLimit = freshLimit(start?.initialSyncLimit ?? usualLimit);
      if (!subscriber.closed) await client.startClient({ ...start, initialSyncLimit });
    };
    begin().catch((error: unknown) => subscriber.error(error));
  });
