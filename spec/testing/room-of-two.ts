// RoomOfTwo: a room with its creator Alice and with Bob, each with one device. A request takes 2 ms each way, a sync 3 ms.
import { type Observable, mergeMap } from "rxjs";
import type { Matrix, RoomChange } from "../../src/matrix.ts";
import { type RoomOptions, virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const carl = "@carl:example.org";

export const memberType = "org.matrix.msc3401.call.member";
export const stickyType = "org.matrix.msc4143.rtc.member";

export function roomOfTwo(options: VirtualHomeserverOptions & Partial<RoomOptions> = {}) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...options });
  const roomId = home.createRoom({ members: [alice, bob], ...options });
  const stateKey = `_${bob}_B_m.call`;
  const state = { roomId, type: memberType, stateKey, content: { application: "m.call" } };
  const sticky = { roomId, type: stickyType, stickyMs: 3_600_000, txnId: "1", content: { sticky_key: "x" } };
  return { home, roomId, a: home.client(alice, "A"), b: home.client(bob, "B"), state, sticky };
}

/** Each change separately, as a word. */
export const wordsOf = (matrix: Matrix): Observable<string> =>
  matrix.changes$.pipe(mergeMap((batch) => batch.map(wordOf)));

const wordOf = (change: RoomChange): string => {
  if (change.kind === "state") return `${change.type} ${change.stateKey}`;
  return change.kind === "sticky" ? `${change.event.type} ${change.event.encryption}` : change.kind;
};
