// SdkPast: pages of the past of a room, decrypted by the client. Client-server API, `GET /messages`.
import type { IEvent, MatrixClient, MatrixEvent } from "matrix-js-sdk";
import { from, map, type Observable, switchMap } from "rxjs";
import type { PastEvent, PastPage } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { common, isRedacted, isSent, originalContent } from "./sdk-event.ts";
import { pathOf, request } from "./sdk-request.ts";

/** Reads one page from the server. It changes nothing in the client's own timelines. */
export function pastPage(
  client: MatrixClient,
  roomId: string,
  { from: start, limit }: { readonly from?: string; readonly limit: number },
): Observable<PastPage> {
  const query = { dir: "b", limit, ...(start !== undefined && { from: start }) };
  return request(client, { method: "GET", path: pathOf("rooms", roomId, "messages"), query }).pipe(
    switchMap((answer) => {
      const { chunk, end } = objectOr(answer);
      const toEvent = client.getEventMapper({ preventReEmit: true, decrypt: false });
      const json = Array.isArray(chunk) ? (chunk as Partial<IEvent>[]) : [];
      const events = json.map((each) => toEvent({ ...each, room_id: roomId }));
      const decrypted = Promise.allSettled(events.map((event) => client.decryptEventIfNeeded(event)));
      const next = isString(end) && json.length > 0 ? { next: end } : {};
      return from(decrypted).pipe(map(() => ({ events: events.filter(isSent).map(pastEvent), ...next })));
    }),
  );
}

function pastEvent(event: MatrixEvent): PastEvent {
  const isGone = isRedacted(event);
  const isUndecryptable = event.isEncrypted() && (event.getClearContent() === null || event.isDecryptionFailure());
  const { state_key: stateKey, redacts, msc4354_sticky: sticky } = event.event;
  return {
    ...common(event),
    type: isUndecryptable ? event.getWireType() : event.getType(),
    content: isGone ? {} : isUndecryptable ? event.getWireContent() : originalContent(event),
    encryption: !event.isEncrypted() ? "cleartext" : isUndecryptable ? "undecryptable" : "decrypted",
    ...(stateKey !== undefined && { stateKey: isString(stateKey) ? stateKey : JSON.stringify(stateKey) }),
    ...(sticky && { durationMs: sticky.duration_ms }),
    ...(redacts !== undefined && { redacts }),
    unsigned: event.getUnsigned(),
  };
}
