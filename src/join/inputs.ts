// Inputs: what happens to our membership from outside: options, the room, the client, the page. protocol.md 4.7, 4.8.
import {
  catchError,
  defer,
  EMPTY,
  filter,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  take,
  tap,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { RoomChange } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { stateMemberType } from "../room/names.ts";
import type { SessionContext } from "../session-context.ts";
import type { OwnMember } from "../types.ts";
import { lateRoomMembers } from "./late-room-members.ts";
import { membershipData } from "./membership-data.ts";
import type { Input, LifecycleState } from "./model.ts";
import { isUnchanged } from "./on-input.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import { findOwn } from "./own-member.ts";
import type { JoinTrace } from "./trace.ts";

/** The join that the inputs are for, as it is at each moment. */
export interface PresentJoin {
  readonly state: () => LifecycleState;
  readonly memberOf: (joinCount: number) => OwnMember;
}

/** Everything that happens to a join from outside. A stream of the options that fails ends the join. */
export function joinInputs(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  join: PresentJoin,
): Observable<Input> {
  const { matrix, roomId, slot } = call;
  return merge(
    leaveInputs(options),
    call.slot$.pipe(map(({ status }): Input => ({ kind: "slot", status }))),
    ownMembershipInputs(call, join),
    membershipData(slot, options).pipe(
      map((content): Input => ({ kind: "content", content })),
      orFailure("the membership data failed"),
    ),
    options.kind === "sticky"
      ? lateRoomMembers(matrix, roomId).pipe(map((): Input => ({ kind: "late-room-member" })))
      : EMPTY,
    // An empty batch: the client is in touch again, and timers may not have kept up with the clock.
    changesOf(call).pipe(
      filter((batch) => batch.length === 0),
      map((): Input => ({ kind: "resumed" })),
    ),
    pageHides(),
  );
}

/** The leave that the caller asks for, with the newest reason. */
function leaveInputs({ leaveOn = EMPTY, leaveReason$ }: ResolvedJoinOptions): Observable<Input> {
  return defer(() => {
    let reason: LeaveReason | undefined;
    return merge(
      leaveReason$.pipe(
        tap((newest) => (reason = newest)),
        ignoreElements(),
        orFailure("leaveReason failed"),
      ),
      leaveOn.pipe(
        take(1),
        map((): Input => ({ kind: "leave", cause: "leaveOn", reason })),
        orFailure("leaveOn failed"),
      ),
    );
  });
}

function orFailure(what: string) {
  return (source: Observable<Input>): Observable<Input> =>
    source.pipe(
      catchError((cause: unknown) => {
        const error = cause instanceof RtcError ? cause : new RtcError("bad-argument", what, { cause });
        return of<Input>({ kind: "failure", error });
      }),
    );
}

/** What the room shows of us, whenever that may have changed. */
function ownMembershipInputs(call: SessionContext<JoinTrace>, { state, memberOf }: PresentJoin): Observable<Input> {
  // If our membership appears and ends within one sync, the list does not change. So look at every change that may be ours.
  const ownChanges$ = changesOf(call).pipe(filter((batch) => batch.some((change) => mayBeOwn(change, call))));
  return merge(call.membership$, ownChanges$).pipe(
    map(() => findOwn(call.membership$.value, memberOf(state().joinCount))),
    filter((own) => !isUnchanged(state(), own)),
    map((own): Input => ({ kind: "membership", own })),
  );
}

function mayBeOwn(change: RoomChange, { matrix }: SessionContext<JoinTrace>): boolean {
  if (change.kind === "state") return change.type === stateMemberType;
  return change.kind !== "sticky" || change.event.sender === matrix.userId;
}

const changesOf = ({ matrix, roomId }: SessionContext<JoinTrace>): Observable<readonly RoomChange[]> =>
  changesByRoom(matrix).of(roomId);

/** The page is being closed, where there is a page. */
function pageHides(): Observable<Input> {
  if (typeof globalThis.addEventListener !== "function") return EMPTY;
  return fromEvent(globalThis, "pagehide").pipe(map((): Input => ({ kind: "page-hidden" })));
}
