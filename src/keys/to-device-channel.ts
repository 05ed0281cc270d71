// To-device: a key of ours in an encrypted message to each device. protocol.md 5.2, 5.3, pitfall 23.
import { asyncScheduler, catchError, concat, defer, EMPTY, map, of, tap, timeout } from "rxjs";
import type { Device } from "../matrix.ts";
import type { OwnMember } from "../types.ts";
import { type DeliveryReport, deliveryTimeoutMs, type KeyChannel, type KeysContext, outcomesFor } from "./channel.ts";
import { deviceKey } from "./device.ts";
import { note } from "./effects.ts";
import type { KeyFormat } from "./options.ts";
import { keyMessage } from "./wire.ts";

export function toDeviceChannel(
  { matrix, roomId, slot }: KeysContext,
  { memberId, deviceId }: OwnMember,
  format: KeyFormat,
): KeyChannel {
  return ({ key: { keyIndex, key }, devices, wantsKey = false }) =>
    defer(() => {
      const sentTs = asyncScheduler.now();
      const { type, content } = keyMessage(format, {
        roomId,
        slot,
        memberId,
        deviceId,
        keyIndex,
        key,
        sentTs,
        wantsKey,
      });
      const unanswered = new Map<string, Device>(devices.map((device) => [deviceKey(device), device]));
      return concat(
        of<DeliveryReport>(
          note({ kind: "key-sent", keyIndex, transport: "to-device", devices: devices.length }, { sends: 1 }),
        ),
        defer(() => matrix.sendToDevice(devices, type, content)).pipe(
          timeout({ each: deliveryTimeoutMs }),
          catchError(() => EMPTY),
          tap((outcome) => unanswered.delete(deviceKey(outcome))),
          map((outcome): DeliveryReport => ({ kind: "outcome", ...outcome })),
        ),
        defer(() => outcomesFor([...unanswered.values()], "failed")),
      );
    });
}
