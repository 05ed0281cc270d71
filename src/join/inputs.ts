// Inputs: what happens to our membership from outside: options, the room, the client, the page. protocol.md 4.7, 4.8.
import {
  asyncScheduler,
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  skip,
  startWith,
  take,
  tap,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { RoomChange, RoomEvent } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { isFiniteNumber, objectOr } from "../room/json.ts";
import { isInRoom } from "../room/room-member.ts";
import { stateMemberType } from "../room/names.ts";
import type { SessionContext } from "../session-context.ts";
import type { OwnMember } from "../types.ts";
import { lateRoomMembers } from "./late-room-members.ts";
import { membershipData } from "./membership-data.ts";
import type { Input } from "./draft.ts";
import type { LifecycleState, StandingEvent } from "./model.ts";
import { isUnchanged } from "./on-input.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import { findOwn, findStrays } from "./own-member.ts";
import { stateKeyIn } from "./own-state-key.ts";
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
    roomInputs(call),
    membershipData(slot, options).pipe(
      map((content): Input => ({ kind: "content", content })),
      orFailure("the membership data failed"),
    ),
    options.kind === "sticky"
      ? lateRoomMembers(matrix, roomId).pipe(map((): Input => ({ kind: "late-room-member" })))
      : EMPTY,
    // An empty batch: the client is in touch again, and timers may not have kept up with the clock.
    changesIn(call).pipe(
      filter((batch) => batch.length === 0),
      map((): Input => ({ kind: "resumed" })),
    ),
    pageEvents("online").pipe(map((): Input => ({ kind: "resumed" }))),
    pageEvents("pagehide").pipe(map((): Input => ({ kind: "page-hidden" }))),
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
function ownMembershipInputs(call: SessionContext<JoinTrace>, join: PresentJoin): Observable<Input> {
  // If our membership appears and ends within one sync, the list does not change. So look at every change that may be ours.
  const ownChanges$ = changesIn(call).pipe(filter((batch) => batch.some((change) => mayBeOwn(change, call))));
  return merge(call.membership$, ownChanges$).pipe(
    map((): Input | undefined => {
      const members = call.membership$.value;
      const { joinCount } = join.state();
      const member = join.memberOf(joinCount);
      const own = findOwn(members, member);
      if (isUnchanged(join.state(), own)) return undefined;
      const strays = findStrays(members, joinCount, join.memberOf);
      return { kind: "membership", own, ...findOwnEvent(call, member), strays };
    }),
    filter((input) => input !== undefined),
  );
}

/** Our event in the room, whether or not it makes us a member, or the event by which we have left. */
function findOwnEvent(
  call: SessionContext<JoinTrace>,
  own: OwnMember,
): { readonly standing?: StandingEvent; readonly leaveId?: string } {
  const event = own.kind === "state" ? stateEventOf(call, own) : stickyEventOf(call, own);
  if (!event) return {};
  const content = objectOr(event.content);
  const { eventId, originServerTs, sender } = event;
  if (!("application" in content)) return sender === own.userId ? { leaveId: eventId } : {};
  const { created_ts: createdTs, expires: lifetimeMs } = content;
  const sinceTs = isFiniteNumber(createdTs) ? Math.min(createdTs, originServerTs) : originServerTs;
  const isExpired = isFiniteNumber(lifetimeMs) && sinceTs + lifetimeMs <= asyncScheduler.now();
  return { standing: { eventId, originServerTs, isExpired } };
}

/** Whether we are in the room, whenever that may have changed. */
function roomInputs(call: SessionContext<JoinTrace>): Observable<Input> {
  const { matrix, roomId } = call;
  return changesIn(call).pipe(
    map(() => isInRoom(matrix, roomId, matrix.userId)),
    startWith(true),
    distinctUntilChanged(),
    skip(1),
    map((isIn): Input => ({ kind: "room", isIn })),
  );
}

function stateEventOf(call: SessionContext<JoinTrace>, own: OwnMember): RoomEvent | undefined {
  return call.matrix.stateEvent(call.roomId, stateMemberType, stateKeyIn(call, own));
}

function stickyEventOf({ matrix, roomId }: SessionContext<JoinTrace>, { memberId }: OwnMember): RoomEvent | undefined {
  let newest: RoomEvent | undefined;
  for (const event of matrix.stickyEvents(roomId)) {
    if (event.sender !== matrix.userId || objectOr(event.content)["msc4354_sticky_key"] !== memberId) continue;
    if (!newest || event.originServerTs >= newest.originServerTs) newest = event;
  }
  return newest;
}

function mayBeOwn(change: RoomChange, { matrix }: SessionContext<JoinTrace>): boolean {
  if (change.kind === "state") return change.type === stateMemberType;
  return change.kind !== "sticky" || change.event.sender === matrix.userId;
}

const changesIn = ({ matrix, roomId }: SessionContext<JoinTrace>): Observable<readonly RoomChange[]> =>
  changesByRoom(matrix).inRoom(roomId);

/** Events of the page, where there is one: it is being closed, or the network is back. */
function pageEvents(type: "pagehide" | "online"): Observable<unknown> {
  return typeof globalThis.addEventListener === "function" ? fromEvent(globalThis, type) : EMPTY;
}
