// Announcer: joins the call of a room, plays a WAV file to everybody, and leaves.
// npm run build && HOMESERVER=… USER_ID=… PASSWORD=… ROOM_ID=… FILE=… npx node examples/recipes/announcer.ts
import { lastValueFrom, tap } from "rxjs";
import { announce } from "./announce.ts";
import { runBot, setting } from "./bot-client.ts";

await runBot((matrix, roomId, stop$) =>
  lastValueFrom(announce(matrix, roomId, setting("FILE"), stop$).pipe(tap((line) => console.log(line)))),
);
