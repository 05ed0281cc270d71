// The sides of a comparison: each follows one call, through its public API, and ends up with the same members.
import { rtcSession } from "matrixrtc-rx";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { myUserId, range, type RawEvent, roomId, roomMember, slot, userName } from "./call-events.ts";
import { MapFold } from "./map-fold.ts";
import { MemoryPort } from "./memory-port.ts";
import { SdkClient } from "./sdk-client.ts";

/** One that follows a call. */
export interface Follower {
  /** Makes of events a sync response that can be taken in, and is done once everybody has been told of what it changed. */
  prepare(events: readonly RawEvent[]): () => void | Promise<void>;
  memberCount(): number;
  close(): void;
}

/** Opens a follower over a room with `userCount` users, none of them in the call. */
export type Side = (userCount: number) => Follower;

/** A comparison means nothing unless all have seen the same. */
export function expectMembers(call: Follower, count: number): void {
  if (call.memberCount() !== count) throw new Error(`${call.memberCount()} members instead of ${count}`);
}

/** Our session over a port in memory. */
export const ours: Side = (userCount) => {
  const port = new MemoryPort();
  port.take(port.prepare(usersOf(userCount)));
  let count = 0;
  const subscription = rtcSession(port, { roomId, slot }).membership$.subscribe((members) => (count = members.length));
  return {
    prepare(events) {
      const batch = port.prepare(events);
      return () => port.take(batch);
    },
    memberCount: () => count,
    close: () => subscription.unsubscribe(),
  };
};

/** Our session over a real MatrixClient. */
export const oursOnSdk: Side = (userCount) => {
  const sdk = new SdkClient();
  sdk.take(sdk.prepare(usersOf(userCount)));
  let count = 0;
  const session = rtcSession(fromMatrixClient(sdk.client), { roomId, slot });
  const subscription = session.membership$.subscribe((members) => (count = members.length));
  return {
    prepare(events) {
      const batch = sdk.prepare(events);
      return () => sdk.take(batch);
    },
    memberCount: () => count,
    close: () => subscription.unsubscribe(),
  };
};

/** matrix-js-sdk's session, kept by its manager, over a real MatrixClient. */
export const peer: Side = (userCount) => {
  const sdk = new SdkClient();
  sdk.take(sdk.prepare(usersOf(userCount)));
  const manager = sdk.client.matrixRTC;
  manager.start();
  const session = manager.getRoomSession(sdk.room(roomId));
  return {
    prepare(events) {
      const batch = sdk.prepare(events);
      return () => {
        sdk.take(batch);
        // The one that the events have asked for.
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
    prepare: (events) => () => fold.take(events),
    memberCount: () => fold.members.length,
    close: () => {},
  };
};

const usersOf = (userCount: number): RawEvent[] =>
  [myUserId, ...range(0, userCount).map(userName)].map((id) => roomMember(id));
