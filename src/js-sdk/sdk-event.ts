// RoomEvent and StickyEvent of a MatrixEvent. protocol.md 3.1.
import type { MatrixEvent } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { longestStickyMs } from "../membership/stickiness.ts";
import { isFiniteNumber, isString } from "../room/json.ts";
import { isRelevantSticky } from "./relevant.ts";

/** What was converted already, and of which content: the clear one once there is one. */
interface Converted {
  readonly sticky: StickyEvent;
  readonly source: unknown;
}

const stickyEvents = new WeakMap<MatrixEvent, Converted>();

/** A state event of a room. */
export function stateEvent(event: MatrixEvent): RoomEvent {
  return { ...common(event), type: event.getType(), stateKey: event.getStateKey() ?? "", content: contentOf(event) };
}

/**
 * A sticky event that is of use, the same object until more is known of it; undefined for any other event, and for one
 * that is redacted or not yet decrypted.
 */
export function stickyEvent(event: MatrixEvent): StickyEvent | undefined {
  if (!isSticky(event) || event.isRedacted() || !isSent(event)) return undefined;
  if (event.isEncrypted() && (event.getClearContent() === null || event.isBeingDecrypted())) return undefined;
  if (!event.isDecryptionFailure() && !isRelevantSticky(event.getType())) return undefined;
  const known = stickyEvents.get(event);
  const source = event.getClearContent() ?? event.event.content;
  if (known && known.source === source) return known.sticky;
  const sticky = fromSticky(event);
  stickyEvents.set(event, { sticky, source });
  return sticky;
}

/** Notes which device encrypted a sticky event: from now on it says so. */
export function nameDevice(event: MatrixEvent, deviceId: string): void {
  const known = stickyEvents.get(event);
  if (known) stickyEvents.set(event, { ...known, sticky: { ...known.sticky, senderDeviceId: deviceId } });
}

/** Whether the server calls it sticky (MSC4354). */
export function isSticky({ event }: MatrixEvent): boolean {
  return event.msc4354_sticky !== undefined && event.state_key === undefined;
}

/** Our own events have no event id of the server until it has taken them. */
function isSent({ event }: MatrixEvent): boolean {
  return isString(event.event_id) && event.event_id.startsWith("$") && isString(event.sender);
}

function fromSticky(event: MatrixEvent): StickyEvent {
  const isUndecryptable = event.isDecryptionFailure();
  const { duration_ms: durationMs } = event.event.msc4354_sticky ?? {};
  const ttlMs: unknown = event.event.unsigned?.msc4354_sticky_duration_ttl_ms;
  return {
    ...common(event),
    type: isUndecryptable ? event.getWireType() : event.getType(),
    content: isUndecryptable ? event.getWireContent() : contentOf(event),
    encryption: isUndecryptable ? "undecryptable" : event.isEncrypted() ? "decrypted" : "cleartext",
    durationMs,
    ...(ttlMs !== undefined && { ttlMs }),
    receivedTs: receivedTs(event.unstableStickyExpiresAt, durationMs, ttlMs),
  };
}

const common = ({ event }: MatrixEvent) => ({
  sender: event.sender ?? "",
  eventId: event.event_id ?? "",
  originServerTs: isFiniteNumber(event.origin_server_ts) ? event.origin_server_ts : 0,
});

/** Not `getContent`, which lets a later edit of the event speak for it. */
const contentOf = (event: MatrixEvent): unknown => event.getOriginalContent();

/** When the client took the event in. It keeps only the end that it reckoned from then: the stay is subtracted. */
function receivedTs(expiresTs: unknown, durationMs: unknown, ttlMs: unknown): number {
  const stayMs = ttlMs || (isFiniteNumber(durationMs) ? Math.min(durationMs, longestStickyMs) : undefined);
  return isFiniteNumber(expiresTs) && isFiniteNumber(stayMs) ? expiresTs - stayMs : asyncScheduler.now();
}
