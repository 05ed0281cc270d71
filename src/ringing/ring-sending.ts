// Sending: the events that ring, take a ring back, and decline. protocol.md 7.2, 7.6.
import { catchError, defer, type Observable, throwError } from "rxjs";
import { check } from "../arguments.ts";
import { RtcError } from "../errors.ts";
import { type Matrix, MatrixError, type OutgoingEvent } from "../matrix.ts";
import { slotIn, writtenGeneration } from "../room/names.ts";
import { ringNames } from "../room/names.ts";
import type { Generation } from "../types.ts";
import { declineReasonField } from "./decline-event.ts";
import { maxLifetimeMs, type Ring, type RingForm } from "./ring-event.ts";

/**
 * How to ring.
 *
 * @example
 * ```ts
 * import type { RingOptions } from "matrixrtc-rx/ringing";
 *
 * const options: RingOptions = { userIds: ["@bob:example.org"], lifetimeMs: 60_000, intent: "video" };
 * console.assert(options.form === undefined);
 * ```
 */
export interface RingOptions {
  /** The users to ring. */
  readonly userIds?: readonly string[] | undefined;
  /** Whether to ring everybody in the room. It needs the power to notify the room. Default: if `userIds` is not given. */
  readonly room?: boolean | undefined;
  /**
   * `notification`: what matrix-js-sdk 43 and Element Call read. `invite`: the newest MSC4075. One event is sent, never both.
   * Default `notification`.
   */
  readonly form?: Exclude<RingForm, "call-notify"> | undefined;
  /** The names that are written. Default `deployed`. protocol.md 1.1. */
  readonly generation?: Generation | undefined;
  /** How long it rings. 1,000 to 120,000. Default 90,000, as matrix-js-sdk 43. */
  readonly lifetimeMs?: number | undefined;
  /** `notification`: a quiet notice instead of a ring. Only the form `notification` carries it. Default `ring`. */
  readonly alert?: Ring["alert"] | undefined;
  /** `audio`, `video` or something else. Only the form `notification` carries it. Default: none is sent. */
  readonly intent?: string | undefined;
}

/** All events of one sticky key last equally long, so that the newest one wins everywhere (3.1). Longer than any ring. */
const ringStickyMs = 140_000;

/** What a ring says, with all defaults in place. */
export interface ResolvedRing {
  readonly userIds: readonly string[];
  readonly room: boolean;
  readonly form: Exclude<RingForm, "call-notify">;
  readonly generation: Generation;
  readonly lifetimeMs: number;
  readonly alert: Ring["alert"];
  readonly intent: string | undefined;
}

/** Fills in the defaults. @throws RtcError `bad-argument` for a malformed option. */
export function resolveRing(options: RingOptions = {}): ResolvedRing {
  const { userIds = [], form = "notification", generation = writtenGeneration, lifetimeMs = 90_000 } = options;
  const { room = options.userIds === undefined, alert = "ring", intent } = options;
  check(Array.isArray(userIds) && userIds.every((userId) => typeof userId === "string"), "userIds must be user ids");
  check(room || userIds.length > 0, "a ring needs a target: userIds or room");
  check(["notification", "invite"].includes(form), `form ${String(form)} is not known`);
  check(Object.hasOwn(ringNames, generation), `generation ${String(generation)} is not known`);
  check(
    Number.isInteger(lifetimeMs) && lifetimeMs >= 1_000 && lifetimeMs <= maxLifetimeMs,
    "lifetimeMs must be a whole number from 1,000 to 120,000",
  );
  check(alert === "ring" || alert === "notification", `alert ${String(alert)} is not known`);
  check(intent === undefined || typeof intent === "string", "intent must be a string");
  return { userIds: [...new Set(userIds)], room, form, generation, lifetimeMs, alert, intent };
}

/** The type and the content of a ring. `memberEventId`: our own membership event, if we are in the call. */
export function ringEvent(
  ring: ResolvedRing,
  slot: string,
  now: number,
  memberEventId: string | undefined,
): Pick<OutgoingEvent, "type" | "content"> {
  const { userIds, room, form, generation, lifetimeMs, alert, intent } = ring;
  const slotId = slotIn(generation, slot);
  const common = {
    slot_id: slotId,
    sender_ts: now,
    lifetime: lifetimeMs,
    "m.mentions": { user_ids: userIds, ...(room && { room: true }) },
    msc4354_sticky_key: slotId,
  };
  if (form === "invite") return { type: ringNames[generation].invite, content: { ...common, sticky_key: slotId } };
  return {
    type: ringNames[generation].notification,
    content: {
      ...common,
      notification_type: alert,
      ...(intent !== undefined && { "m.call.intent": intent }),
      ...(memberEventId !== undefined && { "m.relates_to": { rel_type: "m.reference", event_id: memberEventId } }),
    },
  };
}

/** Sends an event that is sticky where the server has sticky events, and emits its event id. */
export function sendStickily(
  matrix: Matrix,
  roomId: string,
  event: Pick<OutgoingEvent, "type" | "content">,
  stickyMs: number,
): Observable<string> {
  return defer(() => {
    const plain = { roomId, ...event, txnId: crypto.randomUUID() };
    return matrix
      .send({ ...plain, stickyMs })
      .pipe(catchError((error: unknown) => (isUnsupported(error) ? matrix.send(plain) : throwError(() => error))));
  }).pipe(failing());
}

export const sendRing = (
  matrix: Matrix,
  roomId: string,
  event: Pick<OutgoingEvent, "type" | "content">,
): Observable<string> => sendStickily(matrix, roomId, event, ringStickyMs);

/** What has to be known of a ring of ours to take it back. */
export type SentRing = Pick<Ring, "eventId" | "type" | "slot">;

/** Takes a ring back: by a sticky event with the same key, or by a redaction if the ring was not sticky. */
export function withdrawRing(matrix: Matrix, roomId: string, ring: SentRing): Observable<string> {
  return defer(() => {
    const isSticky = [...matrix.stickyEvents(roomId)].some(({ eventId }) => eventId === ring.eventId);
    const txnId = crypto.randomUUID();
    if (!isSticky && matrix.redactEvent) return matrix.redactEvent(roomId, ring.eventId, { txnId }).pipe(failing());
    const content = { msc4354_sticky_key: ring.slot };
    return sendRing(matrix, roomId, { type: ring.type, content });
  });
}

/** Declines a ring, in the form that its sender reads. */
export function declineRing(matrix: Matrix, roomId: string, ring: Ring, reason?: string): Observable<string> {
  const content = {
    "m.relates_to": { rel_type: "m.reference", event_id: ring.eventId },
    msc4354_sticky_key: ring.eventId,
    ...(ring.form === "invite" && { sticky_key: ring.eventId }),
    ...(reason !== undefined && { [declineReasonField]: reason }),
  };
  return sendStickily(matrix, roomId, { type: declineTypeFor(ring), content }, ringStickyMs);
}

function declineTypeFor({ form, type }: Ring): string {
  const generation = type === ringNames.stable.invite || type === ringNames.stable.notification ? "stable" : "deployed";
  return form === "invite" ? ringNames[generation].inviteDecline : ringNames[generation].notificationDecline;
}

const isUnsupported = (error: unknown): boolean => error instanceof MatrixError && error.kind === "unsupported";

/** Errors of the port as an `RtcError`. */
function failing(): (source: Observable<string>) => Observable<string> {
  return (source) =>
    source.pipe(
      catchError((cause: unknown) => {
        const code = cause instanceof MatrixError && cause.kind === "forbidden" ? "forbidden" : "request-failed";
        throw new RtcError(code, cause instanceof MatrixError ? cause.message : "the request failed", { cause });
      }),
    );
}
