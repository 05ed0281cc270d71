// KnownKeys: the keys of those who are in the call, for whoever comes to them late. Pitfalls 25, 31.
import { filter, map, type Observable, pairwise, startWith } from "rxjs";
import type { Behavior } from "../rx/behavior.ts";
import { LatestByKey } from "../rx/latest-by-key.ts";
import type { EncryptionKey, Membership } from "../types.ts";
import { memberChanges } from "./member-changes.ts";

/** How many keys of each participant are kept. Two are in use at most. */
const most = 8;

export class KnownKeys {
  readonly #latest = new LatestByKey<EncryptionKey>(
    ({ participantIdentity, keyIndex }) => `${keyIndex % most} ${participantIdentity}`,
  );
  /** The known ones first, then each at the instant to install it. */
  readonly key$: Observable<EncryptionKey> = this.#latest.values$;

  next(key: EncryptionKey): void {
    this.#latest.next(key);
  }

  of({ participantIdentity }: Pick<Membership, "participantIdentity">): readonly EncryptionKey[] {
    const keys: EncryptionKey[] = [];
    this.key$.subscribe((key) => key.participantIdentity === participantIdentity && keys.push(key)).unsubscribe();
    return keys;
  }

  forget(left: readonly Membership[]): void {
    const identities = new Set(left.map(({ participantIdentity }) => participantIdentity));
    this.#latest.keep(({ own, participantIdentity }) => own || !identities.has(participantIdentity));
  }

  clear(): void {
    this.#latest.keep(() => false);
  }
}

/** Those who left, each time that somebody does. */
export function departures(membership$: Behavior<readonly Membership[]>): Observable<readonly Membership[]> {
  return membership$.pipe(
    startWith<readonly Membership[]>([]),
    pairwise(),
    map(([before, after]) => memberChanges(before, after).left),
    filter((left) => left.length > 0),
  );
}
