// m.room.member: the membership of a user in a room.
import type { Matrix } from "../matrix.ts";
import { objectOr } from "./json.ts";

const states = ["join", "invite", "knock", "leave", "ban"] as const;

/** The membership of a user in a room. `leave` also for a user that never was in it. */
export type RoomMembership = (typeof states)[number];

/** The membership in the content of an `m.room.member` event. Anything unknown counts as `leave`. */
export function roomMembershipOf(content: unknown): RoomMembership {
  const membership = objectOr(content)["membership"] as RoomMembership;
  return states.includes(membership) ? membership : "leave";
}

/** Whether the client knows the membership of a user in a room. After a gap in its sync it may not. */
export const knowsMembership = (matrix: Matrix, roomId: string, userId: string): boolean =>
  matrix.stateEvent(roomId, "m.room.member", userId) !== undefined;

/** Whether a user is joined to a room now. */
export function isInRoom(matrix: Pick<Matrix, "stateEvent">, roomId: string, userId: string): boolean {
  return roomMembershipOf(matrix.stateEvent(roomId, "m.room.member", userId)?.content) === "join";
}

/** Whether a user was kicked or banned from a room, and is not back. */
export function isRemoved(matrix: Pick<Matrix, "stateEvent">, roomId: string, userId: string): boolean {
  const event = matrix.stateEvent(roomId, "m.room.member", userId);
  const membership = roomMembershipOf(event?.content);
  return membership === "ban" || (membership === "leave" && event !== undefined && event.sender !== userId);
}
