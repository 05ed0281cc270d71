// SdkEvent: reads a MatrixEvent of the SDK as a RoomEvent or a StickyEvent. protocol.md 3.1.
import type { MatrixEvent } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { maxStickyMs } from "../membership/sticky-map.ts";
import { isFiniteNumber, isString, objectOr } from "../room/json.ts";
import { isRelevantSticky } from "./relevant.ts";

/** A sticky event that was read before, and the content that it was read from: the decrypted one, if there is one. */
interface ReadSticky {
  readonly sticky: StickyEvent;
  readonly source: unknown;
}

const stickyEvents = new WeakMap<MatrixEvent, ReadSticky>();
const redactedContents = new WeakMap<MatrixEvent, unknown>();
const noContent: unknown = Object.freeze({});

/** Reads a state event. Its content is the same object at each reading until the event is redacted. */
export function stateEvent(event: MatrixEvent): RoomEvent {
  const needed = objectOr(event.event)["required_power_level"];
  return {
    ...common(event),
    type: event.getType(),
    stateKey: event.getStateKey() ?? "",
    content: stateContent(event),
    ...(needed !== undefined && { requiredPowerLevel: needed }),
  };
}

/**
 * Reads a sticky event that this library uses: the same object until more is known of the event. Returns undefined for any
 * other event, and for an event that is redacted or not decrypted yet.
 *
 * @param canDecrypt Whether the client has encryption. Without it, encrypted events stay undecryptable.
 */
export function stickyEvent(event: MatrixEvent, canDecrypt: boolean): StickyEvent | undefined {
  if (!isSticky(event) || isRedacted(event) || !isSent(event)) return undefined;
  const isUndecrypted = event.isEncrypted() && event.getClearContent() === null;
  if (event.isBeingDecrypted() || (isUndecrypted && canDecrypt)) return undefined;
  const isUndecryptable = isUndecrypted || event.isDecryptionFailure();
  if (!isUndecryptable && !isRelevantSticky(event.getType())) return undefined;
  const known = stickyEvents.get(event);
  const source = event.getClearContent() ?? event.event.content;
  if (known && known.source === source) return known.sticky;
  const sticky = readSticky(event, isUndecryptable);
  stickyEvents.set(event, { sticky, source });
  return sticky;
}

/** Stores which device encrypted a sticky event. The next reading names it. */
export function nameDevice(event: MatrixEvent, deviceId: string): void {
  const known = stickyEvents.get(event);
  if (known) stickyEvents.set(event, { ...known, sticky: { ...known.sticky, senderDeviceId: deviceId } });
}

/** Whether the server calls it sticky (MSC4354). */
export function isSticky({ event }: MatrixEvent): boolean {
  return event.msc4354_sticky !== undefined && event.state_key === undefined;
}

/** Whether the room has redacted an event. Our own redaction that is still being sent does not count. */
export function isRedacted(event: MatrixEvent): boolean {
  return event.isRedacted() && event.localRedactionEvent() === null;
}

/** Our own events have no event id of the server until it has accepted them. */
export function isSent({ event }: MatrixEvent): boolean {
  return isString(event.event_id) && event.event_id.startsWith("$") && isString(event.sender);
}

function readSticky(event: MatrixEvent, isUndecryptable: boolean): StickyEvent {
  const { duration_ms: durationMs } = event.event.msc4354_sticky ?? {};
  const ttlMs: unknown = event.event.unsigned?.msc4354_sticky_duration_ttl_ms;
  return {
    ...common(event),
    type: isUndecryptable ? event.getWireType() : event.getType(),
    content: isUndecryptable ? event.getWireContent() : originalContent(event),
    encryption: isUndecryptable ? "undecryptable" : event.isEncrypted() ? "decrypted" : "cleartext",
    durationMs,
    ...(ttlMs !== undefined && { ttlMs }),
    receivedTs: receivedTs(event.unstableStickyExpiresAt, durationMs, ttlMs),
  };
}

export const common = ({ event }: MatrixEvent): Pick<RoomEvent, "sender" | "eventId" | "originServerTs"> => ({
  sender: event.sender ?? "",
  eventId: event.event_id ?? "",
  originServerTs: isFiniteNumber(event.origin_server_ts) ? event.origin_server_ts : 0,
});

/**
 * The SDK redacts by removing the fields of the content object. A reader that compares objects would see no change, so a
 * redacted event gets a content object of its own.
 */
function stateContent(event: MatrixEvent): unknown {
  const content = event.event.content ?? noContent;
  if (!isRedacted(event)) return content;
  const known = redactedContents.get(event);
  if (known) return known;
  const redacted = { ...objectOr(content) };
  redactedContents.set(event, redacted);
  return redacted;
}

/** Not `getContent`, which returns the content of a later edit. */
export const originalContent = (event: MatrixEvent): unknown =>
  event.getClearContent() ?? event.event.content ?? noContent;

/** When the client received the event. The SDK keeps only the expiry time, so the lifetime is subtracted. */
function receivedTs(expiresTs: unknown, durationMs: unknown, ttlMs: unknown): number {
  const lifetimeMs = ttlMs || (isFiniteNumber(durationMs) ? Math.min(durationMs, maxStickyMs) : undefined);
  return isFiniteNumber(expiresTs) && isFiniteNumber(lifetimeMs) ? expiresTs - lifetimeMs : asyncScheduler.now();
}
