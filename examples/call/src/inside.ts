// Inside: in the call. The tiles, the controls, and how we stand.
import type { JoinState } from "matrixrtc-rx";
import {
  defer,
  endWith,
  ignoreElements,
  merge,
  type Observable,
  share,
  shareReplay,
  Subject,
  takeUntil,
  tap,
} from "rxjs";
import { call, type CallOptions } from "./call.ts";
import { controls } from "./controls.ts";
import { element, shown } from "./element.ts";
import { inspection } from "./inspection.ts";
import { Marks } from "./marks.ts";
import { tile } from "./tile.ts";
import { watch } from "./watch.ts";
import { whilePresent } from "matrixrtc-rx";

export interface InsideOptions extends Omit<CallOptions, "leaveOn" | "mark"> {
  readonly nameOf: (userId: string) => string;
}

/** Joins the call; completes once we have left. */
export function inside(place: HTMLElement, options: InsideOptions): Observable<never> {
  return defer(() => {
    const hangUp$ = new Subject<void>();
    const marks = new Marks();
    const status = element("p", { className: "status" });
    const grid = element("div", { className: "grid" });
    const bar = element("nav");
    const page = element("div", { className: "call" }, status, grid, bar);

    const call$ = call({ ...options, leaveOn: hangUp$, mark: marks.mark }).pipe(
      tap(({ state }) => (status.textContent = wordsOf(state))),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    const seen$ = watch(call$, options.session.encryptionKey$).pipe(share());
    const tiles$ = seen$.pipe(
      whilePresent(
        ({ member }) => member.participantIdentity,
        (one$) => tile(one$, { grid, ...options }),
      ),
    );
    const controls$ = controls(bar, options.wanted, () => hangUp$.next());
    const everything$ = merge(tiles$, controls$, inspection(call$, seen$, options.session, marks));
    return shown(page, place, everything$.pipe(takeUntil(call$.pipe(ignoreElements(), endWith(undefined)))));
  });
}

function wordsOf(state: JoinState): string {
  switch (state.status) {
    case "joining":
      return "Joining…";
    case "joined":
      return state.probablyLeft ? "The homeserver is not answering; others may see you as gone." : "";
    case "rejoining":
      return "Coming back…";
    case "leaving":
      return "Leaving…";
  }
}
