// Scene: Alice with one device, Bob with two, Carl with one, all in one room. Requests and syncs take no time.
import { distinctUntilChanged, map, type Observable } from "rxjs";
import { type RingingOptions, type Ringing, type RingTrace, watchRinging } from "../../src/ringing/index.ts";
import { rtcSession } from "../../src/index.ts";
import { type RoomOptions, virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const carl = "@carl:example.org";
export const slot = "m.call#ROOM";

export function scene(options: VirtualHomeserverOptions & Partial<RoomOptions> = {}) {
  const home = virtualHomeserver({ latencyMs: 0, syncMs: 0, ...options });
  const roomId = home.createRoom({ members: [alice, bob, carl], ...options });
  const device = (userId: string, deviceId: string) => {
    const matrix = home.client(userId, deviceId);
    return {
      matrix,
      session: rtcSession(matrix, { roomId, slot }),
      ringing: (more: Partial<RingingOptions> = {}) => watchRinging(matrix, { roomId, slot, ...more }),
    };
  };
  return {
    home,
    roomId,
    a: device(alice, "A"),
    b: device(bob, "B"),
    b2: device(bob, "B2"),
    c: device(carl, "C"),
  };
}

/** `silent`, `ringing` or `waiting`. */
export const soundOf = ({ incoming$ }: Pick<Ringing, "incoming$">): Observable<string> =>
  incoming$.pipe(
    map(([call]) => call?.status ?? "silent"),
    distinctUntilChanged(),
  );

/** The trace as words, with the reasons. */
export const wordsOf = (trace: RingTrace): string => {
  if (trace.kind === "ring-outcome") return `${trace.userId.slice(1, 2)} ${trace.outcome}`;
  return "reason" in trace ? `${trace.kind} ${trace.reason}` : trace.kind;
};

export const sounds = { s: "silent", r: "ringing", w: "waiting" };
