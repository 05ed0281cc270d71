// To-device messages: a key of ours on its way to each device by itself. protocol.md 5.2, 5.3, pitfall 23.
import { asyncScheduler, catchError, concat, defer, EMPTY, tap, timeout } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import type { Device } from "../matrix.ts";
import type { Way } from "./delivery.ts";
import { deviceKey, outcomesFor } from "./device.ts";
import type { KeyFormat } from "./options.ts";
import { keyMessage } from "./wire.ts";
import type { OwnMember } from "../types.ts";
import type { KeyTrace } from "./trace.ts";

/** Whoever has not been heard of by then counts as not reached. */
export const patienceMs = 30_000;

export function toDeviceMessages(
  { matrix, roomId, slot, trace }: SessionContext<KeyTrace>,
  { memberId, deviceId }: OwnMember,
  format: KeyFormat,
): Way {
  return ({ key: { keyIndex, key }, devices, wantsKey = false }) =>
    defer(() => {
      const sentTs = asyncScheduler.now();
      const outgoing = { roomId, slot, memberId, deviceId, keyIndex, key, sentTs, wantsKey };
      const { type, content } = keyMessage(format, outgoing);
      trace({ kind: "key-sent", keyIndex, transport: "to-device", devices: devices.length });

      const unheard = new Map<string, Device>(devices.map((device) => [deviceKey(device), device]));
      // Not before it is subscribed to: who leaves at the word above sends nothing any more.
      const outcomes$ = defer(() => matrix.sendToDevice(devices, type, content)).pipe(
        timeout({ each: patienceMs }),
        catchError(() => EMPTY),
        tap((outcome) => unheard.delete(deviceKey(outcome))),
      );
      return concat(
        outcomes$,
        defer(() => outcomesFor([...unheard.values()], { outcome: "failed" })),
      );
    });
}
