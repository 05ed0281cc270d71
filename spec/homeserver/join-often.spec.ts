// Joining and leaving many times leaves nothing behind. docs/pitfalls.md, guarantees 8 and 37.
import type { ClientEvent } from "matrix-js-sdk";
import { filter, firstValueFrom, lastValueFrom, Subject, tap } from "rxjs";
import { expect, it, onTestFinished } from "vitest";
import { type JoinState } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { pendingDelayedEvents, stateMembership } from "./server.ts";
import { sdkSession, slot } from "./watch.ts";

const modes = ["legacy", "compatibility", "matrix_2_0"] as const;
const times = 100;

it(`joining and leaving ${times} times leaves nothing behind, here or on the server`, async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const roomId = await roomOf(alice, bob);
  const session = encryptedSession(alice.matrix, { roomId, slot });
  const listeners = listenersOf(alice);
  const timers = timersFromNowOn();

  // While joined, there is a delayed event, a membership, listeners and timers: the checks below can fail.
  const inBetween = session.join().subscribe();
  await until(() => session.membership$.value.length === 1);
  expect(await pendingDelayedEvents(alice)).toHaveLength(1);
  expect(await stateMembership(alice, roomId)).toMatchObject({ application: "m.call" });
  expect(listenersOf(alice)).not.toEqual(listeners);
  expect(timers.size).toBeGreaterThan(0);
  inBetween.unsubscribe();

  const takenMs: number[] = [];
  for (let count = 0; count < times; count += 1) {
    const mode = modes[count % modes.length];
    const startTs = performance.now();
    if (count % 2 === 0) {
      // Some joins end once the server has answered, others once the room shows them.
      const isEnough = (state: JoinState) =>
        state.status === "joined" && (count % 4 === 0 || state.membership !== undefined);
      const leave$ = new Subject<void>();
      await lastValueFrom(
        session.join({ mode, leaveOn: leave$ }).pipe(tap((state) => isEnough(state) && leave$.next())),
      );
    } else {
      // The next join starts while this one is still leaving.
      await firstValueFrom(session.join({ mode }).pipe(filter(({ status }) => status === "joined")));
    }
    takenMs.push(performance.now() - startTs);
  }
  const totalMs = takenMs.reduce((sum, ms) => sum + ms, 0);
  takenMs.sort((a, b) => a - b);
  figure(context, `${times} joins and leaves`, inMs(totalMs));
  figure(context, "each", `median ${inMs(takenMs[times / 2] ?? NaN)}, longest ${inMs(takenMs.at(-1) ?? NaN)}`);
  expect(takenMs.at(-1)).toBeLessThan(5_000);

  // The last join ended by unsubscribing, so its leave is still under way.
  const endTs = performance.now();
  await expect.poll(() => stateMembership(alice, roomId), { timeout: 5_000 }).toEqual({});
  await expect.poll(() => pendingDelayedEvents(alice), { timeout: 5_000 }).toEqual([]);
  figure(context, "from the last unsubscribe to nothing on the server", inMs(performance.now() - endTs));
  const seenBySdk = await sdkSession(bob, roomId);
  const seenByUs = encryptedSession(bob.matrix, { roomId, slot });
  await until(() => seenByUs.membership$.value.length === 0 && seenBySdk.memberships.length === 0);
  await until(() => timers.size === 0);
  expect(listenersOf(alice)).toEqual(listeners);
}, 120_000);

/** The number of listeners of the client, by event. */
const listenersOf = ({ client }: RealDevice) =>
  Object.fromEntries(client.eventNames().map((name) => [name, client.listeners(name as ClientEvent).length]));

/** The running timers of RxJS, which are all intervals. matrix-js-sdk uses no intervals. */
function timersFromNowOn(): ReadonlySet<unknown> {
  const live = new Set<unknown>();
  const { setInterval, clearInterval } = globalThis;
  globalThis.setInterval = ((...args: Parameters<typeof setInterval>) => {
    const id = setInterval(...args);
    live.add(id);
    return id;
  }) as typeof setInterval;
  globalThis.clearInterval = (id) => {
    live.delete(id);
    clearInterval(id);
  };
  onTestFinished(() => void Object.assign(globalThis, { setInterval, clearInterval }));
  return live;
}
