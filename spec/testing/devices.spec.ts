import { concat, ignoreElements, map, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError, type ToDeviceMessage } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, roomOfTwo, wordsOf } from "./room-of-two.ts";

const deviceA = { userId: alice, deviceId: "A" };
const deviceB = { userId: bob, deviceId: "B" };

describe("a device of the virtual homeserver", () => {
  test(
    "gets a to-device message with the proof of its sender, before the changes of the same sync",
    marbles(({ expectObservable }) => {
      const { home, a, b, state } = roomOfTwo();
      home.adjust(deviceB, { crossSigned: false });
      const order: string[] = [];
      a.toDevice$.subscribe(() => order.push("message"));
      a.changes$.subscribe(() => order.push("change"));
      b.send(state).subscribe();
      const message = { type: "t", sender: bob, content: { n: 1 }, proof: { deviceId: "B", crossSigned: false } };
      expectObservable(b.sendToDevice([deviceA], "t", { n: 1 })).toBe("----(s|)", {
        s: { ...deviceA, outcome: "sent" },
      });
      expectObservable(a.toDevice$, "^-----!").toBe("                 -----m", { m: message });
      timer(6).subscribe(() => expect(order).toEqual(["message", "change"]));
      expect.assertions(3);
    }),
  );

  test(
    "can be unknown to others, or missing",
    marbles(({ expectObservable, flush }) => {
      const { home, b } = roomOfTwo();
      const nobody = { userId: alice, deviceId: "NONE" };
      home.adjust(deviceA, { listed: false });
      expectObservable(b.sendToDevice([deviceA, nobody], "t", {})).toBe("(un|)", {
        u: { ...deviceA, outcome: "unknown-device" },
        n: { ...nobody, outcome: "unknown-device" },
      });
      expectObservable(b.sendToDevice([], "t", {})).toBe("               |");
      flush();
      expect(home.requests).toEqual([]);
      expect(() => home.adjust(nobody, {})).toThrow("has no device NONE");
    }),
  );

  test(
    "can get any message, also a forged one",
    marbles(({ expectObservable }) => {
      const { home, a } = roomOfTwo();
      const cleartext: ToDeviceMessage = { type: "t", sender: bob, content: "no object" };
      const unproven: ToDeviceMessage = { ...cleartext, proof: { crossSigned: false } };
      home.deliver(deviceA, cleartext);
      home.deliver(deviceA, unproven);
      expectObservable(a.toDevice$, "^-----!").toBe("---(cu)", { c: cleartext, u: unproven });
    }),
  );

  test(
    "can have its to-device messages held while its rooms are synced",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, state } = roomOfTwo();
      const acts: Record<string, () => unknown> = {
        h: () => home.adjust(deviceA, { toDevice: "held" }),
        s: () => [b.sendToDevice([deviceA], "t", {}).subscribe(), b.send(state).subscribe()],
        d: () => home.adjust(deviceA, { toDevice: "delivered" }),
      };
      cold("                                           h-s-----------d", acts).subscribe((act) => act());
      const types$ = a.toDevice$.pipe(map(() => "m"));
      expectObservable(types$, "                       ^-------------------!").toBe(
        "--------------- --m".replace(" ", ""),
      );
      expectObservable(wordsOf(a).pipe(map(() => "n")), "^-------------------!").toBe("-------n");
    }),
  );

  test(
    "that is offline fails its requests, gets nothing, and catches up in one batch",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b, state } = roomOfTwo();
      const put = (stateKey: string) => () =>
        home.setState(roomId, { type: "t", sender: alice, stateKey, content: {} });
      const acts: Record<string, () => unknown> = {
        x: () => home.adjust(deviceB, { connection: "offline" }),
        1: put("1"),
        2: put("2"),
        o: () => home.adjust(deviceB, { connection: "online" }),
      };
      cold("                                   x--1----2----o", acts).subscribe((act) => act());
      const down = new MatrixError("network", "the server does not answer");
      expectObservable(b.send(state)).toBe("   ----#", undefined, down);
      const batches$ = b.changes$.pipe(map((batch) => `${batch.length}`));
      expectObservable(batches$, "             ^------------------!").toBe("---------------- 2".replace(" ", ""));
      const others$ = a.changes$.pipe(map((batch) => `${batch.length}`));
      expectObservable(others$, "              ^------------------!").toBe("------1----1");
    }),
  );

  test(
    "that is frozen sends and gets nothing until it is online again, and then catches up",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b, state } = roomOfTwo();
      const acts: Record<string, () => unknown> = {
        f: () => home.adjust(deviceB, { connection: "frozen" }),
        e: () => home.setState(roomId, { type: "t", sender: alice, stateKey: "", content: {} }),
        t: () => home.adjust(deviceB, { connection: "online" }),
      };
      cold("                                             ---f-e------t", acts).subscribe((act) => act());
      const sent = (stateKey: string) => b.send({ ...state, stateKey }).pipe(map(() => "s"));
      expectObservable(sent("on its way back")).toBe("   ------------(s|)");
      expectObservable(concat(timer(4).pipe(ignoreElements()), sent("not sent yet"))).toBe(
        "---------------- (s|)".replace(" ", ""),
      );
      const sizes$ = b.changes$.pipe(map((batch) => `${batch.length}`));
      expectObservable(sizes$, "                         ^--------------------!").toBe("---------------3");
    }),
  );

  test(
    "emits a batch when it is back, even if nothing changed",
    marbles(({ cold, expectObservable }) => {
      const { home, b } = roomOfTwo();
      const acts: Record<string, () => void> = {
        x: () => home.adjust(deviceB, { connection: "offline" }),
        f: () => home.adjust(deviceB, { connection: "frozen" }),
        o: () => home.adjust(deviceB, { connection: "online" }),
        d: () => home.stop(),
        u: () => home.start(),
      };
      cold("                     x--o----f--o----d--u", acts).subscribe((act) => act());
      expectObservable(b.changes$, "^-----------------------!").toBe("------e-------e-------e", { e: [] });
    }),
  );

  test(
    "answers the requests that LiveKit needs",
    marbles(({ expectObservable }) => {
      const { b } = roomOfTwo();
      expectObservable(b.openIdToken().pipe(map((token) => token.matrix_server_name))).toBe("----(n|)", {
        n: "example.org",
      });
      expectObservable(b.rtcTransports()).toBe("----(t|)", {
        t: [{ type: "livekit", livekit_service_url: "https://livekit.virtual.example" }],
      });
      expectObservable(b.wellKnown()).toBe("----(u|)", { u: undefined });
    }),
  );
});
