// compatManager: the manager of matrixrtc-rx/compat and that of matrix-js-sdk over 5,000 rooms, 50 of them with a call: the
// time to start, what each finds, listeners and timers, and what is left after `stop`.
import type { MatrixClient, Room } from "matrix-js-sdk";
import { MatrixRTCSessionManager } from "matrixrtc-rx/compat";
import { range } from "../call-events.ts";
import { listenersOf, TimerCount } from "../counters.ts";
import type { Figure } from "../figure.ts";
import { type Effort, inTurns } from "../measure.ts";
import { callEvery, eventsOfRoom, roomCount } from "../rooms-with-calls.ts";
import { SdkClient } from "../sdk-client.ts";

/** What both managers can do. */
interface Manager {
  start(): void;
  stop(): void;
  getActiveRoomSession(room: Room): unknown;
}

interface Side {
  readonly client: MatrixClient;
  readonly manager: Manager;
}

export async function compatManager({ turns }: Effort): Promise<Figure[]> {
  const timers = new TimerCount();
  const [ours, peer] = [clientWithRooms(), clientWithRooms()];
  const sides = {
    ours: { client: ours, manager: new MatrixRTCSessionManager(undefined, ours) },
    peer: { client: peer, manager: peer.matrixRTC },
  };
  const start = await inTurns(turns, { ours: () => startMs(sides.ours), peer: () => startMs(sides.peer) });
  const [held, heldByPeer] = [await hold(sides.ours, timers), await hold(sides.peer, timers)];
  timers.stop();

  const rooms = `${roomCount} rooms, ${roomCount / callEvery} with a call`;
  const figure = (name: string, what: string, unit: string, of: (side: Held) => number, goal: Figure["goal"] = {}) => {
    return { name, what, unit, ours: of(held), peer: of(heldByPeer), goal };
  };
  return [
    {
      name: "compatManager",
      what: `MatrixRTCSessionManager of compat over ${rooms}: start`,
      unit: "ms",
      ...start,
      goal: { atMost: 5 },
    },
    figure("compatManagerFound", "calls that it knows after the start", "calls", ({ found }) => found),
    figure("compatManagerListeners", "listeners on client and rooms", "listeners", ({ listeners }) => listeners, {
      atMost: 5,
    }),
    figure("compatManagerListenersAfter", "listeners after stop", "listeners", ({ after }) => after.listeners, {
      atMost: 0,
    }),
    figure("compatManagerTimersAfter", "timers after stop", "timers", ({ after }) => after.timers, { atMost: 0 }),
  ];
}

function clientWithRooms(): MatrixClient {
  const sdk = new SdkClient();
  sdk.apply(sdk.prepare(range(0, roomCount).flatMap(eventsOfRoom)));
  return sdk.client;
}

function startMs({ manager }: Side): number {
  const beganMs = performance.now();
  manager.start();
  const ms = performance.now() - beganMs;
  manager.stop();
  return ms;
}

interface Held {
  readonly found: number;
  readonly listeners: number;
  readonly after: { readonly listeners: number; readonly timers: number };
}

/** The original reads its members later, so both get a moment. */
async function hold({ client, manager }: Side, timers: TimerCount): Promise<Held> {
  await settle();
  const before = { listeners: listenersOf(client), timers: timers.waiting };
  manager.start();
  const found = client.getRooms().filter((room) => manager.getActiveRoomSession(room) !== undefined).length;
  const listeners = listenersOf(client) - before.listeners;
  await settle();
  manager.stop();
  await settle();
  return {
    found,
    listeners,
    after: { listeners: listenersOf(client) - before.listeners, timers: timers.waiting - before.timers },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
