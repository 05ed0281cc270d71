// The recipes, over the virtual homeserver.
import { map, merge, takeUntil, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { expect, it } from "vitest";
import { rtcSession } from "matrixrtc-rx";
import { virtualHomeserver } from "matrixrtc-rx/testing";
import { callLog } from "../../examples/recipes/call-log.ts";
import { externalStore } from "../../examples/recipes/external-store.ts";
import { followRoom } from "../../examples/recipes/follow-room.ts";

const slot = "m.call#ROOM";
const [alice, bob] = ["@alice:example.org", "@bob:example.org"] as const;
const virtually = (run: Parameters<TestScheduler["run"]>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(run);

it("following a user from room to room leaves the one before", () =>
  virtually(({ cold, expectObservable }) => {
    const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
    const rooms = { a: home.createRoom({ members: [alice, bob] }), b: home.createRoom({ members: [alice, bob] }) };
    const followed$ = followRoom(home.client(alice, "PHONE"), cold("a 999ms b 999ms n", { ...rooms, n: undefined }));
    const present = (roomId: string) =>
      rtcSession(home.client(bob, "LAPTOP"), { roomId, slot }).membership$.pipe(map((members) => members.length));

    const watched$ = merge(
      present(rooms.a).pipe(map((count) => `a${count}`)),
      present(rooms.b).pipe(map((count) => `b${count}`)),
      followed$.pipe(map((state) => (state === undefined ? "nowhere" : ""))),
    );
    const seen: string[] = [];
    watched$.pipe(takeUntil(timer(2_500))).subscribe((word) => word && seen.push(word));
    expectObservable(timer(2_500).pipe(map(() => seen))).toBe("2500ms (s|)", {
      s: ["a0", "b0", "a1", "a0", "b1", "nowhere", "b0"],
    });
  }));

it("an external store gives the same snapshot until something changes", () => {
  const home = virtualHomeserver();
  const roomId = home.createRoom({ members: [alice] });
  const { membership$ } = rtcSession(home.client(alice, "PHONE"), { roomId, slot });
  const { subscribe, getSnapshot } = externalStore(membership$);
  let told = 0;
  const before = getSnapshot();
  const unsubscribe = subscribe(() => told++);
  expect(getSnapshot()).toBe(before);
  expect(told).toBe(1);
  unsubscribe();
});

it("the log of a call tells who came, and when", () =>
  virtually(({ expectObservable }) => {
    const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
    const roomId = home.createRoom({ members: [alice], encrypted: true });
    const session = rtcSession(home.client(alice, "PHONE"), { roomId, slot });
    const lines: string[] = [];
    callLog(session.trace$).subscribe((line) => lines.push(line));
    session.join({ leaveOn: timer(1_000) }).subscribe();
    expectObservable(timer(3_000).pipe(map(() => lines))).toBe("3s (l|)", {
      l: ["00:00:00 new key 0 (first)", `00:00:00 ${alice} joined`, `00:00:01 ${alice} left (left)`],
    });
  }));
