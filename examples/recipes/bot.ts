// A bot without media: it sits in the call of a room for as long as people do, and says who is there.
// HOMESERVER=… USER_ID=… DEVICE_ID=… ACCESS_TOKEN=… ROOM_ID=… node examples/recipes/bot.ts
import { ClientEvent, createClient, SyncState } from "matrix-js-sdk";
import { filter, fromEvent, map, merge, skipWhile } from "rxjs";
import { rtcSession } from "matrixrtc-rx";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
};

const client = createClient({
  baseUrl: setting("HOMESERVER"),
  userId: setting("USER_ID"),
  deviceId: setting("DEVICE_ID"),
  accessToken: setting("ACCESS_TOKEN"),
});
await client.initRustCrypto({ useIndexedDB: false });
const synced = new Promise<void>((resolve) =>
  client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve()),
);
await client.startClient();
await synced;

const session = rtcSession(fromMatrixClient(client), { roomId: setting("ROOM_ID"), slot: "m.call#ROOM" });
const others$ = session.membership$.pipe(
  map((members) => members.filter(({ userId }) => userId !== client.getUserId())),
);
others$.subscribe((others) => console.log("in the call:", others.map(({ userId }) => userId).join(", ") || "nobody"));

const alone$ = others$.pipe(
  skipWhile((others) => others.length === 0),
  filter((others) => others.length === 0),
);
session.join({ leaveOn: merge(alone$, fromEvent(process, "SIGINT")) }).subscribe({
  next: ({ status }) => console.log(status),
  error: (error) => console.error(error.message),
  complete: () => client.stopClient(),
});
