// RoomPage: the page of a room: the preview before the call, then the call, then the preview again.
import type { MatrixClient } from "matrix-js-sdk";
import { rtcSession } from "matrixrtc-rx";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { matrixRoom } from "matrixrtc-rx/room";
import {
  catchError,
  concat,
  defer,
  EMPTY,
  exhaustMap,
  fromEvent,
  ignoreElements,
  merge,
  type Observable,
  repeat,
  tap,
} from "rxjs";
import { callPage } from "./call-page.ts";
import { devicesFor } from "./devices.ts";
import { element, page } from "./element.ts";
import { type Link, linkTo } from "./link.ts";
import { preview } from "./preview.ts";
import { reasonOf } from "./reason.ts";
import { facesIn } from "./room/faces.ts";

/** Holds the room id while we are in its call, so that a reload leads back into the call. */
const storageKey = "matrixrtc-rx in call";

/** Shows the page for as long as it is subscribed to. */
export function roomPage(client: MatrixClient, roomId: string, link: Link): Observable<never> {
  const backend = fromMatrixClient(client);
  const session = rtcSession(backend, { roomId, slot: "m.call#ROOM" });
  const room = matrixRoom(backend, roomId);
  const nameOf = (userId: string) => room.profile$(userId).value.name;
  const faces = facesIn(client, room);
  const devices = devicesFor(link);

  const copy = element("button", { className: "copy", textContent: "Copy link" });
  const problem = element("p", { className: "problem", role: "alert" });
  const content = element("div", { className: "content" });
  const title = element("h1");
  const header = element("header", {}, title, copy);
  const node = element("div", { className: "room" }, header, problem, content);

  // Names are at hand while the members are followed.
  const named$ = merge(room.members$, room.name$.pipe(tap((name) => (title.textContent = name))));
  const copied$ = fromEvent(copy, "click").pipe(
    exhaustMap(() =>
      defer(() => navigator.clipboard.writeText(linkTo(roomId, client))).pipe(
        tap(() => (copy.textContent = "Copied")),
        catchError(() => {
          copy.textContent = "Copy the address of this page";
          return EMPTY;
        }),
      ),
    ),
  );
  const preview$ = defer(() => {
    if (sessionStorage.getItem(storageKey) === roomId) return EMPTY;
    return preview(content, { session, devices, nameOf });
  });
  const call$ = defer(() => {
    sessionStorage.setItem(storageKey, roomId);
    problem.textContent = "";
    return callPage(content, { session, matrix: backend, devices, link, nameOf, faces, room });
  }).pipe(
    catchError((error: unknown) => {
      problem.textContent = reasonOf(error);
      return EMPTY;
    }),
    tap({ complete: () => sessionStorage.removeItem(storageKey) }),
  );
  const pages$ = concat(preview$, call$).pipe(repeat());

  // The devices stay open from the preview to the call.
  return page(node, merge(pages$, named$, copied$, devices.own.media$).pipe(ignoreElements()));
}
