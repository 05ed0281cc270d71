// Bot: is in the call of a room while others are, and prints their names. Ctrl-C: it leaves and ends.
// npm run build && HOMESERVER=… USER_ID=… PASSWORD=… ROOM_ID=… npx node examples/recipes/bot.ts
import { distinctUntilChanged, lastValueFrom, map, tap } from "rxjs";
import { attend } from "./attend.ts";
import { runBot } from "./bot-client.ts";

await runBot((matrix, roomId, stop$) => {
  const line$ = attend(matrix, roomId, stop$).pipe(
    map(
      ({ status, others }) => `${status}; in the call: ${others.map((other) => other.userId).join(", ") || "nobody"}`,
    ),
    distinctUntilChanged(),
  );
  return lastValueFrom(line$.pipe(tap((line) => console.log(line))), { defaultValue: undefined });
});
