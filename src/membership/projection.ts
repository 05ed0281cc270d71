// View: a fold kept in step with what a client holds of a room. News says where to look; the value is read there.
import type { Matrix, RoomChange } from "../matrix.ts";
import { wholeRoom } from "../room/changes.ts";
import { isEncrypted } from "../room/encryption.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import { isInRoom } from "../room/room-member.ts";
import { readSlot } from "../room/slot.ts";
import type { Membership, Slot } from "../types.ts";
import type { Changes } from "./changes.ts";
import { MemberFold } from "./fold.ts";
import type { Rules } from "./eligibility.ts";
import type { Rejection } from "./rejection.ts";

/** Which call to watch, and how strictly. */
export interface ViewOptions extends Rules {
  readonly roomId: string;
  /** A slot must name the encryption that its room has, as the newest MSC4143 wants, or it counts as closed. */
  readonly requireSlotEncryption: boolean;
}

/** It knows nothing until it has looked at all of its room. */
export class View {
  readonly #matrix: Matrix;
  readonly #options: ViewOptions;
  readonly #fold: MemberFold;
  #slot: Slot = { status: "absent" };
  /** An event that stood was redacted: there may be one that it had outranked. */
  #isUncovered = false;

  /** @param earlier Members that an earlier view of the room gave. */
  constructor(matrix: Matrix, options: ViewOptions, earlier?: readonly Membership[]) {
    this.#matrix = matrix;
    this.#options = options;
    this.#fold = new MemberFold(options, (userId) => isInRoom(matrix, options.roomId, userId), earlier);
  }

  get members(): readonly Membership[] {
    return this.#fold.members;
  }

  get rejections(): readonly Rejection[] {
    return this.#fold.rejections;
  }

  get slot(): Slot {
    return this.#slot;
  }

  /** When something will change by itself. */
  get deadlineTs(): number | undefined {
    return this.#fold.deadlineTs;
  }

  /** Looks where the news says, and gives what has changed by `now`. */
  look(batch: readonly RoomChange[], now: number): Changes {
    for (const change of batch) this.#lookAt(change, now);
    if (this.#isUncovered) this.#readSticky(now);
    this.#isUncovered = false;
    return this.#fold.settle(now);
  }

  #lookAt(change: RoomChange, now: number): void {
    if (change.kind === "room") this.#readAll(now);
    else if (change.kind === "sticky") this.#fold.putSticky(change.event, now);
    else if (change.kind === "redaction") this.#isUncovered = this.#fold.redact(change.eventId) || this.#isUncovered;
    else if (change.type === stateMemberType) this.#readMember(change.stateKey, now);
    else if (change.type === "m.room.member") this.#fold.lookForUsers(change.stateKey);
    else if (change.type === "m.room.encryption" || slotTypes.includes(change.type)) this.#readFacts();
  }

  /** Everything, read anew. What has not changed keeps its identity. */
  #readAll(now: number): void {
    const { roomId } = this.#options;
    const vanished = new Set(this.#fold.stateKeys());
    for (const event of this.#matrix.stateEvents(roomId, stateMemberType)) {
      this.#fold.putState(event.stateKey ?? "", event, now);
      vanished.delete(event.stateKey ?? "");
    }
    for (const stateKey of vanished) this.#fold.putState(stateKey, undefined, now);
    this.#readSticky(now);
    this.#fold.lookForUsers();
    this.#readFacts();
  }

  #readSticky(now: number): void {
    for (const event of this.#matrix.stickyEvents(this.#options.roomId)) this.#fold.putSticky(event, now);
  }

  #readMember(stateKey: string, now: number): void {
    this.#fold.putState(stateKey, this.#matrix.stateEvent(this.#options.roomId, stateMemberType, stateKey), now);
  }

  #readFacts(): void {
    const { roomId, slot, requireSlotEncryption } = this.#options;
    const encrypted = isEncrypted(this.#matrix, roomId);
    this.#slot = readSlot(this.#matrix, roomId, slot, requireSlotEncryption);
    this.#fold.setRoom(this.#slot.status, encrypted);
  }
}

/** A view of a call as it is now. */
export function viewNow(matrix: Matrix, options: ViewOptions, now: number, earlier?: readonly Membership[]): View {
  const view = new View(matrix, options, earlier);
  view.look(wholeRoom(options.roomId), now);
  return view;
}
