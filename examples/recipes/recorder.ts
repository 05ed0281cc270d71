// Recorder: joins the call of a room, and writes each member's sound to a WAV file, until Ctrl-C.
// npm run build && HOMESERVER=… USER_ID=… PASSWORD=… ROOM_ID=… FOLDER=… npx node examples/recipes/recorder.ts
import { mkdirSync } from "node:fs";
import { lastValueFrom, tap } from "rxjs";
import { runBot, setting } from "./bot-client.ts";
import { recordCall } from "./record-call.ts";

await runBot((matrix, roomId, stop$) => {
  const folder = setting("FOLDER");
  mkdirSync(folder, { recursive: true });
  const path$ = recordCall(matrix, roomId, folder, stop$);
  return lastValueFrom(path$.pipe(tap((path) => console.log(`recording ${path}`))), { defaultValue: undefined });
});
