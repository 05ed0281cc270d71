// CallPage: in the call: the tiles, the worst problem in words, and the room around the call.
import { whilePresent } from "matrixrtc-rx";
import { combineLatest, map, merge, type Observable, share, switchMap, takeLast, takeUntil } from "rxjs";
import { callOf } from "./call.ts";
import { roomPanels } from "./room/room-panels.ts";
import type { InRoom } from "./in-room.ts";
import { tile } from "./tile.ts";
import { bind, part, view } from "./view.ts";
import { bannerOf, meshWords } from "./words.ts";

/** Joins the call; completes once we have left. */
export const callPage = (place: ParentNode, inRoom: InRoom) =>
  view("call", place, (page): Observable<unknown> => {
    const call$ = callOf(inRoom).pipe(
      switchMap(({ isMesh, state$, participants$, problems$ }) => {
        part(page, ".medium").textContent = isMesh ? meshWords : "";
        const joined$ = state$.pipe(share());
        const tiles$ = participants$.pipe(
          whilePresent(
            ({ member }) => member.participantIdentity,
            (participant$) => tile(part(page, ".grid"), participant$, inRoom).pipe(takeUntil(lastOf(participant$))),
          ),
        );
        const banner$ = combineLatest([joined$, problems$]).pipe(
          map(([state, problems]) => bannerOf(state, problems, inRoom.nameOf)),
        );
        return merge(bind(part(page, ".status"), "textContent", banner$), tiles$).pipe(takeUntil(lastOf(joined$)));
      }),
      share(),
    );
    return merge(call$, roomPanels(page, inRoom).pipe(takeUntil(lastOf(call$))));
  });

/** Emits when a stream has completed. */
const lastOf = <T>(stream$: Observable<T>) => stream$.pipe(takeLast(1));
