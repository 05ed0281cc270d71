// Joining a call: our own membership, and the exchange of media keys for as long as it lasts. protocol.md 4, 5.
import {
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  endWith,
  map,
  Observable,
  of,
  ReplaySubject,
  share,
  Subject,
  switchMap,
} from "rxjs";
import { RtcError } from "./errors.ts";
import { type JoinOptions, resolveJoinOptions } from "./join/options.ts";
import { ownMembership } from "./join/join.ts";
import type { JoinState } from "./join/join-state.ts";
import type { KeysEvent } from "./keys/effects.ts";
import type { Keys } from "./keys/keys.ts";
import { type KeyOptions, resolveKeyOptions } from "./keys/options.ts";
import { isEncrypted, whenEncrypted } from "./room/encryption.ts";
import type { SessionContext } from "./session-context.ts";
import type { TraceEntry } from "./trace.ts";
import type { OwnMember } from "./types.ts";

/**
 * How to be a member, and how to handle media keys.
 *
 * @example
 * ```ts
 * import { Subject } from "rxjs";
 * import type { SessionJoinOptions } from "matrixrtc-rx";
 *
 * const hangUp$ = new Subject<void>();
 * const options: SessionJoinOptions = { intent: "video", leaveOn: hangUp$, keys: { requireCrossSigned: true } };
 * console.assert(options.keys?.requireCrossSigned === true);
 * ```
 */
export interface SessionJoinOptions extends JoinOptions {
  /** Media keys. Default: made and exchanged as soon as the room is encrypted. */
  readonly keys?: KeyOptions | undefined;
}

/** The `join` of a session: one at a time. */
export function joinCall(
  context: SessionContext<TraceEntry>,
  keys: Keys,
): (options?: SessionJoinOptions) => Observable<JoinState> {
  const { matrix, roomId } = context;
  return (options = {}) => {
    const joinOptions = resolveJoinOptions(context.slot, options);
    const keyOptions = resolveKeyOptions(options.keys);
    const { enabled, transport, requireCrossSigned } = keyOptions;

    const whenEnabled$ = enabled === undefined ? whenEncrypted(matrix, roomId) : enabled ? of(true) : EMPTY;
    const exchange = (own: OwnMember | undefined): Observable<KeysEvent> =>
      own ? whenEnabled$.pipe(switchMap(() => keys.exchange(own, keyOptions))) : EMPTY;

    const join$ = new Observable<JoinState>((subscriber) => {
      const state$ = new Subject<JoinState>();
      const keysUnanswered$ = new Subject<void>();
      // Keys stop before the first request of a leave, and when the join ends. An error of the join reaches the subscriber
      // by itself.
      const own$ = state$.pipe(
        map(activeMember),
        catchError(() => of(undefined)),
        endWith(undefined),
        distinctUntilChanged(),
      );
      // In this order, so that the keys see each state, and the end, before the subscriber does.
      subscriber.add(
        own$.pipe(switchMap(exchange)).subscribe({
          next: ({ kind }) => kind === "keys-unanswered" && keysUnanswered$.next(),
          error: (cause: unknown) => subscriber.error(keysFailed(cause)),
        }),
      );
      subscriber.add(state$.subscribe(subscriber));
      subscriber.add(ownMembership(context, joinOptions, keysUnanswered$).subscribe(state$));
    });
    return defer(() => {
      // Without `enabled`, keys wait until the room is encrypted.
      if (enabled && transport !== "to-device" && !isEncrypted(matrix, roomId))
        throw new RtcError("bad-argument", "keys.transport must be to-device: the room is not encrypted");
      if (enabled !== false && requireCrossSigned && !matrix.isCrossSigned)
        throw new RtcError("unsupported", "keys.requireCrossSigned needs a client that knows which devices are signed");
      return join$;
    }).pipe(share({ connector: () => new ReplaySubject(1) }));
  };
}

/** The member that exchanges keys: none while we leave, or while we wait for an earlier join to leave. */
function activeMember(state: JoinState): OwnMember | undefined {
  const isWaiting = state.status === "joining" && state.step === "waiting-for-leave";
  return state.status === "leaving" || isWaiting ? undefined : state.member;
}

const keysFailed = (cause: unknown): RtcError =>
  cause instanceof RtcError ? cause : new RtcError("request-failed", "the exchange of media keys failed", { cause });
