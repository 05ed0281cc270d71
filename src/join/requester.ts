// Requester: what the lifecycle asks for, as effects of the port. protocol.md 4.6, examples E6 and E7.
import { asyncScheduler, catchError, concat, defer, EMPTY, ignoreElements, map, type Observable, of, take } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { MatrixError, type OutgoingEvent } from "../matrix.ts";
import { hasOwnedStateKeys } from "../room/create.ts";
import { isEncrypted } from "../room/encryption.ts";
import { slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { type MembershipData, openSlot, stateJoin, stateKeyOf, stickyJoin, stickyLeave } from "./content.ts";
import type { Answer, Request } from "./request.ts";
import type { DelegatedLeave, LeaveReason, ResolvedJoinOptions } from "./options.ts";
import { schedule } from "./schedule.ts";
import type { OwnMember } from "../types.ts";
import type { JoinTrace } from "./trace.ts";

/** What a request is filled in with at the moment when it is sent. */
export interface Particulars {
  readonly member: (instance: number) => OwnMember;
  readonly data: () => MembershipData;
  /** Sets this join apart in transaction ids. */
  readonly txnPrefix: string;
}

/** A leave lasts as long as a sticky event can, so that it outlives whatever it ends (3.1). */
const stickyLeaveMs = 3_600_000;

/** Makes the function that sends requests: each answers exactly once, and never fails. */
export function requester(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  particulars: Particulars,
): (request: Request) => Observable<Answer> {
  const { matrix, roomId, slot } = call;
  const { member, data, txnPrefix } = particulars;
  const { mode } = options;
  // A server drops a state event that says what the one before said. After a crash that nobody has noticed others would
  // not see that this is another join, nor give it their keys (pitfall 21). So each join lasts differently long.
  const distinctionMs = asyncScheduler.now() % 60_000;

  const joinEvent = (request: Extract<Request, { kind: "write" }>): OutgoingEvent => {
    const own = member(request.instance);
    if (mode === "matrix_2_0") {
      const txnId = `${txnPrefix}.${request.txn}`;
      const content = stickyJoin(slot, own, data());
      return { roomId, type: stickyMemberTypes[0], content, stickyMs: request.lifetimeMs, txnId };
    }
    const expiresMs = request.ageMs + request.lifetimeMs + (request.createdTs === undefined ? distinctionMs : 0);
    const times = { createdTs: request.createdTs, expiresMs };
    return {
      roomId,
      type: stateMemberType,
      stateKey: stateKey(own),
      content: stateJoin(mode, call, own, data(), times),
    };
  };
  const leaveEvent = (instance: number, txn: number, reason?: LeaveReason): OutgoingEvent => {
    const own = member(instance);
    if (mode !== "matrix_2_0") return { roomId, type: stateMemberType, stateKey: stateKey(own), content: {} };
    const content = stickyLeave(slot, own.memberId, reason);
    return { roomId, type: stickyMemberTypes[0], content, stickyMs: stickyLeaveMs, txnId: `${txnPrefix}.${txn}` };
  };
  const stateKey = (own: OwnMember) => stateKeyOf(own, slot, hasOwnedStateKeys(matrix, roomId));
  const openSlotEvent = (): OutgoingEvent => {
    const [type] = slotTypes;
    const existing = matrix.stateEvent(roomId, type, slot)?.content;
    return { roomId, type, stateKey: slot, content: openSlot(existing, slot, isEncrypted(matrix, roomId)) };
  };

  const delegated = ({ instance, delayId, delayMs }: Extract<Request, { kind: "delegate" }>): DelegatedLeave => ({
    member: member(instance),
    delayId,
    delayMs,
  });

  const send = (request: Request): Observable<unknown> => {
    switch (request.kind) {
      case "capability":
        return matrix.delayedEventLimits();
      case "open-slot":
        return matrix.send(openSlotEvent());
      case "schedule":
        return schedule(matrix, leaveEvent(request.instance, request.txn), request.delayMs);
      case "restart":
      case "send":
      case "cancel":
        return done(
          matrix.updateDelayedEvent(request.delayId, request.kind, { keepalive: request.keepalive === true }),
        );
      case "delegate":
        return concat(options.delegate?.(delegated(request)) ?? EMPTY, of(undefined));
      case "write":
        return matrix.send(joinEvent(request));
      case "leave":
        return matrix.send(leaveEvent(request.instance, request.txn, request.reason));
    }
  };
  return (request) =>
    concat(defer(() => send(request)).pipe(map((value): Answer => ({ ok: true, value }))), of(silence)).pipe(
      take(1),
      catchError((error: unknown) => of<Answer>({ ok: false, error: asMatrixError(error) })),
    );
}

/** The port ended a request without a word. */
const silence: Answer = { ok: false, error: new MatrixError("other", "the request ended without an answer") };

/** Completion as an answer. */
function done(effect: Observable<unknown>): Observable<unknown> {
  return concat(effect.pipe(ignoreElements()), of(undefined));
}

function asMatrixError(error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  return new MatrixError("other", error instanceof Error ? error.name : "the request failed");
}
