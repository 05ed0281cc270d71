// Late room members: users who join the room after we wrote our membership, and may not have received it. protocol.md 14.1.
import { concatMap, defer, type Observable } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { roomMembershipOf } from "../room/room-member.ts";

/**
 * Emits the id of each user who joins the room from now on. Servers do not always send them the sticky events that are
 * there, and in an encrypted room they cannot read them. After an outage, users may have left and joined again unseen:
 * another event than before counts as that after a gap, and in a batch with two events of one user.
 */
export function lateRoomMembers(matrix: Matrix, roomId: string): Observable<string> {
  return defer(() => {
    /** The membership events of the users in the room, by user id. */
    const known = joinedUsers(matrix, roomId);
    /** Whether a user has entered: a new display name alone is no join. */
    const hasEntered = (userId: string, mayHaveLeft: boolean): boolean => {
      const before = known.get(userId);
      const event = matrix.stateEvent(roomId, memberType, userId);
      const eventId = roomMembershipOf(event?.content) === "join" ? event?.eventId : undefined;
      if (eventId === undefined) known.delete(userId);
      else known.set(userId, eventId);
      const isAnother = before === undefined || (mayHaveLeft && before !== eventId);
      return eventId !== undefined && isAnother && userId !== matrix.userId;
    };
    const enteredIn = (batch: readonly RoomChange[]): string[] => {
      const isGap = batch.some(({ kind }) => kind === "room");
      const changed = batch.flatMap((change) =>
        change.kind === "state" && change.type === memberType ? [change.stateKey] : [],
      );
      const users = new Set(isGap ? [...known.keys(), ...joinedUsers(matrix, roomId).keys()] : changed);
      const mayHaveLeft = isGap || users.size < changed.length;
      return [...users].filter((userId) => hasEntered(userId, mayHaveLeft));
    };
    return changesByRoom(matrix).inRoom(roomId).pipe(concatMap(enteredIn));
  });
}

const memberType = "m.room.member";

function joinedUsers(matrix: Matrix, roomId: string): Map<string, string> {
  return new Map(
    [...matrix.stateEvents(roomId, memberType)].flatMap(({ stateKey, content, eventId }) =>
      stateKey !== undefined && roomMembershipOf(content) === "join" ? [[stateKey, eventId] as const] : [],
    ),
  );
}
