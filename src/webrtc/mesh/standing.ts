// Standing: who we are in the call, and whether the room shows us in this join. protocol.md 4.3, 10.5.
import { catchError, concat, distinctUntilChanged, map, type Observable, of } from "rxjs";
import type { JoinState } from "../../join/join-state.ts";
import type { OwnMember } from "../../types.ts";

export interface Standing {
  readonly member: OwnMember;
  /** Our stay as the room shows it. Another entry of ours is one that an earlier page or an earlier join has left behind. */
  readonly instance: string | undefined;
}

/** Our standing; undefined from the moment at which we begin to leave. Never fails. */
export const standingOf = (join: Observable<JoinState>): Observable<Standing | undefined> =>
  concat(join.pipe(map(standingIn)), of(undefined)).pipe(
    catchError(() => of(undefined)),
    distinctUntilChanged((a, b) => a?.member === b?.member && a?.instance === b?.instance),
  );

function standingIn(state: JoinState): Standing | undefined {
  if (state.status === "leaving") return undefined;
  return { member: state.member, instance: state.status === "joined" ? state.membership?.instance : undefined };
}
