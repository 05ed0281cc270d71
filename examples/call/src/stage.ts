// Stage: the page of a room, before the call and in it.
import { type MatrixClient, RoomEvent } from "matrix-js-sdk";
import { rtcSession } from "matrixrtc-rx";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import {
  BehaviorSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  fromEvent,
  ignoreElements,
  merge,
  type Observable,
  repeat,
  startWith,
  Subject,
  tap,
} from "rxjs";
import { element, reasonOf, shown } from "./element.ts";
import { inside } from "./inside.ts";
import { keyMessages } from "./key-messages.ts";
import { type Link, linkTo } from "./link.ts";
import { outside } from "./outside.ts";
import type { Wanted } from "./publishing.ts";

/** Set while we are in the call of a room, so that a reload leads back into it. */
const inCall = "matrixrtc-rx in call";

/** Shows the page for as long as it is subscribed to. */
export function stage(client: MatrixClient, roomId: string, link: Link): Observable<never> {
  const backend = fromMatrixClient(client);
  const session = rtcSession(backend, { roomId, slot: "m.call#ROOM" });
  const room = client.getRoom(roomId);
  const nameOf = (userId: string) => room?.getMember(userId)?.name ?? userId;
  const wanted: Wanted = {
    camera$: new BehaviorSubject(true),
    microphone$: new BehaviorSubject(true),
    trouble$: new Subject(),
  };

  const copy = element("button", { className: "copy", textContent: "Copy link" });
  const problem = element("p", { className: "problem", role: "alert" });
  const content = element("div", { className: "content" });
  const title = element("h1");
  const header = element("header", {}, title, copy);
  const page = element("section", { className: "stage" }, header, problem, content);

  const named$ = fromEvent(client, RoomEvent.Name).pipe(
    startWith(undefined),
    tap(() => (title.textContent = room?.name ?? roomId)),
  );
  const copied$ = fromEvent(copy, "click").pipe(
    tap(() => {
      copy.textContent = "Copied";
      void navigator.clipboard?.writeText(linkTo(roomId, client));
    }),
  );
  const trouble$ = wanted.trouble$.pipe(tap((error) => (problem.textContent = reasonOf(error))));
  const calls$ = concat(
    defer(() => (sessionStorage.getItem(inCall) === roomId ? EMPTY : outside(content, session, nameOf))),
    defer(() => {
      sessionStorage.setItem(inCall, roomId);
      problem.textContent = "";
      return inside(content, { session, backend, wanted, link, nameOf });
    }).pipe(
      catchError((error: unknown) => {
        problem.textContent = reasonOf(error);
        return EMPTY;
      }),
      tap({ complete: () => sessionStorage.removeItem(inCall) }),
    ),
  ).pipe(repeat());

  return shown(
    page,
    document.querySelector("main")!,
    merge(calls$, named$, copied$, trouble$, keyMessages(backend)).pipe(ignoreElements()),
  );
}
