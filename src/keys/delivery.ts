// Delivery: one key of ours on its way to some devices, and which of them did not get it. protocol.md 5.2, pitfall 23.
import { asyncScheduler, catchError, concat, defer, EMPTY, filter, from, type Observable, tap, timeout } from "rxjs";
import type { Call, OwnMember } from "../call.ts";
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import { deviceKey } from "./device.ts";
import type { Delivery } from "./distribution.ts";
import type { KeyFormat } from "./options.ts";
import { keyMessage } from "./wire.ts";

/** Whoever has not been heard of by then counts as not reached. */
const patienceMs = 30_000;

/** Sends a key when subscribed to, and emits the devices that it did not reach. Never fails. */
export function deliver(
  { matrix, roomId, slot, trace }: Call,
  own: OwnMember,
  format: KeyFormat,
  { key, devices, attempt, wantsKey = false }: Delivery,
): Observable<ToDeviceOutcome> {
  return defer(() => {
    const { keyIndex } = key;
    const { memberId, deviceId } = own;
    const sentTs = asyncScheduler.now();
    const { type, content } = keyMessage(format, {
      roomId,
      slot,
      memberId,
      deviceId,
      keyIndex,
      key: key.key,
      sentTs,
      wantsKey,
    });
    trace({ kind: "key-sent", keyIndex, devices: devices.length });

    const unheard = new Map<string, Device>(devices.map((device) => [deviceKey(device), device]));
    const outcomes$ = matrix.sendToDevice(devices, type, content).pipe(
      timeout({ each: patienceMs }),
      catchError(() => EMPTY),
      tap((outcome) => unheard.delete(deviceKey(outcome))),
    );
    const notReached = ({ userId, deviceId: to }: Device): ToDeviceOutcome => ({
      userId,
      deviceId: to,
      outcome: "failed",
    });
    const silence$ = defer(() => from([...unheard.values()].map(notReached)));
    return concat(outcomes$, silence$).pipe(
      tap(({ userId, deviceId: to, outcome }) =>
        trace(
          outcome === "sent"
            ? { kind: "key-delivered", keyIndex, userId, deviceId: to }
            : { kind: "key-not-delivered", keyIndex, attempt, outcome, userId, deviceId: to },
        ),
      ),
      filter(({ outcome }) => outcome !== "sent"),
    );
  });
}
