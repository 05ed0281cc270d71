// CallOutbox: the events of one call, sent in order; after the last word nothing more. CS spec "Voice over IP".
import { catchError, concatMap, defer, EMPTY, finalize, map, type Observable, of, Subject, takeWhile } from "rxjs";
import type { Matrix, MatrixError } from "../../matrix.ts";
import { type CallBody, callContent, callTypes } from "../call-message.ts";
import { mostWaiting, type SendFailure, sendWithRetries } from "../outbox.ts";

/** A message on its way out. */
export interface OutgoingBody {
  readonly body: CallBody;
  readonly isLast: boolean;
}

interface Sent {
  readonly body: CallBody["kind"];
  readonly isLast: boolean;
  readonly failure?: SendFailure;
}

export interface OutboxCall {
  readonly roomId: string;
  readonly callId: string;
  readonly partyId: string;
}

/** Trying again is of no use: the server has understood, and says no. */
const final: ReadonlySet<MatrixError["kind"]> = new Set(["forbidden", "unsupported", "not-found", "conflict"]);

export class CallOutbox {
  readonly #matrix: Matrix;
  readonly #call: OutboxCall;
  readonly #said$ = new Subject<OutgoingBody>();
  readonly #onNotSent: (body: CallBody["kind"], isRefused: boolean) => void;
  #waiting = 0;
  #count = 0;
  #isClosing = false;
  #hasSaid = false;
  #hasSent = false;

  /** @param onNotSent Called for each message that could not be sent. `isRefused`: the server has surely not taken it. */
  constructor(matrix: Matrix, call: OutboxCall, onNotSent: (body: CallBody["kind"], isRefused: boolean) => void) {
    this.#matrix = matrix;
    this.#call = call;
    this.#onNotSent = onNotSent;
    // It outlives its call until the last word is sent.
    this.#said$
      .pipe(
        concatMap((outgoing) => this.#send(outgoing).pipe(finalize(() => (this.#waiting -= 1)))),
        takeWhile(({ isLast }) => !isLast),
      )
      .subscribe(({ body, failure }) => failure && onNotSent(body, failure.isFinal));
  }

  say(outgoing: OutgoingBody): void {
    // The other side can make us answer without end. Its last word is always sent.
    if (this.#waiting >= mostWaiting && !outgoing.isLast) return this.#onNotSent(outgoing.body.kind, false);
    this.#waiting += 1;
    if (outgoing.isLast) this.#isClosing = true;
    // The last message may be the only one: the reject of a call.
    if (outgoing.isLast && !this.#hasSaid) this.#hasSent = true;
    this.#hasSaid = true;
    this.#said$.next(outgoing);
  }

  /** Nothing more is said: there was nothing to say. */
  end(): void {
    this.#isClosing = true;
    this.#said$.complete();
  }

  #send({ body, isLast }: OutgoingBody): Observable<Sent> {
    const { roomId, callId, partyId } = this.#call;
    const sent: Sent = { body: body.kind, isLast };
    return defer(() => {
      // What waits when a call ends is not sent. Without an invite, nobody needs to hear of the end.
      if (this.#isClosing && !(isLast && this.#hasSent)) return isLast ? of(sent) : EMPTY;
      this.#hasSent = true;
      const txnId = `${callId}-${partyId}-${(this.#count += 1)}`;
      const content = { version: "1", call_id: callId, party_id: partyId, ...callContent(body) };
      return sendWithRetries(() =>
        this.#matrix.send({ roomId, type: callTypes[body.kind], content, txnId }).pipe(catchError(asFailure)),
      ).pipe(map(() => sent));
    }).pipe(catchError((failure: SendFailure) => of({ ...sent, failure })));
  }
}

function asFailure(error: MatrixError): never {
  const failure: SendFailure = { isFinal: final.has(error.kind), retryAfterMs: error.retryAfterMs };
  throw failure;
}
