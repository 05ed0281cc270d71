// Port: requests of the lifecycle as effects of the Matrix client, each with one answer. protocol.md 4.6, examples E6 and E7.
import { asyncScheduler, EMPTY, Observable } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { type Matrix, MatrixError, type OutgoingEvent } from "../matrix.ts";
import { hasOwnedStateKeys } from "../room/create.ts";
import { isEncrypted } from "../room/encryption.ts";
import { slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import type { OwnMember } from "../types.ts";
import { openSlot, stateJoin, stateKeyOf, stickyJoin, stickyLeave } from "./content.ts";
import type { Input } from "./model.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import type { Answer, Request } from "./requests.ts";
import type { JoinTrace } from "./trace.ts";

/** A leave lasts as long as a sticky event can: at least as long as the membership that it ends (3.1). */
const stickyLeaveMs = 3_600_000;

/** Makes the function that sends requests: each answers exactly once, and never fails. */
export function requester(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  memberOf: (joinCount: number) => OwnMember,
): (id: number, request: Request) => Observable<AnswerInput> {
  const { matrix, roomId, slot } = call;
  const { mode } = options;
  const txnPrefix = crypto.randomUUID();
  // A server drops a state event that equals the one before. After a crash that nobody has noticed, others would not see
  // that this is another join, nor send it their keys (pitfall 21). So each join gets another lifetime.
  const expirySaltMs = asyncScheduler.now() % 60_000;

  const joinEvent = (request: Extract<Request, { kind: "write" }>): OutgoingEvent => {
    const own = memberOf(request.joinCount);
    if (mode === "matrix_2_0") {
      const content = stickyJoin(slot, own, request.content);
      return { ...sticky(request.txn, request.lifetimeMs), content };
    }
    const expiresMs = request.ageMs + request.lifetimeMs + (request.createdTs === undefined ? expirySaltMs : 0);
    return state(own, stateJoin(mode, call, own, request.content, { createdTs: request.createdTs, expiresMs }));
  };
  const leaveEvent = (joinCount: number, txn: number, reason?: LeaveReason): OutgoingEvent => {
    const own = memberOf(joinCount);
    if (mode !== "matrix_2_0") return state(own, {});
    return { ...sticky(txn, stickyLeaveMs), content: stickyLeave(slot, own.memberId, reason) };
  };
  const sticky = (txn: number, stickyMs: number) => {
    return { roomId, type: stickyMemberTypes[0], stickyMs, txnId: `${txnPrefix}.${txn}` };
  };
  const state = (own: OwnMember, content: OutgoingEvent["content"]) => {
    return {
      roomId,
      type: stateMemberType,
      stateKey: stateKeyOf(own, slot, hasOwnedStateKeys(matrix, roomId)),
      content,
    };
  };
  const openSlotEvent = (): OutgoingEvent => {
    const [type] = slotTypes;
    const existing = matrix.stateEvent(roomId, type, slot)?.content;
    return { roomId, type, stateKey: slot, content: openSlot(existing, slot, isEncrypted(matrix, roomId)) };
  };

  const effectOf = (request: Request): Observable<unknown> => {
    switch (request.kind) {
      case "capability":
        return matrix.delayedEventLimits();
      case "open-slot":
        return matrix.send(openSlotEvent());
      case "schedule":
        return schedule(matrix, leaveEvent(request.joinCount, request.txn), request.delayMs);
      case "restart":
      case "send":
      case "cancel": {
        const { delayId, kind, keepalive = false } = request;
        return matrix.updateDelayedEvent(delayId, kind, { keepalive });
      }
      case "delegate": {
        const { delayId, delayMs } = request;
        return options.delegate?.({ member: memberOf(request.joinCount), delayId, delayMs }) ?? EMPTY;
      }
      case "write":
        return matrix.send(joinEvent(request));
      case "leave":
        return matrix.send(leaveEvent(request.joinCount, request.txn, request.reason));
    }
  };
  return (id, request) => answering(id, () => effectOf(request), answersByCompleting.has(request.kind));
}

const answersByCompleting: ReadonlySet<Request["kind"]> = new Set(["restart", "send", "cancel", "delegate"] as const);

/**
 * Schedules a delayed leave and emits its id: a secret. The request cannot be taken back. So if nobody is subscribed any
 * more when the id arrives, the delayed leave is cancelled: it would end the next join under the same state key.
 */
function schedule(matrix: Matrix, event: OutgoingEvent, delayMs: number): Observable<string> {
  return new Observable((subscriber) => {
    // Not tied to the subscriber: the answer outlives it.
    matrix.schedule(event, delayMs).subscribe({
      next: (delayId) => {
        if (subscriber.closed) matrix.updateDelayedEvent(delayId, "cancel").subscribe({ error: () => {} });
        else subscriber.next(delayId);
      },
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
