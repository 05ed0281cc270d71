// m.room.member: whether a user is in the room.
import type { Matrix } from "../matrix.ts";
import { objectOr } from "./json.ts";

const states = ["join", "invite", "knock", "leave", "ban"] as const;

/** Where a user stands towards a room; `leave` also for one who never was there. */
export type RoomMembership = (typeof states)[number];

/** What the content of an `m.room.member` event says; anything unknown counts as `leave`. */
export function roomMembershipOf(content: unknown): RoomMembership {
  const { membership } = objectOr(content);
  return states.find((state) => state === membership) ?? "leave";
}

/** Whether a user is joined to a room now. */
export function isInRoom(matrix: Pick<Matrix, "stateEvent">, roomId: string, userId: string): boolean {
  return roomMembershipOf(matrix.stateEvent(roomId, "m.room.member", userId)?.content) === "join";
}
