// Watching: the members of a call in a room that a spec moves by hand.
import { map, type Observable } from "rxjs";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { members, type Members } from "../../src/membership/members.ts";
import type { MembershipTrace } from "../../src/membership/trace.ts";
import type { ProjectionOptions } from "../../src/membership/projection.ts";
import { memberNames } from "../../src/testing/index.ts";
import {
  alice,
  bob,
  carl,
  roomCall,
  roomId,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
} from "./contents.ts";
import { FakeClient } from "./fake-client.ts";

export interface Watching extends Members {
  readonly client: FakeClient;
  readonly trace: MembershipTrace[];
  /** The names of the members. */
  readonly names$: Observable<string>;
}

/** A room with Alice, Bob and Carl in it, and the members of its call. */
export function watching(options: Partial<ProjectionOptions> = {}, client = roomOfThree()): Watching {
  const trace: MembershipTrace[] = [];
  const all = { roomId, slot: roomCall, strictSlots: false, requireSlotEncryption: false, ...options };
  const watched = members(client, all, (entries) => void trace.push(...entries));
  return { client, trace, ...watched, names$: watched.membership$.pipe(map(memberNames)) };
}

export function roomOfThree(): FakeClient {
  const client = new FakeClient();
  client.enter(roomId, alice, bob, carl);
  return client;
}

/** A state join of a user that lasts for `expires` milliseconds. */
export const joins = (userId: string, expires = 1_000_000, changes: Partial<RoomEvent> = {}) =>
  stateEvent(stateContent({ expires }), { sender: userId, stateKey: `_${userId}`, ...changes });

export const leaves = (userId: string) => stateEvent({}, { sender: userId, stateKey: `_${userId}` });

/** A sticky join of a user. */
export const sticks = (userId: string, changes: Partial<StickyEvent> = {}, deviceId = "PHONE") =>
  stickyEvent(stickyContent({ member: { id: "one", user_id: userId, device_id: deviceId } }), {
    sender: userId,
    ...changes,
  });
