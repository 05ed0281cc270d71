// Glance: whether a room can have a call, without reading it in full. It is cheap, because every room is asked.
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import { mayBeMember } from "../membership/state-event.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import { isInRoom } from "../room/room-member.ts";

/** Whether a room that we are in has events that can make a member of a call. */
export function mayHaveCall(matrix: Matrix, roomId: string, slot: string): boolean {
  return hasMemberEvents(matrix, roomId, slot) && isInRoom(matrix, roomId, matrix.userId);
}

/** Whether a call can have begun with these changes of its room, which has had none before. */
export function mayHaveBegun(matrix: Matrix, roomId: string, slot: string, changes: readonly RoomChange[]): boolean {
  return changes.some((change) => mayBegin(matrix, roomId, slot, change));
}

function mayBegin(matrix: Matrix, roomId: string, slot: string, change: RoomChange): boolean {
  if (change.kind === "sticky") return true;
  if (change.kind !== "state") return hasMemberEvents(matrix, roomId, slot);
  const { type, stateKey } = change;
  if (type === stateMemberType) {
    const event = matrix.stateEvent(roomId, type, stateKey);
    return event !== undefined && mayBeMember(event, slot, asyncScheduler.now());
  }
  if (type === "m.room.member") return hasMemberEvents(matrix, roomId, slot, stateKey);
  return (type === "m.room.encryption" || slotTypes.includes(type)) && hasMemberEvents(matrix, roomId, slot);
}

/** Whether there are events that can make a member. `userId`: of this user. When we enter the room ourselves, of any user. */
function hasMemberEvents(matrix: Matrix, roomId: string, slot: string, userId?: string): boolean {
  const now = asyncScheduler.now();
  const isOfUser = (sender: string) => userId === undefined || userId === matrix.userId || sender === userId;
  for (const event of matrix.stateEvents(roomId, stateMemberType))
    if (isOfUser(event.sender) && mayBeMember(event, slot, now)) return true;
  for (const { sender } of matrix.stickyEvents(roomId)) if (isOfUser(sender)) return true;
  return false;
}
