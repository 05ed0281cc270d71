// Stays: from when until when a device was in a call, from the events of one key. Pure. protocol.md 9.2, 9.3.
import type { PastEvent, RoomEvent } from "../matrix.ts";
import { firstDraft } from "../membership/first-draft.ts";
import { movedMsIn, parseStateMember } from "../membership/state-event.ts";
import { parseStickyMember } from "../membership/sticky-event.ts";
import { maxStickyMs } from "../membership/sticky-map.ts";
import { isFiniteNumber, isObject, objectOr } from "../room/json.ts";
import { canonicalSlot, firstDraftMemberType } from "../room/names.ts";
import { firstThat } from "./sorted.ts";

/** One stay of a device in a call. Times are in milliseconds since 1970, by the clocks of the servers. */
export interface Stay {
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  /** The slot id, in the form that this library compares: `m.call#ROOM` for the default call. */
  readonly slot: string;
  readonly intent: string | undefined;
  readonly startTs: number;
  /** When it ended. In the future for a stay that lasts: then it ends at this time at the latest. */
  readonly endTs: number;
}

/** What one event says about the stay of its key. Undefined: nobody is in a call by it. */
interface Claim extends Omit<Stay, "startTs"> {
  /** When the stay began, as the event itself says. Undefined: with this event. */
  readonly claimedTs: number | undefined;
  /** The stay that the event continues: the one that began at this time, or any that runs. Undefined: none. */
  readonly continues: number | "any" | undefined;
}

/** What an event says about its key: an event of a state key, or of a sticky key of a sender. */
export interface Statement {
  readonly ts: number;
  readonly eventId: string;
  readonly claim: Claim | undefined;
  /** What the state key had before, as far as the event says. It counts for the oldest statement that we have. */
  readonly before: Claim | undefined;
}

/** Reads an event. Its content is not kept. */
export function statementOf(event: PastEvent): Statement {
  const { originServerTs: ts, eventId } = event;
  const claim = event.stateKey === undefined ? stickyClaim(event) : stateClaim(event);
  return { ts, eventId, claim, before: previousClaim(event) };
}

/** A stay that runs, and when an event last said so. */
export interface OpenStay extends Stay {
  readonly seenTs: number;
}

/** Takes the claim of an event: it begins a stay, continues or ends the one that runs. `ended`: the stay that it ended. */
export function takeClaim(
  open: OpenStay | undefined,
  claim: Claim | undefined,
  ts: number,
  leaveAfter: (ts: number) => number,
): { readonly open: OpenStay | undefined; readonly ended: Stay | undefined } {
  const untilTs = open ? Math.min(open.endTs, leaveAfter(open.seenTs)) : -Infinity;
  // A stay that ended before this event is not continued by it.
  const continued = open && claim && untilTs > ts && isContinued(open, claim) ? open : undefined;
  const ended = open && !continued ? endOf(open, Math.min(untilTs, ts)) : undefined;
  if (!claim) return { open: undefined, ended };
  const { claimedTs, continues: _, ...fields } = claim;
  return { open: { ...fields, startTs: continued?.startTs ?? claimedTs ?? ts, seenTs: ts }, ended };
}

function endOf(open: OpenStay, endTs: number): Stay | undefined {
  const { seenTs: _, ...stay } = open;
  return endTs > stay.startTs ? { ...stay, endTs } : undefined;
}

export const isSameStay = (a: Stay | undefined, b: Stay): boolean =>
  a !== undefined &&
  a.startTs === b.startTs &&
  a.endTs === b.endTs &&
  a.userId === b.userId &&
  a.deviceId === b.deviceId &&
  a.slot === b.slot &&
  a.memberId === b.memberId &&
  a.intent === b.intent;

const isContinued = (open: Stay, { slot, memberId, continues }: Claim): boolean =>
  slot === open.slot && memberId === open.memberId && (continues === "any" || continues === open.startTs);

/** What the state key had before the first event that we have of it. */
function previousClaim(event: PastEvent): Claim | undefined {
  const { prev_content: content } = objectOr(event.unsigned);
  if (event.stateKey === undefined || !isObject(content)) return undefined;
  const claimedTs = content["created_ts"];
  // Without a time it is unknown when the stay began: an older page will say it.
  if (!isFiniteNumber(claimedTs)) return undefined;
  return stateClaim({ ...event, content, originServerTs: claimedTs });
}

function stateClaim(event: RoomEvent): Claim | undefined {
  const isDraft = event.type === firstDraftMemberType;
  const { ok } = isDraft ? firstDraft(event) : parseStateMember(event, { readTs: Infinity });
  if (!ok || ok === "left") return undefined;
  const { userId, deviceId, memberId, slot, intent, createdTs, expiresTs: endTs } = ok;
  const common = { userId, deviceId, memberId, slot: canonicalSlot(slot), intent, endTs };
  // In the first draft each event with the same application and call id continues the stay.
  if (isDraft) return { ...common, claimedTs: undefined, continues: "any" };
  // An update has the time of its join, which may be too long ago to be believed as the start of another stay.
  const content = objectOr(event.content);
  const joinedTs = content["created_ts"] as number | undefined;
  const movedMs = movedMsIn(content);
  return { ...common, claimedTs: createdTs - movedMs, continues: joinedTs && joinedTs - movedMs };
}

function stickyClaim(event: PastEvent): Claim | undefined {
  const { durationMs, encryption, originServerTs } = event;
  if (encryption === "undecryptable" || !isFiniteNumber(durationMs) || durationMs <= 0) return undefined;
  const endTs = originServerTs + Math.min(durationMs, maxStickyMs);
  const { ok } = parseStickyMember({ ...event, durationMs, receivedTs: originServerTs }, endTs);
  if (!ok || ok === "left") return undefined;
  const { userId, deviceId, memberId, slot, intent } = ok;
  return {
    userId,
    deviceId,
    memberId,
    slot: canonicalSlot(slot),
    intent,
    endTs,
    claimedTs: undefined,
    continues: "any",
  };
}

/** A time at which a slot opened or closed. */
export interface SlotChange {
  readonly ts: number;
  readonly eventId: string;
  isOpen: boolean;
}

/** The parts of a stay in which its slot was open. Before the first change it was absent, which counts as open. */
export function whileOpen(stay: Stay, changes: readonly SlotChange[]): readonly Stay[] {
  const parts: Stay[] = [];
  let index = firstThat(changes, ({ ts }) => ts > stay.startTs);
  let startTs = (changes[index - 1]?.isOpen ?? true) ? stay.startTs : undefined;
  for (; index < changes.length; index += 1) {
    const { ts, isOpen } = changes[index]!;
    if (ts >= stay.endTs) break;
    if (isOpen) startTs ??= ts;
    else if (startTs !== undefined) {
      if (ts > startTs) parts.push({ ...stay, startTs, endTs: ts });
      startTs = undefined;
    }
  }
  if (startTs !== undefined) parts.push({ ...stay, startTs });
  return parts;
}
