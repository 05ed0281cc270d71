// BotClient: a new device of the bot's user, from the environment, until Ctrl-C or until the work is done.
import { ClientEvent, createClient, SyncState } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { fromEvent, merge, type Observable, shareReplay, take } from "rxjs";
import { fromMatrixClient, type MatrixClientPort } from "matrixrtc-rx/js-sdk";

export function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is missing`);
  return value;
}

/** Runs something with the client, and ends the process. `stop$` emits at Ctrl-C. */
export async function runBot(
  run: (matrix: MatrixClientPort, roomId: string, stop$: Observable<unknown>) => Promise<unknown>,
): Promise<never> {
  // matrix-js-sdk logs each step. Its logger is one of loglevel, which its types do not say.
  const sdkLogger = logger as unknown as { methodFactory: () => () => void; rebuild(): void };
  sdkLogger.methodFactory = () => () => {};
  sdkLogger.rebuild();

  // The first signal ends the call, a second one ends the process.
  const stop$ = merge(fromEvent(process, "SIGINT"), fromEvent(process, "SIGTERM")).pipe(take(1), shareReplay(1));
  stop$.subscribe();

  // Each run is a new device: its encryption keys are in memory only, and others accept no new keys for a known device.
  const baseUrl = setting("HOMESERVER");
  const account = await createClient({ baseUrl }).loginRequest({
    type: "m.login.password",
    identifier: { type: "m.id.user", user: setting("USER_ID") },
    password: setting("PASSWORD"),
    initial_device_display_name: "call bot",
  });
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = account;
  const client = createClient({ baseUrl, userId, deviceId, accessToken });
  try {
    await client.initRustCrypto({ useIndexedDB: false });
    const synced = new Promise<void>((resolve) =>
      client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve()),
    );
    await client.startClient({ initialSyncLimit: 1 });
    await synced;
    await run(fromMatrixClient(client), setting("ROOM_ID"), stop$);
  } finally {
    // The device is not needed any more.
    await client.logout(true);
  }
  // matrix-js-sdk keeps timers for hours after it has stopped.
  process.exit();
}
