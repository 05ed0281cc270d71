// VirtualDevice: a device in the hand of a test: its port, its page, its clock, and what is left of it.
import { defer, merge, Observable } from "rxjs";
import type { LivekitBackend } from "../livekit/backend.ts";
import { RtcError } from "../errors.ts";
import type { Device, Matrix } from "../matrix.ts";
import type { Condition, DeviceRecord } from "./device-record.ts";
import type { Life, SleepingTimers } from "./time/life.ts";
import { inside, presentPlace } from "./time/place.ts";
import { virtualClient } from "./virtual-client.ts";
import type { VirtualServer } from "./virtual-server.ts";

/** What a device still has or waits for. All numbers are 0 once nothing of it is left. */
export interface Leftovers {
  /** Timers that are set by code which runs on the device (`runOn`, `run`). */
  readonly timers: number;
  /** Subscriptions to the streams of its port. */
  readonly listeners: number;
  /** Streams behind `runOn` that are subscribed to. */
  readonly subscriptions: number;
  /** Requests that have no answer yet. */
  readonly requests: number;
  /** Delayed events of the device that the server holds. */
  readonly delayedEvents: number;
}

/**
 * A device of the virtual homeserver: a page that runs code, on a machine with a clock.
 *
 * Code runs on the device if it is subscribed to behind `runOn`, or called by `run`. Timers that this code sets by RxJS are
 * timers of the device, and `asyncScheduler.now()` is its clock. Code that runs elsewhere has the time and the timers of
 * the test.
 *
 * @example
 * ```ts
 * import { TestScheduler } from "rxjs/testing";
 * import { timer } from "rxjs";
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { runOn, virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * new TestScheduler(() => {}).run(({ cold }) => {
 *   const home = virtualHomeserver();
 *   const roomId = home.createRoom({ members: ["@alice:example.org"] });
 *   const phone = home.device("@alice:example.org", "PHONE");
 *   phone.setClock(3_600_000); // an hour fast
 *
 *   const session = encryptedSession(phone.matrix, { roomId, slot: "m.call#ROOM" });
 *   session.join({ leaveOn: timer(20_000) }).pipe(runOn(phone)).subscribe();
 *   cold("5s s 60s w").subscribe((act) => (act === "s" ? phone.sleep() : phone.wake()));
 *   cold("3m x").subscribe(() => console.assert(phone.leftovers().timers === 0));
 * });
 * ```
 */
export interface VirtualDevice extends Device {
  /** The port of the page. After `reload` it is another one. */
  readonly matrix: Matrix & LivekitBackend;
  /** `asleep`: its timers and its network wait. `dead`: nothing runs on it until another page starts. */
  readonly status: "awake" | "asleep" | "dead";
  /** Its condition on the network and on the server. */
  readonly condition: Condition;
  /** How far its clock is ahead of the time that all share, in milliseconds; behind if negative. */
  readonly clockAheadMs: number;

  /** Runs code on the device, for example what a click of its user does. Returns what the code returns. */
  run<T>(code: () => T): T;
  /**
   * Sets its clock. Timers that are set already fire when they would have fired anyway.
   *
   * @throws RtcError `bad-argument` for a time before 1970. Virtual time begins at 0, so set a clock back only later.
   */
  setClock(aheadMs: number): void;
  /** Changes its condition. */
  adjust(condition: Partial<Condition>): void;
  /** Requests fail, and nothing is synced, until `goOnline`. */
  goOffline(): void;
  /** The network is back. A page that sleeps wakes, and after `kill` another page starts. */
  goOnline(): void;
  /**
   * Its timers, requests, responses and syncs wait until `wake`.
   *
   * @param timers `late`, the default: overdue timers fire at the wake-up, as in a page that was stopped. `paused`: timers
   *   fire later by the length of the sleep, as on a machine whose timers do not count while it sleeps.
   */
  sleep(timers?: SleepingTimers): void;
  wake(): void;
  /** The page ends as in a crash: nothing more is sent, and none of its code runs. */
  kill(): void;
  /** The page ends, and another one starts on the same device. It has another port, and knows the rooms. */
  reload(): void;
  /** What is left of the page. */
  leftovers(): Leftovers;
}

const nothing = { listeners: 0, subscriptions: 0, requests: 0 };

/** The device and its page that runs now, for `runOn`. */
const recordsOf = new WeakMap<VirtualDevice, DeviceRecord>();

/** Emits when the condition of a device has changed, or when its page has ended. */
export const conditionChanges = (device: VirtualDevice): Observable<unknown> =>
  defer(() => {
    const record = recordsOf.get(device)!;
    return merge(record.changed$, record.life.ended$);
  });

export function virtualDevice(server: VirtualServer, userId: string, deviceId: string): VirtualDevice {
  const record = server.logIn(userId, deviceId);
  let page: { readonly life: Life; readonly matrix: Matrix & LivekitBackend } | undefined;
  const device: VirtualDevice = {
    userId,
    deviceId,
    get matrix() {
      const { life } = record;
      if (page?.life !== life) page = { life, matrix: virtualClient(server, userId, deviceId) };
      return page.matrix;
    },
    get status() {
      return record.life.status;
    },
    get condition() {
      return record.condition;
    },
    get clockAheadMs() {
      return record.clock.aheadMs;
    },
    run: (code) => inside(record.life, code),
    setClock(aheadMs) {
      if (server.agenda.now() + aheadMs < 0)
        throw new RtcError("bad-argument", "the clock would show a time before 1970: virtual time begins at 0");
      record.clock.aheadMs = aheadMs;
    },
    adjust: (condition) => record.adjust(condition),
    goOffline: () => record.adjust({ connection: "offline" }),
    goOnline: () => record.adjust({ connection: "online" }),
    sleep: (timers) => record.adjust({ connection: "frozen" }, timers),
    wake() {
      if (record.life.status === "asleep") record.adjust({ connection: "online" });
    },
    kill: () => record.kill(),
    reload() {
      record.kill();
      record.adjust({ connection: "online" });
    },
    leftovers() {
      const { timerCount: timers, status } = record.life;
      // A page that is dead has nothing any more, though its code could not clean up.
      const counts = status === "dead" ? nothing : record.life.counts;
      const delayedEvents = server.delayed.pending.filter(
        (held) => held.userId === userId && held.deviceId === deviceId,
      ).length;
      return { timers, ...counts, delayedEvents };
    },
  };
  recordsOf.set(device, record);
  return device;
}

/**
 * Runs a stream on a device: subscribed to there, with the clock and the timers of the device, and unsubscribed from there.
 *
 * What it emits goes on where the subscriber is. If the page of the device ends (`kill`, `reload`), the stream completes,
 * because a page that has ended emits nothing more, not even an error.
 *
 * Sources of the test that the stream subscribes to, such as `leaveOn`, emit on the device as well if they are `cold`
 * marbles or timers. Put what a Subject or `hot` marbles do into `run`.
 *
 * @example
 * ```ts
 * import { asyncScheduler, defer, of } from "rxjs";
 * import { runOn, virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const phone = virtualHomeserver().device("@alice:example.org", "PHONE");
 * phone.setClock(-60_000); // a minute slow
 * let seenTs = 0;
 * defer(() => of(asyncScheduler.now()))
 *   .pipe(runOn(phone))
 *   .subscribe((ts) => (seenTs = ts));
 * console.assert(asyncScheduler.now() - seenTs >= 60_000);
 * ```
 */
export function runOn<T>(device: VirtualDevice): (source$: Observable<T>) => Observable<T> {
  return (source$) =>
    new Observable((subscriber) => {
      const life = recordsOf.get(device)!.life;
      if (life.status === "dead") return subscriber.complete();
      const place = presentPlace();
      const here = (notify: () => void) => inside(place, notify);
      life.counts.subscriptions += 1;
      subscriber.add(() => (life.counts.subscriptions -= 1));
      subscriber.add(life.ended$.subscribe(() => subscriber.complete()));
      const subscription = inside(life, () =>
        source$.subscribe({
          next: (value) => here(() => subscriber.next(value)),
          error: (error: unknown) => here(() => subscriber.error(error)),
          complete: () => here(() => subscriber.complete()),
        }),
      );
      subscriber.add(() => inside(life, () => subscription.unsubscribe()));
      return undefined;
    });
}
