// Media keys for the span of one join: ours given to the members, theirs taken in. protocol.md 5.
import {
  asyncScheduler,
  defer,
  distinctUntilChanged,
  map,
  mergeMap,
  Observable,
  type Observer,
  Subject,
  switchMap,
} from "rxjs";
import type { SessionContext } from "../session-context.ts";
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import { isInRoom } from "../room/room-member.ts";
import { at } from "../rx/at.ts";
import type { Decryption, EncryptionKey, Membership, OwnMember } from "../types.ts";
import { delivery } from "./delivery.ts";
import { type Delivery, Distribution, type DistributionEffect } from "./distribution.ts";
import { Inbox, type Receipt } from "./inbox.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import type { Lack } from "./missing-keys.ts";
import { memberChanges } from "./member-changes.ts";
import { judge, judgeRoomKeys, type Judgement } from "./sender.ts";
import type { KeyTrace } from "./trace.ts";
import { keyBytes } from "./wire.ts";

/** Clocks of senders can be wrong: no age counts for more. */
const oldestMs = 86_400_000;

/**
 * Makes, gives and takes media keys while subscribed; nothing goes in or out once it is not.
 *
 * It emits each key at the instant to install it: our first at once, later ones after the use delay, those of others
 * once their member is known. Others are given our keys from the moment the room shows us as a member. `unanswered$` is
 * told when others have to see us join anew, so as to give us their keys again.
 */
export function mediaKeys(
  call: SessionContext<KeyTrace>,
  own: OwnMember,
  options: ResolvedKeyOptions,
  unanswered$: Pick<Observer<void>, "next">,
): Observable<EncryptionKey> {
  return new Observable((subscriber) => {
    const { matrix, roomId, slot, trace } = call;
    const newKey = () => crypto.getRandomValues(new Uint8Array(keyBytes(options.format)));
    const deliver = delivery(call, own, options);
    const distribution = new Distribution(own, options.rotation, newKey, asyncScheduler.now());
    const inbox = new Inbox(own, (userId) => isInRoom(matrix, roomId, userId));
    const delivery$ = new Subject<Delivery>();
    const deadline$ = new Subject<number>();
    let members: readonly Membership[] = [];

    /** Looks at the members and at the clock: what is sent is sent to who is a member at this instant. */
    const advance = (received: readonly Receipt[] = []) => {
      const now = asyncScheduler.now();
      const before = members;
      members = call.membership$.value;
      const changes = memberChanges(before, members);
      const receipts = [...received, ...inbox.advance(members, changes, now)];
      act(distribution.advance(members, changes, now), receipts);
    };

    const act = (effects: readonly DistributionEffect[], receipts: readonly Receipt[]) => {
      for (const effect of effects) if (!subscriber.closed) perform(effect);
      for (const receipt of receipts) if (!subscriber.closed) settle(receipt);
      if (!subscriber.closed) deadline$.next(Math.min(distribution.deadlineTs, inbox.deadlineTs));
    };

    const perform = (effect: DistributionEffect) => {
      switch (effect.kind) {
        case "created":
          return trace({ kind: "key-created", keyIndex: effect.key.keyIndex, reason: effect.reason });
        case "use":
          return use(effect.key);
        case "suppressed":
          return trace({ kind: "rotation-suppressed", memberCount: effect.memberCount });
        case "send":
          return delivery$.next(effect);
      }
    };

    const fail = (sending: Delivery, { userId, deviceId, cause }: ToDeviceOutcome) => {
      distribution.failed(sending, { userId, deviceId }, asyncScheduler.now(), cause?.retryAfterMs);
      advance();
    };

    const use = ({ keyIndex, key }: Pick<EncryptionKey, "keyIndex" | "key">) => {
      const { userId, deviceId, memberId, participantIdentity } = own;
      trace({ kind: "key-used", keyIndex, participantIdentity });
      const sinceTs = asyncScheduler.now();
      subscriber.next({ userId, deviceId, memberId, participantIdentity, keyIndex, key, own: true, sinceTs });
    };

    const settle = (receipt: Receipt) => {
      if (receipt.kind === "taken") {
        const { userId, deviceId, memberId, participantIdentity, keyIndex } = receipt.key;
        const ageMs = Math.min(oldestMs, Math.max(0, receipt.from.receivedTs - receipt.from.sentTs));
        trace({ kind: "key-received", userId, deviceId, memberId, participantIdentity, keyIndex, ageMs });
        return subscriber.next(receipt.key);
      }
      if ("members" in receipt) return pursue(receipt);
      const { userId, deviceId, keyIndex } = receipt.from;
      if (receipt.kind === "early") trace({ kind: "key-early", userId, deviceId, keyIndex });
      else trace({ kind: "key-rejected", reason: receipt.reason, userId, deviceId, keyIndex });
    };

    const pursue = ({ kind, members: lacking }: Lack) => {
      for (const { userId, deviceId, memberId } of lacking) trace({ kind, userId, deviceId, memberId });
      if (subscriber.closed) return;
      if (kind === "key-unanswered") return unanswered$.next();
      for (const question of distribution.ask(lacking)) delivery$.next(question);
    };

    const answer = ({ userId, deviceId }: Device) => {
      trace({ kind: "key-wanted", userId, deviceId });
      distribution.resend({ userId, deviceId }, asyncScheduler.now());
    };

    const addressee = { ...own, roomId, slot, requireCrossSigned: options.requireCrossSigned };
    const receive = (sender: string, judgement: Judgement | undefined) => {
      if (!judgement) return;
      if ("refused" in judgement) {
        const { refused: reason, ...details } = judgement;
        return trace({ kind: "key-rejected", reason, userId: sender, ...details });
      }
      if (judgement.wantsKey) answer(judgement);
      advance(inbox.receive(judgement));
    };

    // Subscribed to once, so that leaving in the middle of a delivery stops that, too.
    subscriber.add(
      delivery$
        .pipe(mergeMap((sending) => deliver(sending).pipe(map((outcome) => [sending, outcome] as const))))
        .subscribe(([sending, outcome]) => fail(sending, outcome)),
    );
    subscriber.add(deadline$.pipe(distinctUntilChanged(), switchMap(at)).subscribe(() => advance()));
    act(distribution.start(), []);
    subscriber.add(
      matrix.toDevice$.subscribe((message) => receive(message.sender, judge(message, addressee, asyncScheduler.now()))),
    );
    subscriber.add(
      matrix.roomKey$?.subscribe((event) => {
        for (const judgement of judgeRoomKeys(event, addressee, asyncScheduler.now())) receive(event.sender, judgement);
      }),
    );
    const hear = (decryption: Decryption) => {
      const { participantIdentity, result, keyIndex } = decryption;
      trace({ kind: "media-decryption", participantIdentity, result, keyIndex });
      inbox.media(decryption, asyncScheduler.now());
      advance();
    };
    // Deferred, since a Subject that is unsubscribed throws. Keys go on without it.
    const decryption$ = defer(() => options.decryption$);
    subscriber.add(decryption$.subscribe({ next: hear, error: () => trace({ kind: "decryption-lost" }) }));
    subscriber.add(call.membership$.subscribe(() => advance()));
  });
}
