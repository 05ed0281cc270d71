// ShapeRooms: one room as our port reads it, taken by its shape: a Room of the SDK, of another library, or of a test.
import type { MatrixEvent } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomEvent, StickyEvent } from "../matrix.ts";
import { isFiniteNumber } from "../room/json.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import type { RoomSubset } from "./original-types.ts";
import { stickyLifetimeMs } from "./join-config.ts";
import { stateOf } from "./slot-description.ts";

type Reading = Pick<Matrix, "rooms" | "hasRoom" | "stateEvent" | "stateEvents" | "stickyEvents">;

/** Our own membership, as we sent it. */
export type OwnEvent = RoomEvent & { readonly isSticky: boolean };

/** What is known of our own membership beside the room. */
export interface OwnEvents {
  /** It was sent, and the room does not show it yet. */
  readonly echo: () => OwnEvent | undefined;
  /** The event by which the room shows it now, and the time at which we sent it. */
  readonly shownTs: () => Pick<RoomEvent, "eventId" | "originServerTs"> | undefined;
}

/**
 * Reads one room.
 *
 * @param memberEvents The events that make members.
 */
export function shapeRooms(
  room: RoomSubset,
  memberEvents: () => readonly MatrixEvent[],
  { echo, shownTs }: OwnEvents,
): Reading {
  const withTime = (event: RoomEvent): RoomEvent => {
    const shown = shownTs();
    return shown?.eventId === event.eventId ? { ...event, originServerTs: shown.originServerTs } : event;
  };
  const members = (isSticky: boolean): readonly MatrixEvent[] =>
    memberEvents().filter((event) => (event.getType() === stateMemberType) !== isSticky);
  const echoIn = (isSticky: boolean): readonly RoomEvent[] => {
    const own = echo();
    return own?.isSticky === isSticky ? [own] : [];
  };

  const stateEvents = (roomId: string, type: string): readonly RoomEvent[] => {
    if (roomId !== room.roomId) return [];
    if (type === stateMemberType) return [...members(false).map(stateEventOf).map(withTime), ...echoIn(false)];
    const events = slotTypes.includes(type) ? stateOf(room)?.getStateEvents(type) : [];
    return (events ?? []).filter((event) => event.getType() === type).map(stateEventOf);
  };

  return {
    rooms: () => [room.roomId],
    hasRoom: (roomId) => roomId === room.roomId,
    stateEvents,
    stateEvent(roomId, type, stateKey) {
      if (roomId !== room.roomId) return undefined;
      if (type === "m.room.member") return roomMember(room, stateKey);
      if (type === "m.room.create") return roomEvent(type, "", { room_version: room.getVersion?.() });
      return stateEvents(roomId, type).find((event) => event.stateKey === stateKey);
    },
    stickyEvents: (roomId) =>
      roomId === room.roomId ? [...members(true).map(stickyEventOf), ...echoIn(true).map((own) => asSticky(own))] : [],
  };
}

/** A room knows who is in it. The event that says so is made up. */
function roomMember(room: RoomSubset, userId: string): RoomEvent | undefined {
  const isIn = room.hasMembershipState?.(userId, "join") ?? true;
  return isIn ? roomEvent("m.room.member", userId, { membership: "join" }) : undefined;
}

const roomEvent = (type: string, stateKey: string, content: object): RoomEvent => {
  return { type, sender: stateKey, eventId: `$${type}`, originServerTs: 0, stateKey, content };
};

function common(event: MatrixEvent): RoomEvent {
  return {
    type: event.getType(),
    sender: event.getSender() ?? "",
    eventId: event.getId() ?? "",
    originServerTs: event.getTs(),
    content: event.getContent(),
  };
}

function stateEventOf(event: MatrixEvent): RoomEvent {
  const { device_id: deviceId } = event.getContent();
  const stateKey = event.getStateKey?.() ?? `_${event.getSender()}_${String(deviceId)}`;
  return { ...common(event), stateKey };
}

function stickyEventOf(event: MatrixEvent): StickyEvent {
  const durationMs: unknown = event.unstableStickyInfo?.duration_ms;
  return asSticky(common(event), isFiniteNumber(durationMs) ? durationMs : stickyLifetimeMs);
}

/** The client has decrypted it, if that was necessary. */
const asSticky = (event: RoomEvent, durationMs: number = stickyLifetimeMs): StickyEvent => {
  return { ...event, encryption: "decrypted", durationMs, receivedTs: asyncScheduler.now() };
};
