// Room events: a key of ours as an event of the room, one for all members. protocol.md 5.5.
import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  map,
  mergeMap,
  type Observable,
  of,
  shareReplay,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
} from "rxjs";
import { MatrixError, type ToDeviceOutcome } from "../matrix.ts";
import { isEncrypted } from "../room/encryption.ts";
import type { OwnMember } from "../types.ts";
import { deliveryTimeoutMs, type KeyChannel, type KeysContext, outcomesFor } from "./channel.ts";
import { deviceKey } from "./device.ts";
import { note, type Note } from "./effects.ts";
import type { OwnKey } from "./own-key.ts";
import { sentClockOf } from "./sent-clock.ts";
import { roomKeyEvent } from "./wire.ts";

/** Servers allow few events. Two events with the same key are at least this far apart; the second serves all joiners. */
const minIntervalMs = 3_000;

/** A note about a room event, or its outcome for all of its devices. */
type Progress =
  | Note
  | { readonly kind: "result"; readonly outcome: ToDeviceOutcome["outcome"]; readonly cause?: MatrixError };

/** A room event with a key, from the moment it is planned. */
interface RoomKeySend {
  /** When it is sent, or was sent. */
  readonly ts: number;
  isSent: boolean;
  /** The devices that it is for. */
  readonly devices: Set<string>;
  readonly progress$: Observable<Progress>;
}

export function roomEventChannel(context: KeysContext, self: OwnMember): KeyChannel {
  const { matrix, roomId, slot, membership$ } = context;
  const clock = sentClockOf(context);
  /** The last one of each key, unless it failed. */
  const sends = new WeakMap<OwnKey, RoomKeySend>();

  /** Waits for an interval, since the wall clock can be set back meanwhile. */
  const plan = (key: OwnKey, ts: number, waitMs: number): RoomKeySend => {
    const devices = new Set<string>();
    const forget = () => sends.get(key) === planned && sends.delete(key);
    const progress$ = (waitMs > 0 ? timer(waitMs) : of(0)).pipe(
      mergeMap(() => {
        planned.isSent = true;
        const present = presentAmong(devices);
        if (present > 0) return send(key, present);
        forget();
        return EMPTY;
      }),
      catchError((cause: MatrixError) => {
        forget();
        return of<Progress>({ kind: "result", outcome: "failed", cause });
      }),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    const planned: RoomKeySend = { ts, isSent: false, devices, progress$ };
    sends.set(key, planned);
    return planned;
  };

  const send = ({ keyIndex, key }: OwnKey, devices: number): Observable<Progress> => {
    if (!isEncrypted(matrix, roomId)) {
      const cause = new MatrixError("other", "the room is not encrypted");
      return concat(
        of(note({ kind: "key-withheld", keyIndex })),
        throwError(() => cause),
      );
    }
    const event = roomKeyEvent({ slot, deviceId: self.deviceId, keyIndex, key, sentTs: clock.next() });
    return concat(
      of(note({ kind: "key-sent", keyIndex, transport: "room-event", devices }, { sends: 1 })),
      // A retry has its own transaction id, since it also serves devices that joined after the first try.
      defer(() => matrix.send({ roomId, txnId: crypto.randomUUID(), ...event })).pipe(
        timeout({ first: deliveryTimeoutMs }),
        throwIfEmpty(),
        map((): Progress => ({ kind: "result", outcome: "sent" })),
      ),
    );
  };

  const presentAmong = (devices: ReadonlySet<string>): number =>
    new Set(membership$.value.map(deviceKey).filter((id) => devices.has(id))).size;

  return ({ key, devices, attempt }) =>
    defer(() => {
      const now = asyncScheduler.now();
      const last = sends.get(key);
      const waitMs = last ? Math.min(minIntervalMs, Math.max(0, last.ts + minIntervalMs - now)) : 0;
      // An event that is not sent yet, or is sent now, serves these devices too. So does one that was sent after their
      // first try.
      const isShared = last !== undefined && (!last.isSent || now === last.ts || attempt > 1);
      const planned = isShared ? last : plan(key, now + waitMs, waitMs);
      for (const device of devices) planned.devices.add(deviceKey(device));
      return planned.progress$.pipe(
        // Reported once, by the delivery that planned the event.
        filter(({ kind }) => kind === "result" || !isShared),
        mergeMap((progress) =>
          progress.kind === "result" ? outcomesFor(devices, progress.outcome, progress.cause) : [progress],
        ),
      );
    });
}
