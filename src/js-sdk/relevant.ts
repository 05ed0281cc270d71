// Relevant: the events and messages of a client that this library reads. It ignores all others. protocol.md 1.1.
import { firstDraftMemberType, roomStateTypes, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { declineTypes, ringTypes } from "../room/ring-types.ts";

const stateTypes: ReadonlySet<string> = new Set([
  stateMemberType,
  firstDraftMemberType,
  ...slotTypes,
  ...roomStateTypes,
  "io.element.functional_members",
]);

export const isRelevantState = (type: string): boolean => stateTypes.has(type);

const stickyTypes: ReadonlySet<string> = new Set([...stickyMemberTypes, ...ringTypes, ...declineTypes]);

export const isRelevantSticky = (type: string): boolean => stickyTypes.has(type);

/** State of which a redaction removes fields that we read. A redaction of the other types keeps every one of them. */
export const redactableStateTypes: readonly string[] = [
  stateMemberType,
  firstDraftMemberType,
  ...slotTypes,
  "m.room.name",
  "m.room.topic",
  "m.room.avatar",
  "m.room.canonical_alias",
  "m.room.member",
];

/** Media keys and calls. Messages of Matrix's own key exchange carry secrets that belong to the client alone. */
const toDevicePrefixes: readonly string[] = ["io.element.call.", "m.rtc.", "org.matrix.msc4143.rtc.", "m.call."];

export const isRelevantToDevice = (type: string): boolean => toDevicePrefixes.some((prefix) => type.startsWith(prefix));
