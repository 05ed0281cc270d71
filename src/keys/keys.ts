// Keys: the media keys of a session: the keys themselves, the encryption status of each member, and counts. protocol.md 5.
// While we are joined, `exchange` takes one step after the other (exchange.ts).
import {
  asyncScheduler,
  defer,
  EMPTY,
  finalize,
  merge,
  mergeMap,
  type Observable,
  type Observer,
  of,
  Subject,
} from "rxjs";
import { isInRoom, isRemoved } from "../room/room-member.ts";
import { behavior, type Behavior } from "../rx/behavior.ts";
import { knownThenLive } from "../rx/known-then-live.ts";
import { sameItems, stable, whenChanged } from "../rx/stable.ts";
import type { DecryptionReport, EncryptionKey, OwnMember } from "../types.ts";
import type { KeysContext } from "./channel.ts";
import type { KeysEvent } from "./effects.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import { Exchange } from "./exchange.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { type ExchangeOutput, runExchange } from "./run-exchange.ts";
import { type KeyStatistics, noKeys, sumOf } from "./statistics.ts";
import { keyBytes } from "./wire.ts";

export interface Keys {
  /** The known keys first, then each at the moment to install it. */
  readonly encryptionKey$: Observable<EncryptionKey>;
  readonly keys$: Behavior<readonly EncryptionKey[]>;
  readonly encryptionStatus$: Behavior<ReadonlyMap<string, MemberEncryption>>;
  readonly statistics$: Behavior<KeyStatistics>;
  /** Takes reports of the media layer. While we are not joined, it ignores them. */
  readonly decryption: Pick<Observer<DecryptionReport>, "next">;
  /**
   * Exchanges keys as this member while subscribed. Afterwards nothing goes in or out, and no key is kept.
   *
   * Emits each key at the moment to install it: our first at once, later ones after the use delay, those of the others
   * once we see their member. The others get our keys from the moment the room shows us as a member.
   */
  exchange(self: OwnMember, options: ResolvedKeyOptions): Observable<KeysEvent>;
}

export function sessionKeys(context: KeysContext): Keys {
  const { matrix, roomId, membership$ } = context;
  const installed$ = new Subject<EncryptionKey>();
  const report$ = new Subject<DecryptionReport>();
  const changed$ = new Subject<void>();
  const counted$ = new Subject<void>();
  let statistics = noKeys;
  /** Set while we exchange keys. */
  let present: Exchange | undefined;
  let version = 0;

  const handle = (exchange: Exchange, output: ExchangeOutput): Observable<KeysEvent> => {
    switch (output.kind) {
      case "stepped":
        if (version !== exchange.version) changed$.next();
        ({ version } = exchange);
        return EMPTY;
      case "note":
        statistics = sumOf(statistics, output.counts);
        counted$.next();
        context.trace(output.entry);
        return EMPTY;
      case "key":
        installed$.next(output.key);
        return of(output);
      case "keys-unanswered":
        return of(output);
    }
  };
  const knownKeys = () => present?.keys() ?? [];
  const statuses = () => {
    const byIdentity = new Map<string, MemberEncryption>();
    // If two members claim one identity, it belongs to the older one.
    for (const status of present?.statuses(membership$.value) ?? [])
      if (!byIdentity.has(status.participantIdentity)) byIdentity.set(status.participantIdentity, status);
    return byIdentity;
  };
  // The media layer reads keys and statuses with each of its decisions.
  const versions = () => [present, present?.version];

  return {
    encryptionKey$: knownThenLive(knownKeys, installed$),
    keys$: behavior(
      stable(
        whenChanged(versions, () => [...knownKeys()]),
        sameItems,
      ),
      changed$,
    ),
    encryptionStatus$: behavior(
      stable(
        whenChanged(() => [...versions(), membership$.value], statuses),
        (a, b) => sameItems([...a.values()], [...b.values()]),
      ),
      merge(changed$, membership$),
    ),
    statistics$: behavior(() => statistics, counted$),
    decryption: { next: (report) => report$.next(report) },

    exchange: (self, options) =>
      defer(() => {
        const exchange = new Exchange(self, options.rotation, {
          newKey: () => crypto.getRandomValues(new Uint8Array(keyBytes(options.format))),
          isInRoom: (userId) => isInRoom(matrix, roomId, userId),
          isRemoved: (userId) => isRemoved(matrix, roomId, userId),
          now: asyncScheduler.now(),
        });
        present = exchange;
        ({ version } = exchange);
        return runExchange(exchange, context, self, options, report$).pipe(
          mergeMap((output) => handle(exchange, output)),
          finalize(() => {
            present = undefined;
            changed$.next();
          }),
        );
      }),
  };
}
