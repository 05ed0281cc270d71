// KeyState: what a session keeps of its keys: the keys themselves, how each member stands, and counts. protocol.md 5.
import { asyncScheduler, ignoreElements, merge, Observable, Subject, tap } from "rxjs";
import type { Device } from "../matrix.ts";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { TraceEntry } from "../trace.ts";
import type { EncryptionKey, Membership } from "../types.ts";
import { sameDevice } from "./device.ts";
import { EncryptionFacts, type MemberEncryption } from "./encryption-status.ts";
import { departures, KnownKeys } from "./known-keys.ts";
import { countKeys, type KeyStatistics, noStatistics } from "./statistics.ts";

export class KeyState {
  readonly known: KnownKeys = new KnownKeys();
  readonly encryptionStatus$: Behavior<readonly MemberEncryption[]>;
  readonly statistics$: Behavior<KeyStatistics>;
  readonly #membership$: Behavior<readonly Membership[]>;
  readonly #self: Device;
  readonly #facts = new EncryptionFacts();
  readonly #counted$ = new Subject<void>();
  readonly #status$ = new Subject<void>();
  #statistics = noStatistics;
  #statuses: readonly MemberEncryption[] = [];
  #isOpen = false;

  constructor(membership$: Behavior<readonly Membership[]>, self: Device) {
    this.#membership$ = membership$;
    this.#self = self;
    this.encryptionStatus$ = behavior(() => this.#readStatuses(), merge(this.#status$, membership$));
    this.statistics$ = behavior(() => this.#statistics, this.#counted$);
  }

  /** Follows the trace. */
  note(entry: TraceEntry): void {
    const before = this.#statistics;
    this.#statistics = countKeys(before, entry);
    if (this.#statistics !== before) this.#counted$.next();
    if (this.#isOpen && this.#facts.note(entry, asyncScheduler.now())) this.#status$.next();
  }

  /** Keeps the keys of one join, for as long as their members are there. */
  keep(key$: Observable<EncryptionKey>): Observable<EncryptionKey> {
    const forgotten$ = departures(this.#membership$).pipe(
      tap((left) => {
        this.known.forget(left);
        // What we encrypt with does not depend on how the room shows us.
        const others = left.filter((member) => !sameDevice(member, this.#self));
        this.#facts.forget(others, this.#membership$.value);
      }),
      ignoreElements(),
    );
    return new Observable((subscriber) => {
      this.#isOpen = true;
      subscriber.add(() => this.#clear());
      // In this order: who is back at once, as another member, begins anew.
      merge(forgotten$, key$.pipe(tap((key) => this.known.next(key)))).subscribe(subscriber);
    });
  }

  #clear(): void {
    this.#isOpen = false;
    this.known.clear();
    this.#facts.clear();
    this.#status$.next();
  }

  /** Statuses that did not change are the same objects, and so is the list. */
  #readStatuses(): readonly MemberEncryption[] {
    const before = this.#statuses;
    const members = this.#isOpen ? this.#membership$.value : [];
    const now = members.map((member, index) => {
      const status = this.#facts.statusOf(member);
      const old = before[index];
      return old && isSame(old, status) ? old : status;
    });
    const isUnchanged = now.length === before.length && now.every((status, index) => status === before[index]);
    return isUnchanged ? before : (this.#statuses = now);
  }
}

function isSame(a: MemberEncryption, b: MemberEncryption): boolean {
  const fields = ["member", "status", "why", "keyIndex", "sinceTs", "unreached"] as const;
  return fields.every((field) => (a as Fields)[field] === (b as Fields)[field]);
}

type Fields = Readonly<Record<string, unknown>>;
