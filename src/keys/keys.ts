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
import { sameItems } from "../rx/stable.ts";
import type { DecryptionReport, EncryptionKey, OwnMember } from "../types.ts";
import type { KeysContext } from "./channel.ts";
import type { KeysEvent } from "./effects.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import { Exchange } from "./exchange.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { type ExchangeOutput, runExchange } from "./run-exchange.ts";
import { KeyCounter, type KeyStatistics } from "./statistics.ts";
import { keyBytes } from "./wire.ts";

export class Keys {
  /** The known keys first, then each at the moment to install it. */
  readonly encryptionKey$: Observable<EncryptionKey>;
  readonly keys$: Behavior<readonly EncryptionKey[]>;
  readonly encryptionStatus$: Behavior<ReadonlyMap<string, MemberEncryption>>;
  readonly statistics$: Behavior<KeyStatistics>;
  /** Takes reports of the media layer. While we are not joined, it ignores them. */
  readonly decryption: Pick<Observer<DecryptionReport>, "next">;

  readonly #context: KeysContext;
  readonly #counter = new KeyCounter();
  readonly #installed$ = new Subject<EncryptionKey>();
  readonly #report$ = new Subject<DecryptionReport>();
  readonly #changed$ = new Subject<void>();
  /** Set while we exchange keys. */
  #exchange: Exchange | undefined;
  #version = 0;
  #keys: readonly EncryptionKey[] = [];
  #statuses: ReadonlyMap<string, MemberEncryption> = new Map();

  constructor(context: KeysContext) {
    this.#context = context;
    this.encryptionKey$ = knownThenLive(() => this.#exchange?.keys() ?? [], this.#installed$);
    this.keys$ = behavior(() => this.#readKeys(), this.#changed$);
    this.encryptionStatus$ = behavior(() => this.#readStatuses(), merge(this.#changed$, context.membership$));
    this.statistics$ = this.#counter.statistics$;
    this.decryption = { next: (report) => this.#report$.next(report) };
  }

  /**
   * Exchanges keys as this member while subscribed. Afterwards nothing goes in or out, and no key is kept.
   *
   * Emits each key at the moment to install it: our first at once, later ones after the use delay, those of the others
   * once we see their member. The others get our keys from the moment the room shows us as a member.
   */
  exchange(self: OwnMember, options: ResolvedKeyOptions): Observable<KeysEvent> {
    return defer(() => {
      const { matrix, roomId } = this.#context;
      const exchange = new Exchange(self, options.rotation, {
        newKey: () => crypto.getRandomValues(new Uint8Array(keyBytes(options.format))),
        isInRoom: (userId) => isInRoom(matrix, roomId, userId),
        isRemoved: (userId) => isRemoved(matrix, roomId, userId),
        now: asyncScheduler.now(),
      });
      this.#exchange = exchange;
      return runExchange(exchange, this.#context, self, options, this.#report$).pipe(
        mergeMap((output) => this.#handle(exchange, output)),
        finalize(() => this.#end(exchange)),
      );
    });
  }

  #handle(exchange: Exchange, output: ExchangeOutput): Observable<KeysEvent> {
    switch (output.kind) {
      case "stepped":
        if (this.#version !== exchange.version) this.#changed$.next();
        this.#version = exchange.version;
        return EMPTY;
      case "note":
        this.#counter.add(output.counts);
        this.#context.trace(output.entry);
        return EMPTY;
      case "key":
        this.#installed$.next(output.key);
        return of(output);
      case "keys-unanswered":
        return of(output);
    }
  }

  #end(exchange: Exchange): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = undefined;
    this.#changed$.next();
  }

  /** The same list, as long as it holds the same keys. */
  #readKeys(): readonly EncryptionKey[] {
    const now = [...(this.#exchange?.keys() ?? [])];
    return sameItems(now, this.#keys) ? this.#keys : (this.#keys = now);
  }

  /** The same map, as long as it holds the same statuses in the same order. */
  #readStatuses(): ReadonlyMap<string, MemberEncryption> {
    const statuses = this.#exchange?.statuses(this.#context.membership$.value) ?? [];
    const now = new Map<string, MemberEncryption>();
    // If two members claim one identity, it belongs to the older one.
    for (const status of statuses)
      if (!now.has(status.participantIdentity)) now.set(status.participantIdentity, status);
    return sameItems([...now.values()], [...this.#statuses.values()]) ? this.#statuses : (this.#statuses = now);
  }
}
