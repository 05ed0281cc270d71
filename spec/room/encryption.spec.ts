import { describe, expect, it } from "vitest";
import { isEncrypted, whenEncrypted } from "../../src/room/encryption.ts";
import { alice, roomId, stateEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";

function room() {
  const client = new FakeClient();
  client.enter(roomId, alice);
  return client;
}

describe("A room", () => {
  it("is encrypted as soon as it has an encryption event, whatever its content", () => {
    const client = room();
    expect(isEncrypted(client, roomId)).toBe(false);
    client.setState(roomId, stateEvent({}, { type: "m.room.encryption", stateKey: "" }));
    expect(isEncrypted(client, roomId)).toBe(true);
  });

  it(
    "that is encrypted says so at once",
    marbles(({ expectObservable }) => {
      const client = room();
      client.encrypt(roomId);
      expectObservable(whenEncrypted(client, roomId)).toBe("(e|)", { e: true });
    }),
  );

  it(
    "that is not encrypted yet says so once it is, and then no more",
    marbles(({ cold, expectObservable }) => {
      const client = room();
      happens(cold, "                                 -o-e-e", {
        o: () => client.emit(client.setMembership(roomId, alice, "join")),
        e: () => client.emit(client.encrypt(roomId)),
      });
      expectObservable(whenEncrypted(client, roomId)).toBe("---(e|)", { e: true });
    }),
  );
});
