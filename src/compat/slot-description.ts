// SlotDescription: slot ids in two parts, and what the slot event of a room says. protocol.md 1.2, 8.
import { isObject } from "../room/json.ts";
import { names } from "../room/names.ts";
import type { RoomSubset, RtcSlotEventContent, SlotDescription } from "./original-types.ts";

/** The slot of the usual call of a room. */
export const roomCall: SlotDescription = { application: "m.call", id: "ROOM" };

/**
 * The slot id of a description: `m.call#ROOM`.
 *
 * @example
 * ```ts
 * import { computeSlotId } from "matrixrtc-rx/compat";
 *
 * console.assert(computeSlotId({ application: "m.call", id: "ROOM" }) === "m.call#ROOM");
 * ```
 */
export function computeSlotId({ application, id }: SlotDescription): string {
  return `${application}#${id}`;
}

/** The slot that a session of the facade joins. Until 2025 the usual call of a room had the id `""`. */
export const slotToJoin = ({ application, id }: SlotDescription): string =>
  computeSlotId({ application, id: id === "" ? roomCall.id : id });

/** The name of `computeSlotId` until 2025. */
export const slotDescriptionToId = (slotDescription: SlotDescription): string => computeSlotId(slotDescription);

/**
 * The description of a slot id.
 *
 * @throws Error if the id has more than one `#`.
 *
 * @example
 * ```ts
 * import { slotIdToDescription } from "matrixrtc-rx/compat";
 *
 * console.assert(slotIdToDescription("m.call#ROOM").application === "m.call");
 * ```
 */
export function slotIdToDescription(slotId: string): SlotDescription {
  const [application = "", id, ...more] = slotId.split("#");
  if (more.length > 0) throw new Error("a MatrixRTC slot id has two parts, with one # between them");
  return { application, id: id as string };
}

/**
 * The content of the slot event of a room. Undefined if there is none.
 *
 * @example
 * ```ts
 * import type { Room } from "matrix-js-sdk";
 * import { getSlotEventContent } from "matrixrtc-rx/compat";
 *
 * const room = { getLiveTimeline: () => ({ getState: () => undefined }) } as unknown as Room;
 * console.assert(getSlotEventContent(room, { application: "m.call", id: "ROOM" }) === undefined);
 * ```
 */
export function getSlotEventContent(
  room: Pick<RoomSubset, "getLiveTimeline">,
  slotDescription: SlotDescription,
): RtcSlotEventContent | undefined {
  const state = stateOf(room);
  const event = state?.getStateEvents(names.deployed.slot, computeSlotId(slotDescription));
  // Some rooms of tests answer with any event of theirs.
  if (!event?.getContent || (event.getType && event.getType() !== names.deployed.slot)) return undefined;
  return event.getContent<RtcSlotEventContent>();
}

/**
 * Whether the slot is closed. Undefined if the room has no slot event.
 *
 * @example
 * ```ts
 * import type { Room } from "matrix-js-sdk";
 * import { isSlotClosed } from "matrixrtc-rx/compat";
 *
 * const room = { getLiveTimeline: () => ({ getState: () => undefined }) } as unknown as Room;
 * console.assert(isSlotClosed(room, { application: "m.call", id: "ROOM" }) === undefined);
 * ```
 */
export function isSlotClosed(
  room: Pick<RoomSubset, "getLiveTimeline">,
  slotDescription: SlotDescription,
): boolean | undefined {
  const content = getSlotEventContent(room, slotDescription);
  if (content === undefined) return undefined;
  const { status, application } = content;
  return status !== "open" || !isObject(application) || application["type"] !== slotDescription.application;
}

/**
 * Whether the slot is open. Undefined if the room has no slot event.
 *
 * @example
 * ```ts
 * import type { Room } from "matrix-js-sdk";
 * import { isSlotOpen } from "matrixrtc-rx/compat";
 *
 * const room = { getLiveTimeline: () => ({ getState: () => undefined }) } as unknown as Room;
 * console.assert(isSlotOpen(room, { application: "m.call", id: "ROOM" }) === undefined);
 * ```
 */
export function isSlotOpen(
  room: Pick<RoomSubset, "getLiveTimeline">,
  slotDescription: SlotDescription,
): boolean | undefined {
  const isClosed = isSlotClosed(room, slotDescription);
  return isClosed === undefined ? undefined : !isClosed;
}

/** The state of a room now. */
export function stateOf(
  room: Pick<RoomSubset, "getLiveTimeline">,
): ReturnType<ReturnType<RoomSubset["getLiveTimeline"]>["getState"]> {
  // EventTimeline.FORWARDS
  return room.getLiveTimeline().getState("f" as never);
}
