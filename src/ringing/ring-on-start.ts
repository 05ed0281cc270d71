// RingOnStart: rings when our join has started a call, and takes the ring back if we leave before anybody picked up.
import { AsyncSubject, map, type MonoTypeOperatorFunction, Observable } from "rxjs";
import type { JoinState } from "../join/join-state.ts";
import type { Membership } from "../types.ts";

/** What it needs of the call. */
export interface StartedCall {
  readonly membership$: Observable<readonly Membership[]>;
  /** Sends the ring, emits once that is done, and completes. */
  readonly ring: () => Observable<unknown>;
  readonly withdraw: () => Observable<never>;
  readonly failed: (cause: unknown) => void;
}

/**
 * An operator on the states of a join. The duty to ring is ours while nobody else has been in the call: the list of members
 * goes from empty to ourselves alone. protocol.md 7.2.
 */
export function ringOnStart({ membership$, ring, withdraw, failed }: StartedCall): MonoTypeOperatorFunction<JoinState> {
  return (join$) =>
    new Observable((subscriber) => {
      /** Whether somebody else has been in the call since we began to join. */
      let hasCompany = false;
      /** A device that joins again can have another member. */
      const ownIdentities = new Set<string>();
      /** Our ring, once it is sent. */
      let sent$: AsyncSubject<unknown> | undefined;
      let hasEnded = false;

      const isOwn = ({ participantIdentity }: Membership) => ownIdentities.has(participantIdentity);
      const look = (members: readonly Membership[]) => {
        if (members.some((member) => !isOwn(member))) hasCompany = true;
        if (sent$ || hasCompany || hasEnded || !members.some(isOwn)) return;
        sent$ = new AsyncSubject();
        sent$.subscribe({ error: failed });
        ring().subscribe(sent$);
      };
      const end = () => {
        if (hasEnded) return;
        hasEnded = true;
        // A ring that is still under way is taken back once it has arrived. One that has failed is reported already.
        if (!hasCompany) sent$?.subscribe({ next: () => withdraw().subscribe({ error: failed }), error: () => {} });
      };

      // Our own member is known before its membership is in the room.
      const states$ = join$.pipe(
        map((state) => {
          ownIdentities.add(state.member.participantIdentity);
          if (state.status === "leaving") end();
          return state;
        }),
      );
      subscriber.add(end);
      subscriber.add(membership$.subscribe(look));
      subscriber.add(states$.subscribe(subscriber));
    });
}
