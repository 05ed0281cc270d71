// Projection: a fold that is kept in step with a room. A change says where to look; the value is read from the client.
import type { Matrix, RoomChange } from "../matrix.ts";
import { wholeRoom } from "../room/room-changes.ts";
import { isEncrypted } from "../room/encryption.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import { isInRoom } from "../room/room-member.ts";
import { noSlot, readSlot, type SlotReading } from "../room/slot.ts";
import type { Membership } from "../types.ts";
import type { Changes } from "./changes.ts";
import type { Rules } from "./eligibility.ts";
import { MemberFold } from "./fold.ts";
import type { Rejection } from "./rejection.ts";

/** How to read a call: the options of a session, with their defaults filled in. */
export interface ReadingRules extends Rules {
  /** Whether a slot must name the encryption of its room, as in the newest MSC4143. Otherwise it counts as closed. */
  readonly requireSlotEncryption: boolean;
}

/** Which call to read, and how. */
export interface ProjectionOptions extends ReadingRules {
  readonly roomId: string;
}

/** It is empty until its first refresh, which has to be with the whole room. */
export class Projection {
  readonly #matrix: Matrix;
  readonly #options: ProjectionOptions;
  readonly #fold: MemberFold;
  #slot: SlotReading = noSlot;
  /** Whether a current sticky event was redacted: one that it had replaced may count again. */
  #hasRedaction = false;

  /** @param previous The members of an earlier projection of the room. */
  constructor(matrix: Matrix, options: ProjectionOptions, previous?: readonly Membership[]) {
    this.#matrix = matrix;
    this.#options = options;
    this.#fold = new MemberFold(options, (userId) => isInRoom(matrix, options.roomId, userId), previous);
  }

  get members(): readonly Membership[] {
    return this.#fold.members;
  }

  get rejections(): readonly Rejection[] {
    return this.#fold.rejections;
  }

  get slot(): SlotReading {
    return this.#slot;
  }

  /** When something will change without an event. */
  get deadlineTs(): number | undefined {
    return this.#fold.deadlineTs;
  }

  /** Reads what a batch says has changed. Returns what that, and the time, changed in the list. */
  refresh(batch: readonly RoomChange[], now: number): Changes {
    for (const change of batch) this.#read(change, now);
    if (this.#hasRedaction) this.#readSticky(now);
    this.#hasRedaction = false;
    return this.#fold.recompute(now);
  }

  #read(change: RoomChange, now: number): void {
    if (change.kind === "room") this.#readAll(now);
    else if (change.kind === "sticky") this.#fold.putSticky(change.event, now);
    else if (change.kind === "redaction") this.#hasRedaction = this.#fold.redact(change.eventId) || this.#hasRedaction;
    else if (change.type === stateMemberType) this.#readMember(change.stateKey, now);
    else if (change.type === "m.room.member") this.#fold.recheckUsers(change.stateKey);
    else if (change.type === "m.room.encryption" || slotTypes.includes(change.type)) this.#readRoom();
  }

  #readAll(now: number): void {
    const removed = new Set(this.#fold.stateKeys());
    for (const event of this.#matrix.stateEvents(this.#options.roomId, stateMemberType)) {
      const { stateKey = "" } = event;
      this.#fold.putState(stateKey, event, now);
      removed.delete(stateKey);
    }
    for (const stateKey of removed) this.#fold.putState(stateKey, undefined, now);
    this.#readSticky(now);
    this.#fold.recheckUsers();
    this.#readRoom();
  }

  #readSticky(now: number): void {
    for (const event of this.#matrix.stickyEvents(this.#options.roomId)) this.#fold.putSticky(event, now);
  }

  #readMember(stateKey: string, now: number): void {
    this.#fold.putState(stateKey, this.#matrix.stateEvent(this.#options.roomId, stateMemberType, stateKey), now);
  }

  /** Reads the slot and the encryption of the room. */
  #readRoom(): void {
    const { roomId, slot, requireSlotEncryption } = this.#options;
    this.#slot = readSlot(this.#matrix, roomId, slot, requireSlotEncryption);
    this.#fold.setRoom(this.#slot.slot.status, isEncrypted(this.#matrix, roomId));
  }
}

/** A projection of a call as it is now. */
export function projectNow(
  matrix: Matrix,
  options: ProjectionOptions,
  now: number,
  previous?: readonly Membership[],
): Projection {
  const projection = new Projection(matrix, options, previous);
  projection.refresh(wholeRoom(options.roomId), now);
  return projection;
}
