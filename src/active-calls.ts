// ActiveCalls: the sessions that have members, each watched for as long as it has.
import { distinctUntilChanged, map, Subscription, takeWhile } from "rxjs";
import type { RtcSession } from "./session.ts";

export class ActiveCalls<S extends Pick<RtcSession, "roomId" | "membership$">> {
  readonly #onChange: () => void;
  readonly #calls = new Map<string, S>();
  readonly #watches = new Map<string, Subscription>();
  #told: ReadonlyMap<string, S> | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** The sessions by room, in the order in which they began: the same map until there is a change. */
  get now(): ReadonlyMap<string, S> {
    return (this.#told ??= new Map(this.#calls));
  }

  /** Whether something has changed since it was last asked for. */
  get isNews(): boolean {
    return this.#told === undefined;
  }

  has(roomId: string): boolean {
    return this.#watches.has(roomId);
  }

  /** Watches a session until it has no members. */
  watch(session: S): void {
    const { roomId, membership$ } = session;
    const watch = new Subscription(() => {
      this.#watches.delete(roomId);
      this.#note(session, false);
    });
    this.#watches.set(roomId, watch);
    const isActive$ = membership$.pipe(
      map((members) => members.length > 0),
      distinctUntilChanged(),
      takeWhile((isActive) => isActive, true),
    );
    watch.add(
      isActive$.subscribe({
        next: (isActive) => this.#note(session, isActive),
        complete: () => watch.unsubscribe(),
      }),
    );
  }

  /** Watches a room no more, and takes its call for ended. */
  drop(roomId: string): void {
    this.#watches.get(roomId)?.unsubscribe();
  }

  close(): void {
    for (const roomId of Array.from(this.#watches.keys())) this.drop(roomId);
  }

  #note(session: S, isActive: boolean): void {
    if (this.#calls.has(session.roomId) === isActive) return;
    if (isActive) this.#calls.set(session.roomId, session);
    else this.#calls.delete(session.roomId);
    this.#told = undefined;
    this.#onChange();
  }
}
