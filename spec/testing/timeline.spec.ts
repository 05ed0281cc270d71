import { map, mergeMap, take, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, carl, roomOfTwo } from "./room-of-two.ts";

const type = "io.element.call.encryption_keys";
const content = { keys: [], device_id: "B", call_id: "" };
const keysIn = (roomId: string) => ({ roomId, type, txnId: "1", content });

describe("a timeline event of the virtual homeserver", () => {
  test(
    "brings keys to all members of an encrypted room, its sender included, after the changes of the same sync",
    marbles(({ expectObservable, flush }) => {
      const { home, roomId, a, b, state } = roomOfTwo({ encrypted: true });
      home.adjust({ userId: bob, deviceId: "B" }, { crossSigned: false });
      const proof = { deviceId: "B", crossSigned: false };
      const roomKey = { roomId, sender: bob, originServerTs: 2, ageMs: 3, content, proof };
      const order: string[] = [];
      a.roomKey$?.subscribe(() => order.push("keys"));
      a.changes$.subscribe(() => order.push("change"));
      expectObservable(b.send(keysIn(roomId)).pipe(map(() => "sent"))).toBe("----(s|)", { s: "sent" });
      b.send(state).subscribe();
      expectObservable(a.roomKey$!, "^-----!").toBe("                        -----k", { k: roomKey });
      expectObservable(b.roomKey$!, "^-----!").toBe("                        -----k", { k: roomKey });
      flush();
      expect(order).toEqual(["change", "keys"]);
      expect(home.events(roomId).at(-1)).toMatchObject({ type, proof });
    }),
  );

  test(
    "is accepted once for one transaction, and is neither a change nor a sticky event",
    marbles(({ expectObservable, flush }) => {
      const { roomId, a, b } = roomOfTwo({ encrypted: true, stickyEvents: false });
      timer(0, 10)
        .pipe(
          take(3),
          mergeMap(() => b.send(keysIn(roomId))),
        )
        .subscribe();
      expectObservable(a.roomKey$!.pipe(map(() => "k")), "^ 50ms !").toBe("-----k");
      expectObservable(a.changes$, "^ 50ms !").toBe("");
      flush();
      expect([...a.stickyEvents(roomId)]).toEqual([]);
    }),
  );

  test(
    "brings no keys if it is in cleartext, or from before the user entered the room",
    marbles(({ expectObservable }) => {
      const { home, roomId, a, b } = roomOfTwo();
      const encrypted = roomOfTwo({ encrypted: true });
      const c = encrypted.home.client(carl, "C");
      b.send(keysIn(roomId)).subscribe();
      encrypted.b.send(keysIn(encrypted.roomId)).subscribe();
      timer(10).subscribe(() => encrypted.home.joinRoom(encrypted.roomId, carl));
      expectObservable(a.roomKey$!, "^ 50ms !").toBe("");
      expectObservable(c.roomKey$!, "^ 50ms !").toBe("");
      timer(20).subscribe(() => expect(home.events(roomId).at(-1)).not.toHaveProperty("proof"));
      expect.assertions(3);
    }),
  );

  test(
    "needs the power level of its type on the wire",
    marbles(({ expectObservable }) => {
      const { roomId, a, b } = roomOfTwo({ encrypted: true, powerLevels: { events: { "m.room.encrypted": 50 } } });
      const refusal = new MatrixError("forbidden", `m.room.encrypted needs power level 50, ${bob} has 0`);
      expectObservable(b.send(keysIn(roomId))).toBe("                     ----#", undefined, refusal);
      expectObservable(a.send(keysIn(roomId)).pipe(map(() => alice))).toBe("----(a|)", { a: alice });
    }),
  );

  test(
    "can be delayed, and is then sent in cleartext",
    marbles(({ expectObservable }) => {
      const { home, roomId, b } = roomOfTwo({ encrypted: true });
      b.schedule(keysIn(roomId), 10).subscribe();
      const event$ = home.event$.pipe(map(({ sticky, proof, sender }) => [sticky, proof, sender]));
      expectObservable(event$, "^ 50ms !").toBe("12ms e", { e: [undefined, undefined, bob] });
    }),
  );
});
