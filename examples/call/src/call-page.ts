// CallPage: in the call. The tiles, the controls, and the state of our own membership in words.
import type { JoinState } from "matrixrtc-rx";
import { whilePresent } from "matrixrtc-rx";
import type { MatrixRoom } from "matrixrtc-rx/room";
import { defer, fromEvent, merge, type Observable, shareReplay, tap } from "rxjs";
import { call, type CallOptions } from "./call.ts";
import { controls } from "./controls.ts";
import { element, page } from "./element.ts";
import { memberViews } from "./member-views.ts";
import type { Faces } from "./room/faces.ts";
import { roomPanels } from "./room/room-panels.ts";
import { takeUntilCompleted } from "./take-until-completed.ts";
import { tile } from "./tile.ts";

export interface CallPageOptions extends Omit<CallOptions, "leaveOn"> {
  readonly nameOf: (userId: string) => string;
  readonly faces: Faces;
  readonly room: MatrixRoom;
  readonly own: { readonly userId: string; readonly deviceId: string };
}

/** Joins the call; completes once we have left. */
export function callPage(place: ParentNode, options: CallPageOptions): Observable<never> {
  return defer(() => {
    const status = element("p", { className: "status", role: "status" });
    const grid = element("div", { className: "grid" });
    const node = element("section", { className: "call", ariaLabel: "Call" }, status, grid);
    const leave = element("button", { className: "leave", textContent: "Leave" });

    const call$ = call({ ...options, leaveOn: fromEvent(leave, "click") }).pipe(
      tap(({ state }) => (status.textContent = wordsOf(state))),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    const tiles$ = memberViews(call$, options.session).pipe(
      whilePresent(
        ({ member }) => member.participantIdentity,
        (view$) => tile(view$, { grid, ...options }),
      ),
    );
    const everything$ = merge(tiles$, roomPanels(node, options), controls(node, options.devices, leave));
    return page(node, everything$.pipe(takeUntilCompleted(call$)), place);
  });
}

function wordsOf(state: JoinState): string {
  switch (state.status) {
    case "joining":
      return "Joining…";
    case "joined":
      return state.probablyLeft ? "The homeserver does not answer. Others may see you as gone." : "";
    case "rejoining":
      return "Rejoining…";
    case "leaving":
      return "Leaving…";
  }
}
