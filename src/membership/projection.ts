// Projection: a fold that is kept in step with a room. A change says where to look; the value is read from the client.
import type { Matrix, RoomChange } from "../matrix.ts";
import { wholeRoom } from "../room/room-changes.ts";
import { isEncrypted } from "../room/encryption.ts";
import { firstDraftMemberType, slotTypes, stateMemberType } from "../room/names.ts";
import { isInRoom, knowsMembership } from "../room/room-member.ts";
import { noSlot, readSlot, type SlotReading } from "../room/slot.ts";
import type { Membership } from "../types.ts";
import type { Changes } from "./changes.ts";
import type { Presence, ReadingRules } from "./eligibility.ts";
import { isRejection } from "./entry.ts";
import { firstReadsOf } from "./first-reads.ts";
import { MemberFold } from "./fold.ts";
import type { FirstRead } from "./state-event.ts";

/** Which call to read, and how. */
export interface ProjectionOptions extends ReadingRules {
  readonly roomId: string;
}

/** Up to how many changes of memberships in a batch are read one by one. More are read all at once, within their limits. */
const maxSingleReads = 100;

/** It is empty until its first refresh, which has to be with the whole room. */
export class Projection {
  readonly #matrix: Matrix;
  readonly #options: ProjectionOptions;
  /** The members and rejections that were read, and when they change without an event. */
  readonly fold: MemberFold;
  /** The types of state events that make members. */
  readonly #memberTypes: readonly string[];
  #slot: SlotReading = noSlot;
  /** When we last applied a batch. A key without an event was empty then. */
  #lastReadTs: number | undefined;

  /**
   * @param previous The members of an earlier projection of the room.
   * @param isLookedUp Whether a user whose room membership the client lacks is being looked up.
   */
  constructor(
    matrix: Matrix,
    options: ProjectionOptions,
    previous?: readonly Membership[],
    isLookedUp?: (userId: string) => boolean,
  ) {
    this.#matrix = matrix;
    this.#options = options;
    this.#memberTypes = options.firstDraft ? [stateMemberType, firstDraftMemberType] : [stateMemberType];
    const { roomId } = options;
    const presenceOf = (userId: string): Presence => {
      if (isInRoom(matrix, roomId, userId)) return "in-room";
      return isLookedUp?.(userId) && !knowsMembership(matrix, roomId, userId) ? "being-looked-up" : "not-in-room";
    };
    this.fold = new MemberFold(options, presenceOf, firstReadsOf(matrix), previous);
  }

  get slot(): SlotReading {
    return this.#slot;
  }

  /** Applies a batch and the time. Returns the changes of the list. */
  refresh(batch: readonly RoomChange[], now: number): Changes {
    const isBulk = batch.length > maxSingleReads && batch.filter(isStateMember).length > maxSingleReads;
    const read: FirstRead = { readTs: now, emptyTs: this.#lastReadTs };
    for (const change of batch) if (!isBulk || !isStateMember(change)) this.#read(change, read);
    this.fold.events.expire(now);
    const gaps = this.fold.events.takeGaps();
    if (isBulk || gaps.has("state")) this.#readState(read);
    if (gaps.has("sticky")) this.#readSticky(now);
    if (batch.length > 0) this.#lastReadTs = now;
    return this.fold.recompute();
  }

  /** Whether an event of a user would make a member if the user is in the room, which the client does not know. */
  needsLookup(userId: string): boolean {
    return this.fold.events.bySender(userId).some(({ outcome }) => isRejection(outcome) && outcome.isBeingLookedUp);
  }

  /** Checks again whether a user is in the room. */
  recheckUser(userId: string): Changes {
    this.fold.events.recheck(userId);
    return this.fold.recompute();
  }

  #read(change: RoomChange, read: FirstRead): void {
    if (change.kind === "room") this.#readAll(read);
    else if (change.kind === "sticky") this.fold.events.putSticky(change.event, read.readTs);
    else if (change.kind === "redaction") this.fold.events.redact(change.eventId);
    else if (this.#memberTypes.includes(change.type)) this.#readMember(change.type, change.stateKey, read);
    else if (change.type === "m.room.member") this.fold.events.recheck(change.stateKey);
    else if (change.type === "m.room.encryption" || slotTypes.includes(change.type)) this.#readRoom();
  }

  #readAll(read: FirstRead): void {
    this.#readState(read);
    this.#readSticky(read.readTs);
    this.fold.events.recheck();
    this.#readRoom();
  }

  #readState(read: FirstRead): void {
    const { roomId } = this.#options;
    const events = this.#memberTypes.flatMap((type) => [...this.#matrix.stateEvents(roomId, type)]);
    this.fold.events.putAllState(events, read);
  }

  #readMember(type: string, stateKey: string, read: FirstRead): void {
    const event = this.#matrix.stateEvent(this.#options.roomId, type, stateKey);
    this.fold.events.putState(stateKey, event, read);
  }

  #readSticky(now: number): void {
    for (const event of this.#matrix.stickyEvents(this.#options.roomId)) this.fold.events.putSticky(event, now);
  }

  /** Reads the slot and the encryption of the room. */
  #readRoom(): void {
    const { roomId, slot, requireSlotEncryption } = this.#options;
    this.#slot = readSlot(this.#matrix, roomId, slot, requireSlotEncryption);
    this.fold.setRoom(this.#slot.slot.status, isEncrypted(this.#matrix, roomId));
  }
}

const isStateMember = (change: RoomChange): boolean => change.kind === "state" && change.type === stateMemberType;

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
