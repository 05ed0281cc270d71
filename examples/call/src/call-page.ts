// CallPage: in the call: the tiles, the controls, and the worst problem in words.
import type { RtcSession } from "matrixrtc-rx";
import { whilePresent } from "matrixrtc-rx";
import type { MatrixRoom } from "matrixrtc-rx/room";
import {
  combineLatest,
  defer,
  endWith,
  fromEvent,
  ignoreElements,
  merge,
  type Observable,
  share,
  switchMap,
  takeUntil,
  tap,
} from "rxjs";
import { callOf, type CallOptions } from "./call.ts";
import { controls } from "./controls.ts";
import { element, page } from "./element.ts";
import type { Faces } from "./room/faces.ts";
import { roomPanels } from "./room/room-panels.ts";
import { tile } from "./tile.ts";
import { bannerOf, stateWords } from "./words.ts";

export interface CallPageOptions extends Omit<CallOptions, "leaveOn"> {
  readonly nameOf: (userId: string) => string;
  readonly faces: Faces;
  readonly room: MatrixRoom;
  readonly session: RtcSession;
}

/** Joins the call; completes once we have left. */
export function callPage(place: ParentNode, options: CallPageOptions): Observable<never> {
  return defer(() => {
    const { matrix, devices, nameOf } = options;
    const status = element("p", { className: "status", role: "status" });
    const grid = element("div", { className: "grid" });
    const node = element("section", { className: "call", ariaLabel: "Call" }, status, grid);
    const leave = element("button", { className: "leave", textContent: "Leave" });

    const call$ = callOf({ ...options, leaveOn: fromEvent(leave, "click") }).pipe(
      switchMap(({ state$, participants$, problems$ }) => {
        const joined$ = state$.pipe(share());
        const tiles$ = participants$.pipe(
          whilePresent(
            ({ member }) => member.participantIdentity,
            (participant$) => tile(participant$, { grid, ...options }),
          ),
        );
        const status$ = combineLatest([joined$, problems$]).pipe(
          tap(([state, problems]) => (status.textContent = bannerOf(problems, nameOf) || stateWords(state))),
        );
        const left$ = joined$.pipe(ignoreElements(), endWith(undefined));
        return merge(status$, tiles$).pipe(takeUntil(left$));
      }),
      ignoreElements(),
      share(),
    );
    const around$ = merge(roomPanels(node, { ...options, own: matrix }), controls(node, devices, leave));
    return page(node, merge(call$, around$.pipe(takeUntil(call$.pipe(endWith(undefined))))), place);
  });
}
