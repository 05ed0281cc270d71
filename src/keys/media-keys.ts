// Media keys for the span of one join: ours given to the members, theirs taken in. protocol.md 5.
import { asyncScheduler, distinctUntilChanged, Observable, Subject, switchMap } from "rxjs";
import type { Call, OwnMember } from "../call.ts";
import type { Device, ToDeviceMessage, ToDeviceOutcome } from "../matrix.ts";
import { at } from "../rx/at-deadline.ts";
import type { EncryptionKey, Membership } from "../types.ts";
import { sameDevice } from "./device.ts";
import { Inbox, type Receipt } from "./inbox.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { Rotation, type RotationEffect } from "./rotation.ts";
import { judge } from "./sender.ts";
import { keyBytes, keyMessage } from "./wire.ts";

/**
 * Makes, gives and takes media keys while subscribed; nothing goes in or out once it is not.
 *
 * It emits each key at the instant to install it: our first at once, later ones after the use delay, those of others
 * once their member is known. Others are given our keys from the moment the room shows us as a member.
 */
export function mediaKeys(call: Call, own: OwnMember, options: ResolvedKeyOptions): Observable<EncryptionKey> {
  return new Observable((subscriber) => {
    const { matrix, roomId, slot, trace } = call;
    const { requireCrossSigned, format } = options;
    const newKey = () => crypto.getRandomValues(new Uint8Array(keyBytes(format)));
    const rotation = new Rotation(own, options.rotation, newKey, asyncScheduler.now());
    const inbox = new Inbox();
    const deadline$ = new Subject<number>();
    const arm = () => deadline$.next(Math.min(rotation.deadlineTs, inbox.deadlineTs));

    const give = ({ key, members, attempt }: Extract<RotationEffect, { kind: "send" }>) => {
      const { keyIndex } = key;
      const devices = members.map(({ userId, deviceId }) => ({ userId, deviceId }));
      const sentTs = asyncScheduler.now();
      const { type, content } = keyMessage(format, { ...own, ...key, roomId, slot, sentTs });
      const note = ({ userId, deviceId }: Device, outcome: ToDeviceOutcome["outcome"]) => {
        const isSent = outcome === "sent";
        if (!isSent) trace({ kind: "key-not-delivered", keyIndex, attempt, outcome, userId, deviceId });
        rotation.delivered(keyIndex, { userId, deviceId }, isSent, attempt, asyncScheduler.now());
        arm();
      };
      trace({ kind: "key-sent", keyIndex, devices: devices.length });
      subscriber.add(
        matrix.sendToDevice(devices, type, content).subscribe({
          next: (device) => note(device, device.outcome),
          error: () => devices.forEach((device) => note(device, "failed")),
        }),
      );
    };

    const perform = (effect: RotationEffect) => {
      if (effect.kind === "send") return give(effect);
      const { keyIndex, key } = effect.key;
      if (effect.kind === "created") return trace({ kind: "key-created", keyIndex, reason: effect.reason });
      trace({ kind: "key-used", keyIndex });
      const { userId, deviceId, memberId, participantIdentity } = own;
      subscriber.next({ userId, deviceId, memberId, participantIdentity, keyIndex, key, own: true });
    };

    const settle = (receipt: Receipt) => {
      if (receipt.kind === "taken") {
        const { userId, deviceId, memberId, keyIndex } = receipt.key;
        trace({ kind: "key-received", userId, deviceId, memberId, keyIndex, ageMs: receipt.ageMs });
        return subscriber.next(receipt.key);
      }
      const { userId, deviceId, keyIndex } = receipt.from;
      if (receipt.kind === "early") trace({ kind: "key-early", userId, deviceId, keyIndex });
      else trace({ kind: "key-refused", reason: receipt.reason, userId, deviceId, keyIndex });
    };

    const act = (effects: readonly RotationEffect[], receipts: readonly Receipt[]) => {
      for (const effect of effects) if (!subscriber.closed) perform(effect);
      for (const receipt of receipts) if (!subscriber.closed) settle(receipt);
      if (!subscriber.closed) arm();
    };

    const look = (members: readonly Membership[]) => {
      const isShown = members.some((member) => sameDevice(member, own));
      act(isShown ? rotation.setMembers(members, asyncScheduler.now()) : [], inbox.setMembers(members));
    };

    const receive = (message: ToDeviceMessage) => {
      const now = asyncScheduler.now();
      const judgement = judge(message, { ...own, roomId, slot, requireCrossSigned }, now);
      if (!judgement) return;
      if (!("refused" in judgement)) return act([], inbox.receive(judgement));
      const { refused: reason, ...path } = judgement;
      trace({ kind: "key-refused", reason, userId: message.sender, ...path });
    };

    const due$ = deadline$.pipe(distinctUntilChanged(), switchMap(at));
    subscriber.add(
      due$.subscribe(() => act(rotation.passTime(asyncScheduler.now()), inbox.passTime(asyncScheduler.now()))),
    );
    act(rotation.start(), []);
    subscriber.add(matrix.toDevice$.subscribe(receive));
    subscriber.add(call.membership$.subscribe(look));
  });
}
