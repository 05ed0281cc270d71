// The call app: a client, a room, and the page of that room.
import { catchError, fromEvent, switchMap, tap } from "rxjs";
import { ownClient } from "./client.ts";
import { enterRoom } from "./enter-room.ts";
import { link } from "./link.ts";
import { roomPage } from "./room-page.ts";
import { main, part, view } from "./view.ts";
import { reasonOf } from "./words.ts";

// Somebody has put another link into the address bar of this page.
fromEvent(window, "hashchange").subscribe(() => location.reload());

ownClient(link.homeserver)
  .pipe(
    switchMap(({ client, matrix }) =>
      enterRoom(client, matrix).pipe(switchMap((roomId) => roomPage(client, matrix, roomId))),
    ),
    catchError((error: unknown) =>
      view("trouble", main, (page) => {
        part(page, ".problem").textContent = reasonOf(error);
        return fromEvent(part(page, "button"), "click").pipe(tap(() => location.reload()));
      }),
    ),
  )
  .subscribe();
