// Watch: how a device sees one user in a call, through this library and through matrix-js-sdk.
import { type MatrixRTCSession, MatrixRTCSessionEvent } from "matrix-js-sdk/lib/matrixrtc/index.js";
import { distinctUntilChanged, fromEvent, map, type Observable, startWith, tap } from "rxjs";
import { type Membership } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { onTestFinished } from "vitest";
import { type RealDevice, until } from "./device.ts";

export const slot = "m.call#ROOM";

/** Whether the user is in the call, at each change, as one library sees it. */
type Sightings = { readonly ts: number; readonly isIn: boolean }[];

export interface Watch {
  /** Waits until both libraries see the user in the call, or gone. Resolves with the times, by `performance.now()`. */
  seen(isIn: boolean, limitMs?: number): Promise<{ readonly ours: number; readonly sdk: number }>;
  /** How often each library saw the user leave. */
  leaves(): { readonly ours: number; readonly sdk: number };
  /** How many membership events of the user this library has shown. */
  events(): number;
  /** The membership of the user, as this library sees it. */
  member(): Membership | undefined;
  readonly sdk: MatrixRTCSession;
}

/** The session of matrix-js-sdk for the call of a room. */
export async function sdkSession({ client }: RealDevice, roomId: string): Promise<MatrixRTCSession> {
  await until(() => client.getRoom(roomId) !== null);
  return client.matrixRTC.getRoomSession(client.getRoom(roomId)!);
}

/** Watches until the end of the spec. */
export async function watch(observer: RealDevice, roomId: string, { userId }: RealDevice): Promise<Watch> {
  const { membership$ } = encryptedSession(observer.matrix, { roomId, slot });
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
  const leavesIn = (sightings: Sightings) => sightings.slice(1).filter(({ isIn }) => !isIn).length;
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

function record(isIn$: Observable<boolean>): Sightings {
  const sightings: Sightings = [];
  const subscription = isIn$
    .pipe(distinctUntilChanged())
    .subscribe((isIn) => sightings.push({ ts: performance.now(), isIn }));
  onTestFinished(() => subscription.unsubscribe());
  return sightings;
}
