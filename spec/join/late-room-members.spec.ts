import { filter, ignoreElements, map, range, timer, zip } from "rxjs";
import { describe, expect, it } from "vitest";
import { lateRoomMembers } from "../../src/join/late-room-members.ts";
import { alice, bob, callOf, carl, inWords, marbles, scene, smooth, toTheEnd } from "./scene.ts";

const encrypted = { encrypted: true };
const sticky = { mode: "matrix_2_0" } as const;

describe("A user who enters the room after we joined the call (guarantee 42)", () => {
  it(
    "is sent our sticky membership again two seconds later, once for all users who entered until then",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene(encrypted);
      const names = ["@carl:example.org", "@dora:example.org", "@emil:example.org"];
      cold("1s a 500ms b 500ms c", { a: 0, b: 1, c: 2 }).subscribe((index) =>
        home.joinRoom(roomId, names[index] ?? ""),
      );
      expectObservable(requests$, "            ^ 4s !").toBe("C-D-W-R 2994ms W");
      expectObservable(inWords(join(sticky)), "^ 4s !").toBe("a-d-w-j", smooth);
    }),
  );

  it("sees us although nothing else happens", () => {
    toTheEnd(() => {
      const { home, roomId, join } = scene(encrypted);
      const joined = join(sticky).subscribe();
      timer(10_000).subscribe(() => {
        home.joinRoom(roomId, carl);
        const seenByCarl$ = callOf(home.client(carl, "C"), roomId).membership$;
        const watching = seenByCarl$.subscribe();
        expect(seenByCarl$.value).toEqual([]);
        timer(2_100).subscribe(() => {
          expect(seenByCarl$.value).toHaveLength(1);
          watching.unsubscribe();
          joined.unsubscribe();
        });
      });
    });
    expect.assertions(2);
  });

  it.each([true, false])(
    "is sent our sticky membership again, whether or not the room is encrypted (%s)",
    (isEncrypted) =>
      marbles(({ cold, expectObservable }) => {
        const { home, roomId, requests$, join } = scene({ encrypted: isEncrypted });
        cold("1s x").subscribe(() => home.joinRoom(roomId, carl));
        expectObservable(requests$, "            ^ 4s !").toBe("C-D-W-R 2994ms W");
        expectObservable(inWords(join(sticky)), "^ 4s !").toBe("a-d-w-j", smooth);
      })(),
  );

  it(
    "is sent nothing again if our membership is a state event",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene(encrypted);
      cold("1s x").subscribe(() => home.joinRoom(roomId, carl));
      expectObservable(requests$, "      ^ 4s !").toBe("C-D-W-R");
      expectObservable(inWords(join()), "^ 4s !").toBe("a-d-w-j", smooth);
    }),
  );

  it(
    "is sent our sticky membership again after leaving and entering, although we saw only the whole room in between",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, call, requests$, join } = scene({ members: [alice, bob, carl] });
      cold("1s x").subscribe(() => {
        home.adjust({ userId: alice, deviceId: "A" }, { connection: "offline" });
        home.leaveRoom(roomId, carl);
      });
      const changes$ = call.matrix.changes$.pipe(map((batch) => batch.map(() => ({ kind: "room" as const, roomId }))));
      Object.assign(call.matrix, { changes$ });
      cold("2s x").subscribe(() => home.adjust({ userId: alice, deviceId: "A" }, { connection: "online" }));
      cold("3s x").subscribe(() => home.joinRoom(roomId, carl));
      const writes$ = requests$.pipe(filter((letter) => letter === "W"));
      expectObservable(writes$, "              ^ 9s !").toBe("----W 4996ms W");
      expectObservable(join(sticky).pipe(ignoreElements()), "^ 9s !").toBe("");
    }),
  );

  it("is noticed again after leaving the room, but not for a new display name", () => {
    const entered: string[] = [];
    toTheEnd(() => {
      const { home, roomId, call } = scene(encrypted);
      lateRoomMembers(call.matrix, roomId).subscribe((userId) => entered.push(userId));
      const named = (displayname: string) => ({ membership: "join", displayname });
      const acts = [
        () => home.joinRoom(roomId, carl),
        () => home.setState(roomId, { type: "m.room.member", sender: carl, stateKey: carl, content: named("Carl") }),
        () => home.leaveRoom(roomId, carl),
        () => home.joinRoom(roomId, carl),
      ];
      zip(acts, timer(0, 100)).subscribe(([act]) => act());
    });
    expect(entered).toEqual([carl, carl]);
  });

  it("is noticed again after an outage in which the user left and entered, but not for a new display name", () => {
    const entered: string[] = [];
    const offlineFor = (act: (home: ReturnType<typeof scene>["home"], roomId: string) => void) =>
      toTheEnd(() => {
        const { home, roomId, call } = scene({ members: [alice, bob, carl] });
        const device = { userId: alice, deviceId: "A" };
        lateRoomMembers(call.matrix, roomId).subscribe((userId) => entered.push(userId));
        timer(1_000).subscribe(() => home.adjust(device, { connection: "offline" }));
        timer(2_000).subscribe(() => act(home, roomId));
        timer(3_000).subscribe(() => home.adjust(device, { connection: "online" }));
      });
    const content = { membership: "join", displayname: "Carl" };
    offlineFor((home, roomId) =>
      home.setState(roomId, { type: "m.room.member", sender: carl, stateKey: carl, content }),
    );
    expect(entered).toEqual([]);
    offlineFor((home, roomId) => {
      home.leaveRoom(roomId, carl);
      home.joinRoom(roomId, carl);
    });
    expect(entered).toEqual([carl]);
  });

  it("is noticed again after a gap if its membership event is another one", () => {
    const entered: string[] = [];
    toTheEnd(() => {
      const { home, roomId, call } = scene({ members: [alice, bob, carl] });
      const changes$ = call.matrix.changes$.pipe(map((batch) => batch.map(() => ({ kind: "room" as const, roomId }))));
      lateRoomMembers({ ...call.matrix, changes$ }, roomId).subscribe((userId) => entered.push(userId));
      timer(1_000).subscribe(() =>
        home.setState(roomId, { type: "m.room.topic", sender: bob, stateKey: "", content: {} }),
      );
      timer(2_000).subscribe(() => home.adjust({ userId: alice, deviceId: "A" }, { connection: "offline" }));
      timer(3_000).subscribe(() => home.leaveRoom(roomId, carl));
      timer(3_100).subscribe(() => home.joinRoom(roomId, carl));
      timer(4_000).subscribe(() => home.adjust({ userId: alice, deviceId: "A" }, { connection: "online" }));
    });
    expect(entered).toEqual([carl]);
  });

  it("is noticed although the user had left the room before we joined the call", () => {
    const entered: string[] = [];
    toTheEnd(() => {
      const { home, roomId, call } = scene({ members: [alice, bob, carl] });
      home.leaveRoom(roomId, carl);
      timer(50).subscribe(() => lateRoomMembers(call.matrix, roomId).subscribe((userId) => entered.push(userId)));
      timer(100).subscribe(() => home.joinRoom(roomId, carl));
    });
    expect(entered).toEqual([carl]);
  });

  it("is noticed in a batch that names the whole room among other changes", () => {
    const entered: string[] = [];
    toTheEnd(() => {
      const { home, roomId, call } = scene();
      const topic = { kind: "state", roomId, type: "m.room.topic", stateKey: "" } as const;
      const changes$ = call.matrix.changes$.pipe(map(() => [topic, { kind: "room", roomId } as const]));
      lateRoomMembers({ ...call.matrix, changes$ }, roomId).subscribe((userId) => entered.push(userId));
      timer(100).subscribe(() => home.joinRoom(roomId, carl));
    });
    expect(entered).toEqual([carl]);
  });

  it("costs at most 130 writes in an hour, however many users enter", () => {
    let writes = 0;
    toTheEnd(() => {
      const { home, roomId, requests$, join } = scene(encrypted);
      requests$.subscribe((letter) => (writes += letter === "W" ? 1 : 0));
      join({ ...sticky, leaveOn: timer(3_600_000) }).subscribe();
      zip(range(0, 600), timer(0, 6_000)).subscribe(([index]) => home.joinRoom(roomId, `@user${index}:example.org`));
    });
    expect(writes).toBeGreaterThan(100);
    expect(writes).toBeLessThanOrEqual(1 + 130);
  });
});
