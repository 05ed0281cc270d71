import { ignoreElements, map, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, test } from "vitest";
import { encryptedSession } from "../../src/encryption/index.ts";
import { memberNames, runOn } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, roomOfTwo } from "./room-of-two.ts";

const deviceB = { userId: bob, deviceId: "B" };

describe("a join on the virtual homeserver", () => {
  test("that nobody ends fails the marble test, and says how to end it", () => {
    const scheduler = new TestScheduler(() => {});
    const run = () =>
      scheduler.run(() => {
        const { b, roomId } = roomOfTwo({ requestLimit: 100 });
        encryptedSession(b, { roomId, slot: "m.call#ROOM" }).join().subscribe();
      });
    expect(run).toThrow(
      "100 requests in virtual time; a join is probably never ended: give it leaveOn, unsubscribe from it, or kill its device",
    );
  });

  test("whose device is killed ends without an error, and its member leaves by the delayed leave", () => {
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, roomId } = roomOfTwo();
      const call = { roomId, slot: "m.call#ROOM" };
      const joining$ = encryptedSession(b, call).join({ leaveOn: timer(3_000) });
      expectObservable(joining$.pipe(runOn(home.device(bob, "B")), ignoreElements())).toBe("1s |");
      cold("1s k").subscribe(() => home.device(bob, "B").kill());
      const names$ = encryptedSession(a, call).membership$.pipe(map(memberNames));
      expectObservable(names$, "^ 30s !").toBe("n 12ms b 18003ms n", { n: "", b: "bob" });
    })();
  });

  test(
    "can begin again in a new page of a killed device",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, roomId } = roomOfTwo();
      const acts: Record<string, () => unknown> = {
        k: () => home.device(bob, "B").kill(),
        o: () => home.adjust(deviceB, { connection: "online" }),
      };
      cold("1s k 20s o", acts).subscribe((act) => act());
      const call = { roomId, slot: "m.call#ROOM" };
      const join = (startMs: number, endMs: number) =>
        timer(startMs).subscribe(() =>
          encryptedSession(b, call)
            .join({ leaveOn: timer(endMs - startMs) })
            .pipe(runOn(home.device(bob, "B")))
            .subscribe(),
        );
      join(0, 99_000);
      join(22_000, 23_000);
      const names$ = encryptedSession(a, call).membership$.pipe(map((members) => `${members.length}`));
      expectObservable(names$, "^ 30s !").toBe("0 12ms 1 18003ms 0 3995ms 1 991ms 0");
    }),
  );
});

describe("a room member that a virtual client does not know", () => {
  test(
    "is known after loadMember, and its change is emitted",
    marbles(({ expectObservable }) => {
      const { home, a, roomId } = roomOfTwo();
      home.forgetMember({ userId: alice, deviceId: "A" }, roomId, bob);
      expect(a.stateEvent(roomId, "m.room.member", bob)).toBeUndefined();
      expectObservable(a.loadMember!(roomId, bob)).toBe("----|");
      const content$ = a.changes$.pipe(map(() => a.stateEvent(roomId, "m.room.member", bob)?.content));
      expectObservable(content$, "^-----!").toBe("----c", { c: { membership: "join" } });
    }),
  );

  test(
    "is not emitted by loadMember if the client knows it, or if the user was never in the room",
    marbles(({ expectObservable }) => {
      const { a, roomId } = roomOfTwo();
      expectObservable(a.loadMember!(roomId, bob)).toBe("----|");
      expectObservable(a.loadMember!(roomId, "@carl:example.org")).toBe("----|");
      expectObservable(a.changes$, "^-----!").toBe("");
    }),
  );
});

test("a virtual client says whether a device is signed by its owner", () => {
  const { home, a } = roomOfTwo();
  const found: boolean[] = [];
  const look = (device = deviceB) => a.isCrossSigned!(device).subscribe((isSigned) => found.push(isSigned));
  look();
  home.adjust(deviceB, { crossSigned: false });
  look();
  look({ userId: bob, deviceId: "NONE" });
  expect(found).toEqual([true, false, false]);
});
