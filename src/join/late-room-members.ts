// Late room members: users who join the room after we wrote our membership, and may not have received it. protocol.md 14.1.
import { concatMap, defer, filter, type Observable } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { isInRoom, roomMembershipOf } from "../room/room-member.ts";

/**
 * Emits the id of each user who joins the room from now on. Servers do not always send them the sticky events that are
 * there, and in an encrypted room they cannot read them.
 */
export function lateRoomMembers(matrix: Matrix, roomId: string): Observable<string> {
  return defer(() => {
    const known = new Set(joinedUsers(matrix, roomId));
    /** Whether a user has entered: a new display name is no join. */
    const hasEntered = (userId: string): boolean => {
      const wasIn = known.has(userId);
      const isIn = isInRoom(matrix, roomId, userId);
      if (isIn) known.add(userId);
      else known.delete(userId);
      return isIn && !wasIn && userId !== matrix.userId;
    };
    const changedUsers = (batch: readonly RoomChange[]): string[] =>
      batch.some(({ kind }) => kind === "room")
        ? [...new Set([...known, ...joinedUsers(matrix, roomId)])]
        : batch.flatMap((change) =>
            change.kind === "state" && change.type === "m.room.member" ? [change.stateKey] : [],
          );
    return changesByRoom(matrix).inRoom(roomId).pipe(concatMap(changedUsers), filter(hasEntered));
  });
}

function joinedUsers(matrix: Matrix, roomId: string): string[] {
  return [...matrix.stateEvents(roomId, "m.room.member")].flatMap(({ stateKey, content }) =>
    stateKey !== undefined && roomMembershipOf(content) === "join" ? [stateKey] : [],
  );
}
