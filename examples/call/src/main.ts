// The call app: an account, a client, a room, and the page of that room.
import { catchError, fromEvent, switchMap } from "rxjs";
import { matrixClient } from "./client.ts";
import { element, page, whileWaiting } from "./element.ts";
import { enterRoom } from "./enter-room.ts";
import { readLink } from "./link.ts";
import { account } from "./login.ts";
import { reasonOf } from "./reason.ts";
import { roomPage } from "./room-page.ts";

const link = readLink();
// Somebody has put another link into the address bar of this page.
fromEvent(window, "hashchange").subscribe(() => location.reload());

account(link.homeserver)
  .pipe(
    switchMap((own) => matrixClient(own).pipe(whileWaiting(`Connecting to ${own.homeserver}…`))),
    switchMap((client) => enterRoom(client, link).pipe(switchMap((roomId) => roomPage(client, roomId, link)))),
    catchError(problemPage),
  )
  .subscribe(() => location.reload());

/** Says why the app cannot go on; emits when the user wants to begin again. */
function problemPage(error: unknown) {
  const again = element("button", { className: "primary" }, "Reload");
  const problem = element("p", { className: "problem", role: "alert" }, reasonOf(error));
  return page(element("div", { className: "card" }, problem, again), fromEvent(again, "click"));
}
