import { ignoreElements } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import type { RawSticky } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, carl, roomOfTwo, stickyType, wordsOf } from "./room-of-two.ts";

const hourMs = 3_600_000;

describe("a sticky event of the virtual homeserver", () => {
  test(
    "arrives decrypted in an encrypted room, with its device and its remaining time",
    marbles(({ expectObservable, flush }) => {
      const { roomId, a, b, sticky } = roomOfTwo({ encrypted: true });
      expectObservable(b.send(sticky).pipe(ignoreElements())).toBe("----|");
      expectObservable(wordsOf(a), "^-----!").toBe("                 -----d", { d: `${stickyType} decrypted` });
      flush();
      const [event, ...others] = a.stickyEvents(roomId);
      expect(others).toEqual([]);
      expect(event).toEqual({
        eventId: "$000006",
        roomId,
        type: stickyType,
        sender: bob,
        senderDeviceId: "B",
        content: sticky.content,
        encryption: "decrypted",
        originServerTs: 2,
        receivedTs: 5,
        durationMs: hourMs,
        ttlMs: hourMs - 3,
      });
      expect([...a.stickyEvents(roomId)][0]).toBe(event);
    }),
  );

  test(
    "is undecryptable for users who enter the room later",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, b, sticky } = roomOfTwo({ encrypted: true });
      const c = home.client(carl, "C");
      b.send(sticky).subscribe();
      cold("                       ----------j").subscribe(() => home.joinRoom(roomId, carl));
      expectObservable(wordsOf(c), "^-------------!").toBe("-------------r", { r: "room" });
      flush();
      expect([...c.stickyEvents(roomId)]).toMatchObject([
        { type: "m.room.encrypted", encryption: "undecryptable", sender: bob, ttlMs: hourMs - 11, receivedTs: 13 },
      ]);
      expect([...c.stickyEvents(roomId)][0]).not.toHaveProperty("senderDeviceId");
    }),
  );

  test(
    "is the same object for a client that returns to the room",
    marbles(({ flush }) => {
      const { home, roomId, b, sticky } = roomOfTwo({ encrypted: true });
      b.send(sticky).subscribe();
      flush();
      const [before] = b.stickyEvents(roomId);
      home.leaveRoom(roomId, bob);
      flush();
      home.joinRoom(roomId, bob);
      flush();
      const [after] = b.stickyEvents(roomId);
      expect(after?.encryption).toBe("decrypted");
      expect(after).toBe(before);
    }),
  );

  test(
    "is forgotten when it expires, an hour after it was sent at the latest",
    marbles(({ cold, flush }) => {
      const { home, roomId, a } = roomOfTwo();
      const sendFor = (durationMs: number) =>
        home.sendSticky(roomId, { type: stickyType, sender: bob, content: { durationMs }, durationMs });
      [10, 99 * hourMs].forEach(sendFor);
      const held = (client = a) => [...client.stickyEvents(roomId)].map(({ durationMs }) => durationMs);
      cold("---a").subscribe(() => expect(held()).toEqual([10, 99 * hourMs]));
      cold("10ms a").subscribe(() => {
        expect(held()).toEqual([99 * hourMs]);
        expect(held(home.client(alice, "LATER"))).toEqual([99 * hourMs]);
      });
      cold("3600s a").subscribe(() => {
        expect(held()).toEqual([]);
        expect(held(home.client(alice, "LATER STILL"))).toEqual([]);
      });
      flush();
      expect.assertions(5);
    }),
  );

  test(
    "can be forged in every field",
    marbles(({ flush }) => {
      const { home, roomId, a } = roomOfTwo({ encrypted: true });
      const forged: RawSticky = {
        type: stickyType,
        sender: bob,
        content: null,
        eventId: "$forged",
        originServerTs: 9e12,
        durationMs: "long",
        ttlMs: {},
        encryption: "decrypted",
        senderDeviceId: "STOLEN",
      };
      home.sendSticky(roomId, forged);
      home.sendSticky(roomId, { ...forged, eventId: "$unread", encryption: "undecryptable" });
      flush();
      const [first, second] = a.stickyEvents(roomId);
      expect(first).toEqual({ ...forged, roomId, receivedTs: 3 });
      expect(second).toMatchObject({ eventId: "$unread", encryption: "undecryptable", type: "m.room.encrypted" });
    }),
  );

  test(
    "is rejected by a server without sticky events",
    marbles(({ expectObservable }) => {
      const { b, sticky } = roomOfTwo({ stickyEvents: false });
      expectObservable(b.send(sticky)).toBe(
        "----#",
        undefined,
        new MatrixError("unsupported", "no sticky events here"),
      );
    }),
  );
});
