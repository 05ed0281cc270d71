// The slot of a call in a room: open, closed or absent. protocol.md 1.2, 8.
import type { Matrix } from "../matrix.ts";
import type { Application, Slot } from "../types.ts";
import { isObject, isString, objectOr } from "./json.ts";
import { slotTypes } from "./names.ts";

/** Whether a string can be a slot id: an application type, `#`, and an id of its own, neither with a second `#`. */
export const isSlotId = (slot: unknown): slot is string => isString(slot) && /^[^#]+#[^#]*$/.test(slot);

/** The application type that a slot id begins with. */
export const applicationTypeOf = (slot: string): string => slot.slice(0, slot.indexOf("#"));

/** What a slot event says; `encrypted` is given to hold its encryption against the room's, as the newest proposal wants. */
export function parseSlot(content: unknown, slot: string, encrypted?: boolean): Slot {
  const { status, application, encryption } = objectOr(content);
  if (status !== "open" || !isObject(application) || application["type"] !== applicationTypeOf(slot)) {
    return { status: "closed" };
  }
  if (encrypted !== undefined && !encryptionFits(encryption, encrypted)) return { status: "closed" };
  return { status: "open", application: application as Application };
}

/** Reads a slot from a room as it is now. */
export function readSlot(matrix: Matrix, roomId: string, slot: string, encrypted?: boolean): Slot {
  const [type, stableType] = slotTypes;
  const event = matrix.stateEvent(roomId, type, slot) ?? matrix.stateEvent(roomId, stableType, slot);
  return event ? parseSlot(event.content, slot, encrypted) : { status: "absent" };
}

const knownEncryption: readonly unknown[] = ["m.per_member", "org.matrix.msc4143.per_member"];

function encryptionFits(encryption: unknown, encrypted: boolean): boolean {
  return encrypted ? knownEncryption.includes(objectOr(encryption)["type"]) : encryption === undefined;
}
