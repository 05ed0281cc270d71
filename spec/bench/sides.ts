// Sides: the sides of a comparison. Each follows one call through its public API, and ends with the same members.
import { encryptedSession } from "matrixrtc-rx/encryption";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { myUserId, range, type RawEvent, roomId, roomMember, slot, userName } from "./call-events.ts";
import { MapFold } from "./map-fold.ts";
import { MemoryPort } from "./memory-port.ts";
import { SdkClient } from "./sdk-client.ts";

/** Follows a call. */
export interface Follower {
  /** Prepares a sync response. Calling the result applies it; it is done when all subscribers have the change. */
  prepare(events: readonly RawEvent[]): () => void | Promise<void>;
  memberCount(): number;
  close(): void;
}

/** Opens a follower over a room with `userCount` users, none of them in the call. */
export type Side = (userCount: number) => Follower;

/** Fails if the follower has another number of members: only sides with the same result are comparable. */
export function expectMembers(call: Follower, count: number): void {
  if (call.memberCount() !== count) throw new Error(`${call.memberCount()} members instead of ${count}`);
}

/** Our session over a port in memory. */
export const ours: Side = (userCount) => {
  const port = new MemoryPort();
  port.apply(port.prepare(usersOf(userCount)));
  let count = 0;
  const subscription = encryptedSession(port, { roomId, slot }).membership$.subscribe(
    (members) => (count = members.length),
  );
  return {
    prepare(events) {
      const batch = port.prepare(events);
      return () => port.apply(batch);
    },
    memberCount: () => count,
    close: () => subscription.unsubscribe(),
  };
};

/** Our session over a real MatrixClient. */
export const oursOnSdk: Side = (userCount) => {
  const sdk = new SdkClient();
  sdk.apply(sdk.prepare(usersOf(userCount)));
  let count = 0;
  const session = encryptedSession(fromMatrixClient(sdk.client), { roomId, slot });
  const subscription = session.membership$.subscribe((members) => (count = members.length));
  return {
    prepare(events) {
      const batch = sdk.prepare(events);
      return () => sdk.apply(batch);
    },
    memberCount: () => count,
    close: () => subscription.unsubscribe(),
  };
};

/** The session of matrix-js-sdk, held by its manager, over a real MatrixClient. */
export const peer: Side = (userCount) => {
  const sdk = new SdkClient();
  sdk.apply(sdk.prepare(usersOf(userCount)));
  const manager = sdk.client.matrixRTC;
  manager.start();
  const session = manager.getRoomSession(sdk.room(roomId));
  return {
    prepare(events) {
      const batch = sdk.prepare(events);
      return () => {
        sdk.apply(batch);
        // The recalculation that the events have triggered.
        return session.ensureRecalculateSessionMembers();
      };
    },
    memberCount: () => session.memberships.length,
    close: () => {
      manager.stop();
      void session.stop();
    },
  };
};

/** A Map, written by hand. */
export const floor: Side = () => {
  const fold = new MapFold();
  return {
    prepare: (events) => () => fold.apply(events),
    memberCount: () => fold.members.length,
    close: () => {},
  };
};

const usersOf = (userCount: number): RawEvent[] =>
  [myUserId, ...range(0, userCount).map(userName)].map((id) => roomMember(id));
