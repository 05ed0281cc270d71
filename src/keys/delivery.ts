// Delivery: one key of ours on its way to some devices, and which of them did not get it. protocol.md 5.2, 5.5, pitfall 23.
import { defer, EMPTY, filter, merge, type Observable, tap } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import type { ToDeviceOutcome } from "../matrix.ts";
import { deviceKey } from "./device.ts";
import type { Delivery } from "./distribution.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import type { OwnKey } from "./own-key.ts";
import { roomEvents } from "./room-events.ts";
import { toDeviceMessages } from "./to-device-messages.ts";
import type { OwnMember } from "../types.ts";
import type { KeyTrace } from "./trace.ts";

/** A way for a key to travel: tells one outcome for each device, but for those that have left meanwhile. Never fails. */
export type Way = (sending: Delivery) => Observable<ToDeviceOutcome>;

/** For the span of one join: sends a key when subscribed to, and emits the devices that it did not reach. Never fails. */
export function delivery(
  call: SessionContext<KeyTrace>,
  own: OwnMember,
  { format, keyTransport }: ResolvedKeyOptions,
): Way {
  const toDevice = toDeviceMessages(call, own, format);
  const inRoom = roomEvents(call, own);
  const ways = { "to-device": [toDevice], "room-event": [inRoom], both: [untilReached(toDevice), inRoom] };

  return (sending) => {
    const { key, attempt, wantsKey } = sending;
    const { keyIndex } = key;
    // A question is for one device, and room events have no words for it.
    return merge(...ways[wantsKey ? "to-device" : keyTransport].map((way) => way(sending))).pipe(
      tap(({ userId, deviceId, outcome }) =>
        call.trace(
          outcome === "sent"
            ? { kind: "key-delivered", keyIndex, userId, deviceId }
            : { kind: "key-not-delivered", keyIndex, attempt, outcome, userId, deviceId },
        ),
      ),
      filter(({ outcome }) => outcome !== "sent"),
    );
  };
}

/** Spares devices a retry that they owe to the failure of another way. */
function untilReached(way: Way): Way {
  const reachedWith = new WeakMap<OwnKey, Set<string>>();
  return (sending) =>
    defer(() => {
      const { key, attempt } = sending;
      const reached = reachedWith.get(key) ?? new Set();
      reachedWith.set(key, reached);
      const devices = sending.devices.filter((device) => attempt === 1 || !reached.has(deviceKey(device)));
      if (devices.length === 0) return EMPTY;
      return way({ ...sending, devices }).pipe(
        tap((told) => (told.outcome === "sent" ? reached.add(deviceKey(told)) : reached.delete(deviceKey(told)))),
      );
    });
}
