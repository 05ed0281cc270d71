// Mailbox: the messages of a mesh on their way to their pairs. Those that come too early wait here.
import {
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  switchMap,
  tap,
} from "rxjs";
import type { Device, Matrix, ToDeviceMessage } from "../../matrix.ts";
import { proven } from "../../room/proven.ts";
import { isInRoom } from "../../room/room-member.ts";
import { until } from "../../rx/at.ts";
import { IntervalClock } from "../../rx/interval-clock.ts";
import { EarlyMessages } from "./early-messages.ts";
import { isForMesh, type MeshContext, type MeshMessage, readEnvelope } from "./envelope.ts";
import type { MeshTraceEntry } from "./trace.ts";

export interface MailboxOptions {
  readonly matrix: Matrix;
  readonly context: MeshContext;
  readonly requireCrossSigned: boolean;
  /** Whether there is a pair with the sender, for the stay of ours that the message names. */
  readonly hasPair: (message: MeshMessage) => boolean;
  readonly deliver: (message: MeshMessage) => void;
  readonly trace: (entry: MeshTraceEntry) => void;
}

/** Messages whose devices are looked up at the same time. */
const mostLookUps = 512;

export class Mailbox {
  readonly #options: MailboxOptions;
  #lookUps = 0;
  readonly #clock = new IntervalClock();
  readonly #early = new EarlyMessages();
  readonly #earlyChanged$ = new Subject<void>();

  constructor(options: MailboxOptions) {
    this.#options = options;
  }

  /** Takes messages in while subscribed to. Emits nothing. */
  get run$(): Observable<never> {
    const dropping$ = this.#earlyChanged$.pipe(
      switchMap(() => until(this.#early.deadlineTs, this.#clock)),
      tap(() => this.#dropExpired()),
    );
    const { matrix, context } = this.#options;
    // Messages have numbers, so their order may change.
    const receiving$ = matrix.toDevice$.pipe(
      filter((message) => isForMesh(message, context)),
      mergeMap((message) => this.#prove(message)),
      tap((message) => this.#receive(message)),
    );
    return merge(dropping$, receiving$).pipe(ignoreElements());
  }

  /** There are other pairs, or we are another member: messages that waited for that are delivered. */
  retry(): void {
    if (this.#early.size === 0) return;
    const { hasPair, deliver } = this.#options;
    for (const message of this.#early.take(hasPair)) deliver(message);
    this.#earlyChanged$.next();
  }

  /** Looks up the device of a message, but for strangers. */
  #prove(message: ToDeviceMessage): Observable<ToDeviceMessage> {
    const { matrix, context } = this.#options;
    if (!message.proof$) return of(message);
    const from = { userId: message.sender, deviceId: "" };
    const isTooMany = this.#lookUps >= mostLookUps;
    if (isTooMany || !isInRoom(matrix, context.roomId, message.sender)) {
      this.#reject(from, isTooMany ? "too-many" : "not-in-room");
      return EMPTY;
    }
    this.#lookUps += 1;
    return proven(message).pipe(finalize(() => (this.#lookUps -= 1)));
  }

  #receive(received: ToDeviceMessage): void {
    const { matrix, context, requireCrossSigned, hasPair, deliver, trace } = this.#options;
    const read = readEnvelope(received, context, matrix, requireCrossSigned);
    if (!read) return;
    if ("rejected" in read) {
      const from = { userId: received.sender, deviceId: received.proof?.deviceId ?? "" };
      const path = read.path === undefined ? {} : { path: read.path };
      return trace({ kind: "message-rejected", from, reason: read.rejected, ...path });
    }
    const message = read.accepted;
    if (hasPair(message)) return deliver(message);
    if (!isInRoom(matrix, context.roomId, message.from.userId)) return this.#reject(message.from, "not-in-room");
    trace({ kind: "message-early", from: message.from });
    const surplus = this.#early.add(message, this.#clock.now());
    for (const { from } of surplus) this.#reject(from, "too-many");
    this.#earlyChanged$.next();
  }

  #dropExpired(): void {
    for (const { from } of this.#early.takeExpired(this.#clock.now())) this.#reject(from, "too-late");
    this.#earlyChanged$.next();
  }

  #reject({ userId, deviceId }: Device, reason: "not-in-room" | "too-many" | "too-late"): void {
    this.#options.trace({ kind: "message-rejected", from: { userId, deviceId }, reason });
  }
}
