// ToDeviceChannel: a key of ours in an encrypted message to each device. protocol.md 5.2, 5.3, guarantee 23.
import {
  catchError,
  concat,
  defer,
  EMPTY,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  tap,
  timeout,
  toArray,
} from "rxjs";
import type { Device } from "../matrix.ts";
import type { OwnMember } from "../types.ts";
import { type DeliveryReport, deliveryTimeoutMs, type KeyChannel, type KeysContext, outcomesFor } from "./channel.ts";
import { deviceKey } from "./device.ts";
import { note } from "./effects.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { sentClockOf } from "./sent-clock.ts";
import { keyMessage } from "./wire.ts";

export function toDeviceChannel(
  context: KeysContext,
  { memberId, deviceId }: OwnMember,
  { format, requireCrossSigned }: Pick<ResolvedKeyOptions, "format" | "requireCrossSigned">,
): KeyChannel {
  const { matrix, roomId, slot } = context;
  const clock = sentClockOf(context);
  const send: KeyChannel = ({ key: { keyIndex, key }, devices, wantsKey = false }) =>
    defer(() => {
      const sentTs = clock.next();
      const outgoing = { roomId, slot, memberId, deviceId, keyIndex, key, sentTs, wantsKey };
      const { type, content } = keyMessage(format, outgoing);
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

  /** The devices that are cross-signed. One that the client does not answer for counts as not signed. */
  const signedAmong = (devices: readonly Device[]): Observable<readonly Device[]> =>
    from(devices).pipe(
      mergeMap((device) =>
        (matrix.isCrossSigned?.(device) ?? of(false)).pipe(
          timeout({ first: deliveryTimeoutMs }),
          catchError(() => of(false)),
          mergeMap((isSigned) => (isSigned ? [device] : [])),
        ),
      ),
      toArray(),
    );

  if (!requireCrossSigned) return send;
  return (delivery) =>
    signedAmong(delivery.devices).pipe(
      mergeMap((devices) => {
        const unsigned = delivery.devices.filter((device) => !devices.includes(device));
        const sending$ = devices.length > 0 ? send({ ...delivery, devices }) : EMPTY;
        return concat(outcomesFor(unsigned, "not-cross-signed"), sending$);
      }),
    );
}
