// Client: the running matrix-js-sdk client of an account. Its keys are in IndexedDB, so that a reload stays one device.
import { ClientEvent, createClient, HttpApiEvent, type MatrixClient, SyncState } from "matrix-js-sdk";
import { Observable } from "rxjs";
import { type Account, forgetAccount } from "./account.ts";

/** Emits the client once it has synced. Unsubscribing stops the client. */
export function matrixClient({ homeserver, userId, deviceId, accessToken }: Account): Observable<MatrixClient> {
  return new Observable((subscriber) => {
    const client = createClient({ baseUrl: homeserver, userId, deviceId, accessToken });
    const start = async () => {
      await client.initRustCrypto({ cryptoDatabasePrefix: `call ${userId} ${deviceId}` });
      if (!subscriber.closed) await client.startClient({ initialSyncLimit: 30 });
    };
    client.on(HttpApiEvent.SessionLoggedOut, () => {
      forgetAccount();
      subscriber.error(new Error("The homeserver has logged us out. Reload to log in again."));
    });
    client.on(ClientEvent.Sync, (state) => {
      if (state === SyncState.Prepared) subscriber.next(client);
    });
    start().catch((error: unknown) => subscriber.error(error));
    return () => {
      client.removeAllListeners();
      client.stopClient();
    };
  });
}
