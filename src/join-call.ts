// Joining a call: our own membership, and beside it the exchange of media keys for as long as it lasts.
import {
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  finalize,
  map,
  Observable,
  of,
  ReplaySubject,
  share,
  Subject,
  switchMap,
} from "rxjs";
import type { SessionContext } from "./session-context.ts";
import { RtcError } from "./errors.ts";
import { type JoinOptions, resolveJoinOptions } from "./join/options.ts";
import { ownMembership } from "./join/join.ts";
import type { JoinState } from "./join/state.ts";
import type { KeyState } from "./keys/key-state.ts";
import { mediaKeys } from "./keys/media-keys.ts";
import { type KeyOptions, resolveKeyOptions } from "./keys/options.ts";
import { isEncrypted, whenEncrypted } from "./room/encryption.ts";
import type { EncryptionKey, OwnMember } from "./types.ts";
import type { TraceEntry } from "./trace.ts";

/** How to be a member, and what to do about media keys. */
export interface SessionJoinOptions extends JoinOptions, KeyOptions {
  /** Whether to make and exchange media keys. Default: once the room is encrypted. */
  readonly encryptMedia?: boolean;
}

/** The `join` of a session: one at a time. */
export function joinCall(
  call: SessionContext<TraceEntry>,
  keys: KeyState,
): (options?: SessionJoinOptions) => Observable<JoinState> {
  const { matrix, roomId } = call;
  let joined = false;
  return (options = {}) => {
    const joinOptions = resolveJoinOptions(call.slot, options);
    const keyOptions = resolveKeyOptions(options);

    const whenWanted$ =
      options.encryptMedia === undefined ? whenEncrypted(matrix, roomId) : options.encryptMedia ? of(true) : EMPTY;

    /** Others have to see us join anew, so as to give us their keys again. */
    const unanswered$ = new Subject<void>();
    /** Keys in and out for as long as we are this member: they stop before the first request of a leave. */
    const keysOf = (own: OwnMember | undefined): Observable<EncryptionKey> =>
      own ? whenWanted$.pipe(switchMap(() => keys.keep(mediaKeys(call, own, keyOptions, unanswered$)))) : EMPTY;
    const exchange = (state$: Observable<JoinState>) =>
      concat(state$.pipe(map(activeMember)), of(undefined)).pipe(distinctUntilChanged(), switchMap(keysOf));

    const join$ = new Observable<JoinState>((subscriber) => {
      const state$ = new Subject<JoinState>();
      // In this order, so that at each state, and at the end, the keys go first.
      subscriber.add(exchange(state$).subscribe({ error: () => {} }));
      subscriber.add(state$.subscribe(subscriber));
      subscriber.add(ownMembership(call, joinOptions, unanswered$).subscribe(state$));
    });
    return defer(() => {
      if (joined) throw new RtcError("already-joined", "this session has joined already; end that join first");
      // Unless they are wanted at once, keys wait until the room is encrypted.
      if (options.encryptMedia && keyOptions.keyTransport !== "to-device" && !isEncrypted(matrix, roomId))
        throw new RtcError("bad-argument", "keyTransport must be to-device: the room is not encrypted");
      joined = true;
      return join$.pipe(finalize(() => (joined = false)));
    }).pipe(share({ connector: () => new ReplaySubject(1) }));
  };
}

const activeMember = (state: JoinState): OwnMember | undefined =>
  state.status === "leaving" ? undefined : state.member;
