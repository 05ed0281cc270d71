// Sending: what a user does in a room, as cold Observables. Requests that may be repeated are; what cannot go on is an RtcError.
import { defer, ignoreElements, type Observable, retry, timer } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { Matrix, MatrixError } from "../../matrix.ts";
import { isString } from "../json.ts";

/** A message to send: the fields of an `m.room.message`, with `m.text` as default `msgtype`. */
export interface MessageDraft {
  readonly msgtype?: string | undefined;
  readonly body: string;
  readonly [field: string]: unknown;
}

/** How a message relates to another. */
export interface MessageRelation {
  /** The message that it answers. */
  readonly replyTo?: string | undefined;
  /** The earlier message of ours that it replaces. */
  readonly edits?: string | undefined;
}

/**
 * The actions of a user in a room. Each is a cold Observable: it sends when subscribed to.
 *
 * It is tried again three times at most where that can help (no connection, a rate limit), as the same request. It fails with an
 * `RtcError`: `forbidden` if the server refuses it, `unsupported` if the port or the server cannot do it, else `request-failed`.
 */
export interface Sending {
  /**
   * Sends a message and emits its event id.
   *
   * @throws RtcError `bad-argument` for a message without a body.
   */
  sendMessage(message: string | MessageDraft, relation?: MessageRelation): Observable<string>;
  /** Puts an emoji under a message, and emits the event id. */
  sendReaction(eventId: string, key: string): Observable<string>;
  /** Sends any event of the timeline and emits its id: in an encrypted room encrypted, unless it is an `m.reaction`. */
  sendEvent(type: string, content: Content): Observable<string>;
  /** Sends a state event and emits its id. The state key is empty unless given. */
  sendState(type: string, content: Content, stateKey?: string): Observable<string>;
  /** Takes the content out of an event, for everybody and for good, and emits the id of the redaction. */
  redact(eventId: string, reason?: string): Observable<string>;
  /** Says that we have read up to an event, as a receipt, or that an event has arrived, as `m.room.message.feedback`. */
  sendFeedback(type: "read" | "delivered", eventId: string): Observable<never>;
  /** Says that we are typing, for 30 s at most, or no longer. */
  sendTyping(isTyping: boolean): Observable<never>;
}

/** The content of an event to send: plain JSON. */
export type Content = Readonly<Record<string, unknown>>;

/** A server forgets after this time that we are typing, unless we send it again. */
const typingMs = 30_000;

export function sendingIn(matrix: Matrix, roomId: string): Sending {
  /** No client encrypts reactions: servers count them, and an encrypted one would notify everybody. */
  const sendEvent = (type: string, content: Content) =>
    attempt((txnId) => matrix.send({ roomId, type, content, txnId, isCleartext: type === "m.reaction" }));
  return {
    sendEvent,
    sendMessage: (message, relation = {}) => sendEvent("m.room.message", messageOf(message, relation)),
    sendReaction: (event_id, key) =>
      sendEvent("m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id, key } }),
    sendState: (type, content, stateKey = "") => attempt(() => matrix.send({ roomId, type, stateKey, content })),
    redact: (eventId, reason) =>
      attempt((txnId) => {
        const options = { txnId, ...(reason !== undefined && { reason }) };
        return matrix.redactEvent?.(roomId, eventId, options) ?? lacking("redactEvent");
      }),
    sendFeedback: (type, eventId) =>
      type === "read" && matrix.sendReceipt
        ? attempt(() => matrix.sendReceipt!(roomId, eventId))
        : sendEvent("m.room.message.feedback", { type, target_event_id: eventId }).pipe(ignoreElements()),
    sendTyping: (isTyping) => attempt(() => matrix.sendTyping?.(roomId, isTyping, typingMs) ?? lacking("sendTyping")),
  };
}

/** The content of a message event. */
function messageOf(draft: string | MessageDraft, { replyTo, edits }: MessageRelation): Content {
  const fields = isString(draft) ? { body: draft } : draft;
  if (!isString(fields?.body)) throw new RtcError("bad-argument", "a message needs a body, which is a string");
  const message = { msgtype: "m.text", ...fields };
  if (edits !== undefined) {
    // Clients without edits show the asterisk.
    const relation = { rel_type: "m.replace", event_id: edits };
    return { ...message, body: `* ${fields.body}`, "m.new_content": message, "m.relates_to": relation };
  }
  return replyTo === undefined ? message : { ...message, "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
}

export function lacking(ability: string): never {
  throw new RtcError("unsupported", `the port has no ${ability}`);
}

const mostRetries = 3;
const longestWaitMs = 60_000;

/** Sends with an id that stays the same when it is tried again, so that the server accepts it once. */
export const attempt = <T>(send: (txnId: string) => Observable<T>): Observable<T> =>
  defer(() => {
    const txnId = crypto.randomUUID();
    return defer(() => send(txnId)).pipe(retry({ delay: waitAfter }));
  });

const passing: readonly unknown[] = ["rate-limited", "network", "timeout"];

/** Waits for the next try, or fails for good. Ports fail with a `MatrixError`; whatever else they fail with has no kind. */
function waitAfter(cause: unknown, count: number): Observable<unknown> {
  const { kind, message, retryAfterMs = 500 * 2 ** count } = Object(cause) as Partial<MatrixError>;
  if (count <= mostRetries && passing.includes(kind)) return timer(Math.min(retryAfterMs, longestWaitMs));
  const code = kind === "forbidden" || kind === "unsupported" ? kind : "request-failed";
  throw cause instanceof RtcError ? cause : new RtcError(code, (kind && message) || code, { cause });
}
