// JoinWithKeys: our own membership, and the exchange of media keys for as long as it lasts. protocol.md 4, 5.
import { defer, EMPTY, Observable, of, ReplaySubject, share, Subject, switchMap, tap } from "rxjs";
import { RtcError } from "../errors.ts";
import { type JoinOptions, resolveJoinOptions } from "../join/options.ts";
import { ownMembership } from "../join/join.ts";
import type { JoinState } from "../join/join-state.ts";
import type { KeysEvent } from "../keys/effects.ts";
import type { Keys } from "../keys/keys.ts";
import { type KeyOptions, resolveKeyOptions } from "../keys/options.ts";
import { isEncrypted, whenEncrypted } from "../room/encryption.ts";
import type { SessionContext } from "../session-context.ts";
import type { TraceEntry } from "../trace.ts";
import type { OwnMember } from "../types.ts";

/**
 * How to be a member, and how to handle media keys.
 *
 * @example
 * ```ts
 * import { Subject } from "rxjs";
 * import type { EncryptedJoinOptions } from "matrixrtc-rx/encryption";
 *
 * const hangUp$ = new Subject<void>();
 * const options: EncryptedJoinOptions = { intent: "video", leaveOn: hangUp$, keys: { requireCrossSigned: true } };
 * console.assert(options.keys?.requireCrossSigned === true);
 * ```
 */
export interface EncryptedJoinOptions extends Omit<JoinOptions, "keys"> {
  /** Media keys. Default: made and exchanged as soon as the room is encrypted. */
  readonly keys?: KeyOptions | undefined;
}

/** The `join` of a session: one at a time. */
export function joinWithKeys(
  context: SessionContext<TraceEntry>,
  keys: Keys,
): (options?: EncryptedJoinOptions) => Observable<JoinState> {
  const { matrix, roomId } = context;
  return (options = {}) => {
    const { keys: wantedKeys, ...membership } = options;
    const joinOptions = resolveJoinOptions(context.slot, membership);
    const keyOptions = resolveKeyOptions(wantedKeys);
    const { enabled, transport, requireCrossSigned } = keyOptions;

    const whenEnabled$ = enabled === undefined ? whenEncrypted(matrix, roomId) : enabled ? of(true) : EMPTY;
    const exchange = (own: OwnMember | undefined): Observable<KeysEvent> =>
      own ? whenEnabled$.pipe(switchMap(() => keys.exchange(own, keyOptions))) : EMPTY;

    const join$ = new Observable<JoinState>((subscriber) => {
      const own$ = new Subject<OwnMember | undefined>();
      const keysUnanswered$ = new Subject<void>();
      subscriber.add(
        own$.pipe(switchMap(exchange)).subscribe({
          next: ({ kind }) => kind === "keys-unanswered" && keysUnanswered$.next(),
          error: (cause: unknown) => subscriber.error(keysFailed(cause)),
        }),
      );
      // Keys stop before the first request of a leave. They see it before the subscriber does. A join ends only after it has
      // begun to leave.
      let own: OwnMember | undefined;
      const exchangeAs = (member: OwnMember | undefined) => {
        if (member !== own) own$.next((own = member));
      };
      const keysFirst = tap<JoinState>((state) => exchangeAs(activeMember(state)));
      subscriber.add(ownMembership(context, joinOptions, keysUnanswered$).pipe(keysFirst).subscribe(subscriber));
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
