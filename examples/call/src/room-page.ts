// RoomPage: the page of a room: the lobby before the call, then the call, then the lobby again.
import type { MatrixClient } from "matrix-js-sdk";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { catchError, concat, defer, EMPTY, exhaustMap, fromEvent, merge, repeat, tap } from "rxjs";
import { callPage } from "./call-page.ts";
import { offer } from "./device-lists.ts";
import { inRoom } from "./in-room.ts";
import { copyLink } from "./link.ts";
import { lobby } from "./lobby.ts";
import { bind, main, part, view } from "./view.ts";
import { reasonOf } from "./words.ts";

/** Holds the room id while we are in its call, so that a reload leads back into the call. */
const storageKey = "matrixrtc-rx in call";

export const roomPage = (client: MatrixClient, matrix: MatrixClientPort, roomId: string) =>
  view("room", main, (page) => {
    const own = inRoom(page, client, matrix, roomId);
    const [problem, content, copy] = [part(page, ".problem"), part(page, ".content"), part(page, ".copy")];
    const lobby$ = defer(() => (sessionStorage.getItem(storageKey) === roomId ? EMPTY : lobby(content, own)));
    const call$ = defer(() => {
      sessionStorage.setItem(storageKey, roomId);
      problem.textContent = "";
      return callPage(content, own);
    }).pipe(
      catchError((error: unknown) => {
        problem.textContent = reasonOf(error);
        return EMPTY;
      }),
      tap({ complete: () => sessionStorage.removeItem(storageKey) }),
    );
    return merge(
      concat(lobby$, call$).pipe(repeat()),
      bind(part(page, "h1"), "textContent", own.room.name$),
      bind(copy, "textContent", fromEvent(copy, "click").pipe(exhaustMap(copyLink))),
      // Names are at hand while the members are followed.
      own.room.members$,
      // The devices stay open from the lobby to the call.
      own.devices.media$,
      own.devices.available$.pipe(tap((available) => offer(page, available))),
      own.devices.screenEnded$.pipe(tap(() => part(page, "[name=screen_share]").click())),
    );
  });
