// manyRooms: rtcSessions over 5,000 rooms, 50 of them with a call: the time to start, the heap, listeners and timers, and
// what is left of these after the last unsubscribe.
import { rtcSessions } from "matrixrtc-rx";
import type { Matrix } from "matrixrtc-rx";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { range, type RawEvent, slot } from "../call-events.ts";
import { listenersOf, TimerCount } from "../counters.ts";
import type { Figure } from "../figure.ts";
import { MapFold } from "../map-fold.ts";
import { type Effort, heapInUse, inTurns } from "../measure.ts";
import { MemoryPort } from "../memory-port.ts";
import { callEvery, eventsOfRoom, roomCount } from "../rooms-with-calls.ts";
import { SdkClient } from "../sdk-client.ts";

/** Starts to watch the calls of all rooms. `found` is the number of calls that it finds at once. */
type Watch = () => { readonly found: number; stop(): void };

export async function manyRooms({ turns }: Effort): Promise<Figure[]> {
  const timers = new TimerCount();
  // Compiled code is memory too, so everything runs once before.
  await warmUp(timers);
  const sides = sidesOver(roomCount);
  const held = await holdings(sides, timers);
  const start = await inTurns(turns, {
    ours: () => measureStartMs(sides.ours),
    onSdk: () => measureStartMs(sides.onSdk),
    floor: () => measureStartMs(sides.floor),
  });
  timers.stop();

  const figures = (name: string, what: string, unit: string, of: (side: Held) => number, atMost?: number): Figure[] => {
    const goal = atMost === undefined ? {} : { atMost };
    const common = { unit, peer: of(held.peer), floor: of(held.floor), goal };
    return [
      { ...common, name, what: `${what}, over a port in memory`, ours: of(held.ours) },
      { ...common, name: `${name}Adapter`, what: "the same through fromMatrixClient", ours: of(held.onSdk) },
    ];
  };
  const started = { unit: "ms", peer: held.peer.startMs, floor: start.floor, goal: { ratio: 13 } };
  const rooms = `${roomCount} rooms, ${roomCount / callEvery} with a call`;
  return [
    { ...started, name: "manyRooms", what: `${rooms}: start, over a port in memory`, ours: start.ours },
    { ...started, name: "manyRoomsAdapter", what: "the same through fromMatrixClient", ours: start.onSdk },
    ...figures("manyRoomsHeap", "retained heap", "kB", ({ heap }) => heap / 1000, 200),
    ...figures("manyRoomsListeners", "listeners on client and rooms", "listeners", ({ listeners }) => listeners, 5),
    ...figures("manyRoomsTimers", "timers that wait", "timers", ({ timers: count }) => count),
    ...figures("manyRoomsHeapAfter", "heap after the last unsubscribe", "kB", ({ after }) => after.heap / 1000, 10),
    ...figures("manyRoomsListenersAfter", "listeners then", "listeners", ({ after }) => after.listeners, 0),
    ...figures("manyRoomsTimersAfter", "timers then", "timers", ({ after }) => after.timers, 0),
  ];
}

/** A side, and the number of its listeners. */
interface Side {
  readonly watch: Watch;
  readonly listenerCount: () => number;
}

function sidesOver(count: number) {
  const events = range(0, count).flatMap(eventsOfRoom);
  const port = new MemoryPort();
  port.apply(port.prepare(events));
  const [ourSdk, peerSdk] = [new SdkClient(), new SdkClient()];
  for (const sdk of [ourSdk, peerSdk]) sdk.apply(sdk.prepare(events));
  return {
    ours: { watch: watchThrough(port), listenerCount: () => Number(port.changes$.observed) },
    onSdk: {
      watch: watchThrough(fromMatrixClient(ourSdk.client)),
      listenerCount: () => listenersOf(ourSdk.client),
    },
    peer: { watch: watchAsPeer(peerSdk), listenerCount: () => listenersOf(peerSdk.client) },
    floor: { watch: floorOver(port), listenerCount: () => 0 },
  };
}

async function warmUp(timers: TimerCount): Promise<void> {
  const few = sidesOver(200);
  for (const { watch } of range(0, 300).flatMap(() => [few.ours, few.onSdk])) watch().stop();
  for (let turn = 0; turn < 8; turn++) await holdings(few, timers);
}

async function holdings(sides: ReturnType<typeof sidesOver>, timers: TimerCount) {
  return {
    ours: await measureHeld(sides.ours, timers),
    onSdk: await measureHeld(sides.onSdk, timers),
    peer: await measureHeld(sides.peer, timers),
    floor: await measureHeld(sides.floor, timers),
  };
}

function watchThrough(matrix: Matrix): Watch {
  const sessions = rtcSessions(matrix, slot);
  return () => {
    let found = 0;
    const subscription = sessions.active$.subscribe(({ size }) => (found = size));
    return { found, stop: () => subscription.unsubscribe() };
  };
}

/** At its start it does not know which calls are running. */
const watchAsPeer =
  ({ client: { matrixRTC: manager } }: SdkClient): Watch =>
  () => {
    manager.start();
    return { found: roomCount / callEvery, stop: () => manager.stop() };
  };

const floorOver =
  (port: MemoryPort): Watch =>
  () => {
    const calls = new Map<string, MapFold>();
    for (const room of port.rooms()) {
      for (const event of port.stateEvents(room, "org.matrix.msc3401.call.member")) {
        const fold = calls.get(room) ?? new MapFold();
        calls.set(room, fold);
        fold.apply([
          {
            ...event,
            event_id: event.eventId,
            room_id: room,
            origin_server_ts: event.originServerTs,
            state_key: event.stateKey ?? "",
            content: event.content as RawEvent["content"],
          },
        ]);
      }
    }
    return { found: calls.size, stop: () => calls.clear() };
  };

function measureStartMs({ watch }: Side): number {
  const beganMs = performance.now();
  const { found, stop } = watch();
  const ms = performance.now() - beganMs;
  stop();
  if (found !== roomCount / callEvery) throw new Error(`${found} calls found`);
  return ms;
}

/** What a watch holds while it runs, and after. */
interface Held {
  readonly startMs: number;
  readonly heap: number;
  readonly listeners: number;
  readonly timers: number;
  readonly after: { readonly heap: number; readonly listeners: number; readonly timers: number };
}

async function measureHeld({ watch, listenerCount }: Side, timers: TimerCount): Promise<Held> {
  const now = async () => ({ heap: await heapInUse(), listeners: listenerCount(), timers: timers.waiting });
  const before = await now();
  const beganMs = performance.now();
  const { stop } = watch();
  const startMs = performance.now() - beganMs;
  const during = await now();
  stop();
  const after = await now();
  const since = (then: typeof before) => ({
    heap: then.heap - before.heap,
    listeners: then.listeners - before.listeners,
    timers: then.timers - before.timers,
  });
  return { startMs, ...since(during), after: since(after) };
}
