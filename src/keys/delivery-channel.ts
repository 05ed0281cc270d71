// DeliveryChannel: a key of ours by the chosen transport, or by both. protocol.md 5.2, 5.5, guarantee 23.
import { defer, EMPTY, merge, tap } from "rxjs";
import type { OwnMember } from "../types.ts";
import type { KeyChannel, KeysContext } from "./channel.ts";
import { deviceKey } from "./device.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import type { OwnKey } from "./own-key.ts";
import { roomEventChannel } from "./room-event-channel.ts";
import { toDeviceChannel } from "./to-device-channel.ts";

/** The channel of one join. */
export function deliveryChannel(
  context: KeysContext,
  self: OwnMember,
  options: Pick<ResolvedKeyOptions, "format" | "transport" | "requireCrossSigned">,
): KeyChannel {
  const { transport } = options;
  const toDevice = toDeviceChannel(context, self, options);
  const roomEvent = roomEventChannel(context, self);
  const channels = { "to-device": [toDevice], "room-event": [roomEvent], both: [untilReached(toDevice), roomEvent] };
  // A request is for one device, and a room event cannot express it.
  return (delivery) =>
    merge(...channels[delivery.wantsKey ? "to-device" : transport].map((channel) => channel(delivery)));
}

/** Leaves out of a retry the devices that this channel has reached: the retry is for the other channel. */
function untilReached(channel: KeyChannel): KeyChannel {
  const reachedWith = new WeakMap<OwnKey, Set<string>>();
  return (delivery) =>
    defer(() => {
      const { key, attempt } = delivery;
      const reached = reachedWith.get(key) ?? new Set();
      reachedWith.set(key, reached);
      const devices = delivery.devices.filter((device) => attempt === 1 || !reached.has(deviceKey(device)));
      if (devices.length === 0) return EMPTY;
      return channel({ ...delivery, devices }).pipe(
        tap((report) => {
          if (report.kind !== "outcome") return;
          if (report.outcome === "sent") reached.add(deviceKey(report));
          else reached.delete(deviceKey(report));
        }),
      );
    });
}
