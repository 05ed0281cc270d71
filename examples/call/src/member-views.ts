// MemberView: what the page shows of one member: its media, its lock, and whether we hold its keys.
import type { Participant } from "livekit-client";
import type { MemberEncryption, Membership, RtcSession } from "matrixrtc-rx";
import {
  auditTime,
  combineLatest,
  distinctUntilChanged,
  map,
  merge,
  type Observable,
  startWith,
  switchMap,
} from "rxjs";
import type { Call } from "./call.ts";
import { changesOf } from "./connection.ts";
import { type Lock, lockOf } from "./lock.ts";
import { participantOf } from "./media.ts";

export interface MemberView {
  readonly member: Membership;
  readonly isOwn: boolean;
  /** Absent while the SFU does not show it. */
  readonly participant: Participant | undefined;
  /** Absent while nothing is encrypted. */
  readonly encryption: MemberEncryption | undefined;
  readonly lock: Lock;
}

/** LiveKit reports one change by several events. */
const togetherMs = 20;

/** A view of each member, whenever the call, the keys or LiveKit change. */
export function memberViews(
  call$: Observable<Call>,
  { encryptionStatus$ }: Pick<RtcSession, "encryptionStatus$">,
): Observable<readonly MemberView[]> {
  const media$ = call$.pipe(
    map(({ rooms }) => rooms),
    distinctUntilChanged(),
    switchMap((rooms) => merge(...[...rooms.values()].map(changesOf)).pipe(startWith(undefined))),
  );
  return combineLatest([call$, encryptionStatus$, media$]).pipe(
    auditTime(togetherMs),
    map(([call, statuses]) =>
      call.members.map((member) => memberView(member, call, statuses.get(member.participantIdentity))),
    ),
  );
}

function memberView(
  member: Membership,
  { state, members, rooms }: Call,
  encryption: MemberEncryption | undefined,
): MemberView {
  const participant = participantOf(member, members, rooms);
  const isOwn = member.participantIdentity === state.member.participantIdentity;
  return { member, isOwn, participant, encryption, lock: lockOf(participant, encryption) };
}
