// MemberEvents: the members of a call, read from the state and the sticky events of a room as matrix-js-sdk 43 reads them.
import type { MatrixEvent } from "matrix-js-sdk";
import { names, stateMemberType } from "../room/names.ts";
import { CallMembership } from "./call-membership.ts";
import type { CompatLog } from "./compat-log.ts";
import { isLeftMembershipContent } from "./membership-content.ts";
import type { RoomSubset, SessionMembershipsForSlotOpts, SlotDescription } from "./original-types.ts";
import { isSlotClosed, stateOf } from "./slot-description.ts";

/** What is read of a room. */
export type ReadableRoom = Pick<
  RoomSubset,
  "getLiveTimeline" | "roomId" | "hasMembershipState" | "_unstable_getStickyEvents"
>;

const both: SessionMembershipsForSlotOpts = { listenForStickyEvents: true, listenForMemberStateEvents: true };

/** The members of a slot, oldest first. */
export function membersOf(
  room: ReadableRoom,
  slotDescription: SlotDescription,
  options: SessionMembershipsForSlotOpts = both,
  log?: CompatLog,
): CallMembership[] {
  return memberEventsOf(room, slotDescription, options, log)
    .flatMap((event) => memberOf(event, log) ?? [])
    .filter((member) => isInCall(member, room, slotDescription))
    .toSorted((a, b) => a.createdTs() - b.createdTs());
}

/** The events that may make members. A sticky event takes the place of a state event with its key. */
export function memberEventsOf(
  room: ReadableRoom,
  slotDescription: SlotDescription,
  { listenForStickyEvents, listenForMemberStateEvents }: SessionMembershipsForSlotOpts = both,
  log?: CompatLog,
): MatrixEvent[] {
  const readsSticky = listenForStickyEvents && !isSlotClosed(room, slotDescription);
  const sticky = readsSticky ? stickyMemberEventsOf(room) : [];
  if (!listenForMemberStateEvents) return sticky;
  const state = stateOf(room);
  if (!state) {
    log?.warn?.(`Couldn't get state for room ${room.roomId}: it counts as empty`);
    return [];
  }
  const stickyKeys = new Set(sticky.map((event) => event.getContent()["msc4354_sticky_key"]));
  const events = state.getStateEvents(stateMemberType) ?? [];
  return [...sticky, ...events.filter((event) => stickyKeys.size === 0 || !stickyKeys.has(event.getStateKey()))];
}

function stickyMemberEventsOf(room: ReadableRoom): MatrixEvent[] {
  const events = room._unstable_getStickyEvents?.() ?? [];
  return [...events].filter((event) => event.getType() === names.deployed.stickyMember);
}

interface Known {
  readonly content: object;
  readonly member: CallMembership | undefined;
}

/** What was read of an event before: it stays true for as long as the event has the same content. */
const known = new WeakMap<MatrixEvent, Known>();

function memberOf(event: MatrixEvent, log?: CompatLog): CallMembership | undefined {
  const content = event.getContent();
  const before = known.get(event);
  if (before?.content === content) return before.member;
  const member = mayBeMember(content) ? readMember(event, log) : undefined;
  known.set(event, { content, member });
  return member;
}

/** Leaves, and formats older than 2024, make no members. */
function mayBeMember(content: object): boolean {
  if (isLeftMembershipContent(content) || !("application" in content)) return false;
  return Object.keys(content).filter((key) => key !== "msc4354_sticky_key").length > 1;
}

function readMember(event: MatrixEvent, log?: CompatLog): CallMembership | undefined {
  try {
    const member = CallMembership.of(event);
    // Fails if the call id has a "#".
    return member.slotDescription && member;
  } catch (error) {
    log?.warn?.("Couldn't construct call membership: ", error);
    return undefined;
  }
}

function isInCall(
  member: CallMembership,
  room: Pick<RoomSubset, "hasMembershipState">,
  { application, id }: SlotDescription,
): boolean {
  const slot = member.slotDescription;
  if (slot.application !== application || slot.id !== id || member.isExpired()) return false;
  return room.hasMembershipState(member.userId, "join");
}
