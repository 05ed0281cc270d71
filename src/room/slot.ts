// The slot of a call in a room: open, closed or absent. protocol.md 1.2, 8.
import type { Matrix, RoomEvent } from "../matrix.ts";
import type { Application, Slot } from "../types.ts";
import { isId } from "./bounds.ts";
import { isEncrypted } from "./encryption.ts";
import { isObject, objectOr } from "./json.ts";
import { names, slotIn, slotTypes } from "./names.ts";

/** Whether a value is a slot id: an application type, one `#`, and an id, which may be empty. */
export const isSlotId = (slot: unknown): slot is string => isId(slot) && /^[^#]+#[^#]*$/.test(slot);

/** The application type at the start of a slot id. */
export const applicationTypeOf = (slot: string): string => slot.slice(0, slot.indexOf("#"));

/**
 * Decodes the content of a slot event: `open` with the data of its application, or `closed`. It never throws.
 *
 * A content that is malformed, or whose application is not that of the slot, is closed. MSC4143, protocol.md 8.
 *
 * @param slot The slot id, which is the state key of the event.
 * @param mustMatch Whether the room is encrypted. If given, the slot is closed unless it names that encryption, as the
 *   newest MSC4143 requires.
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
export function decodeSlot(content: unknown, slot: string, mustMatch?: { readonly encrypted: boolean }): Slot {
  const { status, application, encryption } = objectOr(content);
  if (status !== "open" || !isApplicationOf(application, slot)) return { status: "closed" };
  if (mustMatch && !matchesRoom(encryption, mustMatch.encrypted)) return { status: "closed" };
  return { status: "open", application };
}

/** A slot, and the id of the event that it was read from. */
export interface SlotReading {
  readonly slot: Slot;
  readonly eventId: string | undefined;
}

/** The reading of a room without a slot event. */
export const noSlot: SlotReading = { slot: { status: "absent" }, eventId: undefined };

/** Reads the slot of a room now. `requireEncryption`: it must name the encryption of the room. */
export function readSlot(matrix: Matrix, roomId: string, slot: string, requireEncryption: boolean): SlotReading {
  const event = slotEvent(matrix, roomId, slot);
  if (!event) return noSlot;
  const encryption = requireEncryption ? { encrypted: isEncrypted(matrix, roomId) } : undefined;
  return { slot: decodeSlot(event.content, slot, encryption), eventId: event.eventId };
}

/** The slot event of a call. It can have the names of either generation: of several events the newest one counts. */
function slotEvent(matrix: Matrix, roomId: string, slot: string): RoomEvent | undefined {
  const ids = new Set([slot, slotIn("deployed", slot), slotIn("stable", slot)]);
  let newest: RoomEvent | undefined;
  for (const type of slotTypes)
    for (const id of ids) {
      const event = matrix.stateEvent(roomId, type, id);
      if (event && (!newest || event.originServerTs > newest.originServerTs)) newest = event;
    }
  return newest;
}

const isApplicationOf = (application: unknown, slot: string): application is Application =>
  isObject(application) && application["type"] === applicationTypeOf(slot);

const knownEncryption: readonly unknown[] = [names.stable.perMember, names.deployed.perMember];

function matchesRoom(encryption: unknown, encrypted: boolean): boolean {
  return encrypted ? knownEncryption.includes(objectOr(encryption)["type"]) : encryption === undefined;
}
