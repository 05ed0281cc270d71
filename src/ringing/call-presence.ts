// Presence: when users entered and left a call, from the events that the client holds. protocol.md 3, 7.3.
import { callIdOf } from "../join/content.ts";
import type { Matrix, RoomEvent, StickyEvent } from "../matrix.ts";
import { parseStateMember } from "../membership/state-event.ts";
import { parseStickyMember, stickyKeyOf } from "../membership/sticky-event.ts";
import { isEmpty, objectOr } from "../room/json.ts";
import { isSameCall, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { applicationTypeOf } from "../room/slot.ts";
import type { Membership } from "../types.ts";

/** Who is in a call, who was, and since when. */
export interface CallPresence {
  readonly members: readonly Membership[];
  /** When a user that is in the call entered it. */
  enteredTs(userId: string): number | undefined;
  /** When a user last left the call. */
  leftTs(userId: string): number | undefined;
  /** When anybody last left the call. `-Infinity` for never. */
  readonly lastLeaveTs: number;
}

export function callPresence(
  matrix: Matrix,
  roomId: string,
  slot: string,
  members: readonly Membership[],
): CallPresence {
  const left = new Map<string, number>();
  /** When the present stay behind each sticky key began: an earlier event of the same key says it. */
  const begun = new Map<string, number>();
  let lastLeaveTs = -Infinity;
  const noteLeave = ({ sender, originServerTs }: RoomEvent) => {
    left.set(sender, Math.max(originServerTs, left.get(sender) ?? -Infinity));
    lastLeaveTs = Math.max(originServerTs, lastLeaveTs);
  };

  for (const event of matrix.stateEvents(roomId, stateMemberType)) if (isStateLeave(event, slot)) noteLeave(event);
  for (const event of matrix.stickyEvents(roomId)) {
    if (!stickyMemberTypes.includes(event.type)) continue;
    if (isStickyLeave(event, slot)) noteLeave(event);
    else {
      const key = keyOf(event);
      begun.set(key, Math.min(event.originServerTs, begun.get(key) ?? Infinity));
    }
  }
  const enteredAt = ({ kind, userId, memberId, createdTs }: Membership): number =>
    kind === "state" ? createdTs : Math.min(createdTs, begun.get(JSON.stringify([userId, memberId])) ?? Infinity);

  return {
    members,
    enteredTs(userId) {
      const entered = members.filter((member) => member.userId === userId).map(enteredAt);
      return entered.length > 0 ? Math.min(...entered) : undefined;
    },
    leftTs: (userId) => left.get(userId),
    lastLeaveTs,
  };
}

/** The slot of each membership event that the client holds, by event id. */
export function slotsOfMembers(matrix: Matrix, roomId: string): ReadonlyMap<string, string> {
  const slots = new Map<string, string>();
  const note = ({ eventId }: RoomEvent, slot: string | undefined) => slot !== undefined && slots.set(eventId, slot);
  for (const event of matrix.stateEvents(roomId, stateMemberType))
    note(event, slotIn(parseStateMember(event, { readTs: Infinity }).ok));
  for (const event of matrix.stickyEvents(roomId)) note(event, slotIn(parseStickyMember(event, Infinity).ok));
  return slots;
}

const slotIn = (claim: { readonly slot: string } | "left" | undefined): string | undefined =>
  claim === "left" ? undefined : claim?.slot;

/** The content of a state leave is empty: its key alone names the call (1.4). */
function isStateLeave({ content, stateKey = "" }: RoomEvent, slot: string): boolean {
  return isEmpty(content) && stateKey.endsWith(`_${applicationTypeOf(slot)}${callIdOf(slot)}`);
}

function isStickyLeave({ content }: StickyEvent, slot: string): boolean {
  const { slot_id: slotId, application, member } = objectOr(content);
  const isLeave = application === undefined || objectOr(member)["membership"] === "leave";
  // Element Call names no slot in its leaves.
  return isLeave && (typeof slotId !== "string" || isSameCall(slotId, slot));
}

const keyOf = ({ sender, content }: StickyEvent): string => JSON.stringify([sender, stickyKeyOf(content) ?? ""]);
