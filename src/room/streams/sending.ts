// Sending: what a user does in a room, as cold Observables. Requests that may be repeated are; what cannot go on is an RtcError.
import { catchError, concatMap, defer, from, type Observable, retry, throwError, timer } from "rxjs";
import { RtcError } from "../../errors.ts";
import { type Matrix, MatrixError } from "../../matrix.ts";
import { isObject, isString } from "../json.ts";

/** What to send as a message: the fields of an `m.room.message`, with `m.text` as default `msgtype`. */
export interface MessageDraft {
  readonly msgtype?: string;
  readonly body: string;
  readonly [field: string]: unknown;
}

/** How a message relates to another. */
export interface MessageRelation {
  /** The message that it answers. */
  readonly replyTo?: string;
  /** The earlier message of ours that it replaces. */
  readonly edits?: string;
}

/** What an action in a room needs. */
export interface Sender {
  /** Sends an event of the timeline and emits its id. */
  event(type: string, content: Readonly<Record<string, unknown>>): Observable<string>;
  state(type: string, stateKey: string, content: Readonly<Record<string, unknown>>): Observable<string>;
  redact(eventId: string, reason?: string): Observable<string>;
  /** Sends a list of things one after the other. */
  all<T>(requests: Iterable<Observable<T>>): Observable<T>;
  typing(isTyping: boolean): Observable<never>;
  receipt(eventId: string): Observable<never>;
}

/** No client encrypts reactions: servers count them, and an encrypted one would notify everybody. */
const cleartext = { isCleartext: true } as const;

/** A server forgets after this time that we are typing, unless it is told again. */
const typingMs = 30_000;

export function senderIn(matrix: Matrix, roomId: string): Sender {
  return {
    event: (type, content) =>
      attempt((txnId) => matrix.send({ roomId, type, content, txnId, ...(type === "m.reaction" && cleartext) })),
    state: (type, stateKey, content) => attempt(() => matrix.send({ roomId, type, stateKey, content })),
    redact: (eventId, reason) =>
      attempt((txnId) => {
        const options = { txnId, ...(reason !== undefined && { reason }) };
        return matrix.redactEvent?.(roomId, eventId, options) ?? lacking("redactEvent");
      }),
    all: (requests) => from(requests).pipe(concatMap((request) => request)),
    typing: (isTyping) => attempt(() => matrix.sendTyping?.(roomId, isTyping, typingMs) ?? lacking("sendTyping")),
    receipt: (eventId) => attempt(() => matrix.sendReceipt?.(roomId, eventId) ?? lacking("sendReceipt")),
  };
}

/** The content of a message event. */
export function messageOf(draft: string | MessageDraft, { replyTo, edits }: MessageRelation): Record<string, unknown> {
  const fields = isString(draft) ? { body: draft } : draft;
  if (!isObject(fields) || !isString(fields.body))
    throw new RtcError("bad-argument", "a message needs a body, which is a string");
  const message = { msgtype: "m.text", ...fields };
  if (edits !== undefined) {
    // What clients without edits show has an asterisk before it.
    const relation = { rel_type: "m.replace", event_id: edits };
    return { ...message, body: `* ${fields.body}`, "m.new_content": message, "m.relates_to": relation };
  }
  return replyTo === undefined ? message : { ...message, "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
}

const lacking = (ability: string): Observable<never> =>
  throwError(() => new MatrixError("unsupported", `the port has no ${ability}`));

const mostRetries = 3;
const longestWaitMs = 60_000;

/** Sends with an id that stays the same when it is tried again, so that the server accepts it once. */
function attempt<T>(send: (txnId: string) => Observable<T>): Observable<T> {
  return defer(() => {
    const txnId = crypto.randomUUID();
    return defer(() => send(txnId)).pipe(
      retry({ count: mostRetries, delay: (error: unknown, count) => waitAfter(error, count) }),
      catchError((error: unknown) => throwError(() => rtcError(error))),
    );
  });
}

function waitAfter(error: unknown, count: number): Observable<unknown> {
  const { kind, retryAfterMs } = error instanceof MatrixError ? error : { kind: "other", retryAfterMs: undefined };
  const isPassing = kind === "rate-limited" || kind === "network" || kind === "timeout";
  return isPassing ? timer(Math.min(retryAfterMs ?? 1_000 * 2 ** (count - 1), longestWaitMs)) : throwError(() => error);
}

function rtcError(error: unknown): RtcError {
  const { kind, message } = error instanceof MatrixError ? error : { kind: "other", message: "the request failed" };
  const code = kind === "forbidden" || kind === "unsupported" ? kind : "request-failed";
  return new RtcError(code, message, { cause: error });
}
