// Watch: how a device sees one user in a call, through this library and through matrix-js-sdk.
import { type MatrixRTCSession, MatrixRTCSessionEvent } from "matrix-js-sdk/lib/matrixrtc/index.js";
import { distinctUntilChanged, fromEvent, map, type Observable, startWith, tap } from "rxjs";
import { type Membership, rtcSession } from "matrixrtc-rx";
import { onTestFinished } from "vitest";
import { type RealDevice, until } from "./device.ts";

export const slot = "m.call#ROOM";

/** What one of the two saw: whether the user is in the call, at each change. */
type Sights = { readonly ts: number; readonly isIn: boolean }[];

export interface Watch {
  /** Waits until both see the user in the call, or gone; when each saw it, in milliseconds of `performance.now()`. */
  seen(isIn: boolean, limitMs?: number): Promise<{ readonly ours: number; readonly sdk: number }>;
  /** How often the user has gone, by each. */
  leaves(): { readonly ours: number; readonly sdk: number };
  /** How many events of the user's membership this library has shown. */
  events(): number;
  /** The user's membership, as this library sees it. */
  member(): Membership | undefined;
  readonly sdk: MatrixRTCSession;
}

/** The session of matrix-js-sdk for the call of a room. */
export async function sdkSession({ client }: RealDevice, roomId: string): Promise<MatrixRTCSession> {
  await until(() => client.getRoom(roomId) !== null);
  return client.matrixRTC.getRoomSession(client.getRoom(roomId)!);
}

/** Watches until the spec is over. */
export async function watch(observer: RealDevice, roomId: string, { userId }: RealDevice): Promise<Watch> {
  const { membership$ } = rtcSession(observer.matrix, { roomId, slot });
  const session = await sdkSession(observer, roomId);
  const eventIds = new Set<string>();
  const isUser = (member: { readonly userId: string | undefined }) => member.userId === userId;
  const ours = record(
    membership$.pipe(
      map((members) => members.find(isUser)),
      tap((member) => member && eventIds.add(member.eventId)),
      map((member) => member !== undefined),
    ),
  );
  const sdk = record(
    fromEvent(session, MatrixRTCSessionEvent.MembershipsChanged).pipe(
      startWith(undefined),
      map(() => session.memberships.some(isUser)),
    ),
  );
  const leavesIn = (sights: Sights) => sights.slice(1).filter(({ isIn }) => !isIn).length;
  return {
    sdk: session,
    async seen(isIn, limitMs) {
      await until(() => ours.at(-1)?.isIn === isIn && sdk.at(-1)?.isIn === isIn, limitMs);
      return { ours: ours.at(-1)?.ts ?? NaN, sdk: sdk.at(-1)?.ts ?? NaN };
    },
    leaves: () => ({ ours: leavesIn(ours), sdk: leavesIn(sdk) }),
    events: () => eventIds.size,
    member: () => membership$.value.find(isUser),
  };
}

function record(isIn$: Observable<boolean>): Sights {
  const sights: Sights = [];
  const subscription = isIn$
    .pipe(distinctUntilChanged())
    .subscribe((isIn) => sights.push({ ts: performance.now(), isIn }));
  onTestFinished(() => subscription.unsubscribe());
  return sights;
}
