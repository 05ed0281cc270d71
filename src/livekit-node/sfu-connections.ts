// SfuConnections: a connection to each server of the plan. We publish on the old one until the new one is connected.
import { BehaviorSubject, Observable, Subscription } from "rxjs";
import type { ConnectionStatus } from "./sfu-connection.ts";
import type { PlannedSfu } from "./sfu-plan.ts";

/** A connection to a LiveKit server, and its state. A connection that did not change is the same object as before. */
export interface SfuConnectionState {
  /** The address of the authorisation service. */
  readonly url: string;
  /** Whether our own media goes there. We receive on it in any case. */
  readonly isPublishing: boolean;
  readonly status: ConnectionStatus;
}

interface Held {
  state: SfuConnectionState;
  readonly isPublishing$: BehaviorSubject<boolean>;
  readonly subscription: Subscription;
}

/**
 * The connections that the plan asks for, whenever one of them changes.
 *
 * @param keyOf Servers with the same key share a connection.
 * @param connect Opens a connection, and publishes on it while `isPublishing$` is true.
 */
export function sfuConnections(
  plan$: Observable<readonly PlannedSfu[]>,
  keyOf: (sfu: PlannedSfu) => string,
  connect: (sfu: PlannedSfu, isPublishing$: BehaviorSubject<boolean>) => Observable<ConnectionStatus>,
): Observable<readonly SfuConnectionState[]> {
  return new Observable((subscriber) => {
    const held = new Map<string, Held>();
    let wanted = new Map<string, PlannedSfu>();

    const open = (key: string, sfu: PlannedSfu) => {
      const isPublishing$ = new BehaviorSubject(sfu.purpose === "publish");
      const status: ConnectionStatus = { status: "connecting" };
      const state = { url: sfu.url, isPublishing: isPublishing$.value, status };
      const one: Held = { state, isPublishing$, subscription: new Subscription() };
      held.set(key, one);
      one.subscription.add(
        connect(sfu, isPublishing$).subscribe((now) => {
          one.state = { ...one.state, status: now };
          update();
        }),
      );
    };
    /** Moves our media to the new server once that is connected, and closes what is not wanted any more. */
    const update = () => {
      const [target] = [...wanted].find(([, { purpose }]) => purpose === "publish") ?? [];
      const isThere = target === undefined || held.get(target)?.state.status.status === "connected";
      for (const [key, one] of held) {
        const isPublishing = key === target || (!isThere && one.isPublishing$.value);
        if (isPublishing !== one.isPublishing$.value) one.isPublishing$.next(isPublishing);
        if (isPublishing !== one.state.isPublishing) one.state = { ...one.state, isPublishing };
        if (wanted.has(key) || isPublishing) continue;
        held.delete(key);
        one.subscription.unsubscribe();
      }
      subscriber.next(Array.from(held.values(), ({ state }) => state));
    };

    subscriber.add(
      plan$.subscribe((plan) => {
        wanted = new Map(plan.map((sfu) => [keyOf(sfu), sfu]));
        for (const [key, sfu] of wanted) if (!held.has(key)) open(key, sfu);
        update();
      }),
    );
    return () => {
      for (const { subscription } of held.values()) subscription.unsubscribe();
    };
  });
}
