// The slot of a call in a room: open, closed or absent. protocol.md 1.2, 8.
import type { Matrix } from "../matrix.ts";
import type { Application, Slot } from "../types.ts";
import { isEncrypted } from "./encryption.ts";
import { isObject, isString, objectOr } from "./json.ts";
import { slotTypes } from "./names.ts";

/** Whether a string can be a slot id: an application type, `#`, and an id of its own, neither with a second `#`. */
export const isSlotId = (slot: unknown): slot is string => isString(slot) && /^[^#]+#[^#]*$/.test(slot);

/** The application type that a slot id begins with. */
export const applicationTypeOf = (slot: string): string => slot.slice(0, slot.indexOf("#"));

/**
 * What the content of a slot event says: open with the data of its application, or closed. It never throws.
 *
 * @param mustFit If given, the encryption of the slot is held against that of the room, as the newest MSC4143 wants.
 * @example
 * ```ts
 * import { decodeSlot } from "matrixrtc-rx";
 *
 * const content = { status: "open", application: { type: "m.call" } };
 * console.assert(decodeSlot(content, "m.call#ROOM").status === "open");
 * console.assert(decodeSlot(content, "m.call#ROOM", { encrypted: true }).status === "closed");
 * console.assert(decodeSlot({}, "m.call#ROOM").status === "closed");
 * ```
 */
export function decodeSlot(content: unknown, slot: string, mustFit?: { readonly encrypted: boolean }): Slot {
  const { status, application, encryption } = objectOr(content);
  if (status !== "open" || !isApplicationOf(application, slot)) return { status: "closed" };
  if (mustFit && !isFitting(encryption, mustFit.encrypted)) return { status: "closed" };
  return { status: "open", application };
}

/** Reads a slot from a room as it is now. */
export function readSlot(matrix: Matrix, roomId: string, slot: string, requireEncryption: boolean): Slot {
  const [type, stableType] = slotTypes;
  const event = matrix.stateEvent(roomId, type, slot) ?? matrix.stateEvent(roomId, stableType, slot);
  if (!event) return { status: "absent" };
  return decodeSlot(event.content, slot, requireEncryption ? { encrypted: isEncrypted(matrix, roomId) } : undefined);
}

const isApplicationOf = (application: unknown, slot: string): application is Application =>
  isObject(application) && application["type"] === applicationTypeOf(slot);

const knownEncryption: readonly unknown[] = ["m.per_member", "org.matrix.msc4143.per_member"];

function isFitting(encryption: unknown, encrypted: boolean): boolean {
  return encrypted ? knownEncryption.includes(objectOr(encryption)["type"]) : encryption === undefined;
}
