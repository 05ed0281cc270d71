// RoomEvents: a key of ours as an event of the room, one for all. protocol.md 5.5.
import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  map,
  mergeMap,
  type Observable,
  of,
  shareReplay,
  tap,
  throwIfEmpty,
  timeout,
} from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { type Device, MatrixError, type ToDeviceOutcome } from "../matrix.ts";
import { isEncrypted } from "../room/encryption.ts";
import { at } from "../rx/at.ts";
import type { Way } from "./delivery.ts";
import { deviceKey, outcomesFor } from "./device.ts";
import type { OwnKey } from "./own-key.ts";
import { patienceMs } from "./to-device-messages.ts";
import { roomKeyEvent } from "./wire.ts";
import type { OwnMember } from "../types.ts";
import type { KeyTrace } from "./trace.ts";

/** Servers allow few events. Of one key they are at least this far apart, and who comes in between shares the next. */
const everyMs = 3_000;

type Result = Omit<ToDeviceOutcome, keyof Device>;

/** An event with a key, from before it leaves. */
interface Announcement {
  readonly ts: number;
  /** Whom it is for. */
  readonly devices: Set<string>;
  readonly result$: Observable<Result>;
}

export function roomEvents(
  { matrix, roomId, slot, membership$, trace }: SessionContext<KeyTrace>,
  { deviceId }: OwnMember,
): Way {
  /** The last one of each key, unless nothing came of it. */
  const announced = new WeakMap<OwnKey, Announcement>();

  const announce = (key: OwnKey, ts: number): Announcement => {
    const devices = new Set<string>();
    const forget = () => announced.get(key) === announcement && announced.delete(key);
    const result$ = at(ts).pipe(
      mergeMap(() => {
        const there = membersAmong(devices);
        if (there > 0) return send(key, there);
        forget();
        return EMPTY;
      }),
      catchError((cause: MatrixError) => {
        forget();
        return of<Result>({ outcome: "failed", cause });
      }),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    const announcement = { ts, devices, result$ };
    announced.set(key, announcement);
    return announcement;
  };

  const send = ({ keyIndex, key }: OwnKey, devices: number): Observable<Result> => {
    if (!isEncrypted(matrix, roomId)) {
      trace({ kind: "key-withheld", keyIndex });
      throw new MatrixError("other", "the room is not encrypted");
    }
    const event = roomKeyEvent({ slot, deviceId, keyIndex, key, sentTs: asyncScheduler.now() });
    // Who leaves at this word sends nothing any more.
    return of(event).pipe(
      tap(() => trace({ kind: "key-sent", keyIndex, transport: "room-event", devices })),
      // A retry is another event to the server: it is for those too who have come since.
      mergeMap(() => matrix.send({ roomId, txnId: crypto.randomUUID(), ...event })),
      timeout({ first: patienceMs }),
      throwIfEmpty(),
      map((): Result => ({ outcome: "sent" })),
    );
  };

  const membersAmong = (devices: ReadonlySet<string>): number =>
    new Set(membership$.value.map(deviceKey).filter((id) => devices.has(id))).size;

  return ({ key, devices, attempt }) =>
    defer(() => {
      const now = asyncScheduler.now();
      const last = announced.get(key);
      const soonestTs = last ? last.ts + everyMs : now;
      // One that is yet to leave is for these devices too, and so is one that has left since their first try.
      const isShared = last && (now <= last.ts || attempt > 1);
      const { devices: audience, result$ } = isShared ? last : announce(key, Math.max(now, soonestTs));
      for (const device of devices) audience.add(deviceKey(device));
      return result$.pipe(mergeMap((result) => outcomesFor(devices, result)));
    });
}
