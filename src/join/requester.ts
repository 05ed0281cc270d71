// Requester: requests of the lifecycle as effects of the Matrix client, each with one answer. protocol.md 4.6, examples E6 and E7.
import { asyncScheduler, catchError, EMPTY, Observable, retry } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { type Matrix, MatrixError, type OutgoingEvent } from "../matrix.ts";
import { maxStickyMs } from "../membership/sticky-map.ts";
import { isEncrypted } from "../room/encryption.ts";
import { names, slotIn, stateMemberType } from "../room/names.ts";
import type { OwnMember } from "../types.ts";
import { openSlot, stableJoin, stateJoin, stickyJoin, stickyLeave } from "./content.ts";
import type { Input } from "./draft.ts";
import type { ReplacedMember } from "./model.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import { stateKeyIn } from "./own-state-key.ts";
import type { Answer, Request } from "./requests.ts";
import type { JoinTrace } from "./trace.ts";

/** Makes the function that sends requests: each answers exactly once, and never fails. */
export function requester(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  memberOf: (joinCount: number) => OwnMember,
): (id: number, request: Request) => Observable<AnswerInput> {
  const { matrix, roomId, slot } = call;
  const { mode, generation } = options;
  const { stickyMember, slot: slotType } = names[generation];
  // Made when it is needed: a state membership has no transaction ids.
  let txnPrefix: string | undefined;
  // A server drops a state event that equals the one before. After a crash that nobody has noticed, others would not see
  // that this is another join, nor send it their keys (pitfall 21). So each join gets another lifetime.
  const startTs = asyncScheduler.now();
  const expirySaltMs = (joinCount: number) => (startTs + joinCount) % 60_000;

  const joinEvent = (request: Extract<Request, { kind: "write" }>): OutgoingEvent => {
    const own = memberOf(request.joinCount);
    if (mode === "matrix_2_0") {
      const content = (generation === "stable" ? stableJoin : stickyJoin)(slot, own, request.content);
      return { ...sticky(request.txn, request.lifetimeMs), content };
    }
    const expiresMs =
      request.ageMs + request.lifetimeMs + (request.createdTs === undefined ? expirySaltMs(request.joinCount) : 0);
    return state(own, stateJoin(mode, call, own, request.content, { ...request, expiresMs }));
  };
  const leaveEvent = (of: ReplacedMember, txn: number, reason?: LeaveReason): OutgoingEvent => {
    if (mode !== "matrix_2_0") return state(memberOf(0), {});
    const memberId = typeof of === "string" ? of : memberOf(of).memberId;
    // A leave lasts as long as a sticky event can: at least as long as the membership that it ends (3.1).
    const content = stickyLeave(slotIn(generation, slot), memberId, reason);
    // In the clear, as delayed leaves are: users who were out of the room for a while can read our join, and not this.
    return { ...sticky(txn, maxStickyMs), content, isCleartext: reason === undefined };
  };
  const sticky = (txn: number, stickyMs: number) => {
    return { roomId, type: stickyMember, stickyMs, txnId: `${(txnPrefix ??= crypto.randomUUID())}.${txn}` };
  };
  const state = (own: OwnMember, content: OutgoingEvent["content"]) => {
    return { roomId, type: stateMemberType, stateKey: stateKeyIn(call, own), content };
  };
  const openSlotEvent = (): OutgoingEvent => {
    const stateKey = slotIn(generation, slot);
    const existing = matrix.stateEvent(roomId, slotType, stateKey)?.content;
    const content = openSlot(existing, slot, isEncrypted(matrix, roomId), generation);
    return { roomId, type: slotType, stateKey, content };
  };

  const isLeaveHidden = ({ afterReason }: Extract<Request, { kind: "cancel" }>) =>
    afterReason !== undefined && isEncrypted(matrix, roomId);

  const effectOf = (request: Request): Observable<unknown> => {
    switch (request.kind) {
      case "capability":
        return matrix.delayedEventLimits();
      case "open-slot":
        return matrix.send(openSlotEvent());
      case "schedule":
        return schedule(matrix, leaveEvent(request.joinCount, request.txn), request.delayMs);
      case "restart":
      case "send": {
        const { delayId, kind, keepalive = false } = request;
        return matrix.updateDelayedEvent(delayId, kind, { keepalive });
      }
      case "cancel":
        return outliving(matrix.updateDelayedEvent(request.delayId, isLeaveHidden(request) ? "send" : "cancel"));
      case "delegate": {
        const { delayId, delayMs } = request;
        return options.delegate?.({ member: memberOf(request.joinCount), delayId, delayMs }) ?? EMPTY;
      }
      case "write":
        return matrix.send(joinEvent(request));
      case "leave":
        return sendLeave(matrix, leaveEvent(request.of, request.txn, request.reason));
    }
  };
  return (id, request) => answering(id, () => effectOf(request), answersByCompleting.has(request.kind));
}

const answersByCompleting: ReadonlySet<Request["kind"]> = new Set(["restart", "send", "cancel", "delegate"] as const);

/** Sends a leave. A room that does not allow its type in the clear may allow encrypted events. */
function sendLeave(matrix: Matrix, event: OutgoingEvent): Observable<string> {
  if (event.stateKey !== undefined || !event.isCleartext) return matrix.send(event);
  const { isCleartext: _, ...encrypted } = event;
  return matrix.send(event).pipe(
    catchError((error: unknown) => {
      if (error instanceof MatrixError && error.kind === "forbidden") return matrix.send(encrypted);
      throw error;
    }),
  );
}

/** The wait between two tries to cancel a delayed leave that nobody waits for. */
const cancelRetryMs = 3_000;

/**
 * Schedules a delayed leave and emits its id: a secret. The request cannot be taken back. Without a subscriber when the id
 * arrives, the delayed leave is cancelled: it would end the next join under the same state key.
 */
function schedule(matrix: Matrix, event: OutgoingEvent, delayMs: number): Observable<string> {
  return outliving(matrix.schedule(event, delayMs), (delayId) => {
    matrix
      .updateDelayedEvent(delayId, "cancel")
      .pipe(retry({ delay: cancelRetryMs, count: delayMs / cancelRetryMs }))
      .subscribe({ error: () => {} });
  });
}

/** A request that goes on without its subscriber: the join may end before the answer. `onLate` gets a value that comes later. */
function outliving<T>(request$: Observable<T>, onLate?: (value: T) => void): Observable<T> {
  return new Observable((subscriber) => {
    request$.subscribe({
      next: (value) => (subscriber.closed ? onLate?.(value) : subscriber.next(value)),
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
  });
}

type AnswerInput = Extract<Input, { kind: "answer" }>;

/** The answer of an effect: its first value, its completion or its error. One Observable, since restarts never end. */
function answering(id: number, effect: () => Observable<unknown>, isByCompleting: boolean): Observable<AnswerInput> {
  return new Observable((subscriber) => {
    const give = (answer: Answer) => {
      subscriber.next({ kind: "answer", id, answer });
      subscriber.complete();
    };
    const fail = (error: unknown) => give({ ok: false, error: asMatrixError(error) });
    try {
      return effect().subscribe({
        next: (value) => isByCompleting || give({ ok: true, value }),
        error: fail,
        complete: () => give(isByCompleting ? done : noAnswer),
      });
    } catch (error) {
      return fail(error);
    }
  });
}

const done: Answer = { ok: true };
/** The port ended a request without a value. */
const noAnswer: Answer = { ok: false, error: new MatrixError("other", "the request ended without an answer") };

function asMatrixError(error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  return new MatrixError("other", error instanceof Error ? error.name : "the request failed");
}
