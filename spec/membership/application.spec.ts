import { describe, expect, it } from "vitest";
import { type Application, watchSession } from "../../src/index.ts";
import { alice, bob, carl, roomId, stateContent, stateEvent, stickyContent, stickyEvent } from "../support/contents.ts";
import { roomOfThree } from "../support/watching.ts";

const slot = "org.example.board#1";

/** A state join of a user in the board, with a page of any kind. */
const joins = (sender: string, page: unknown, { slotId = "1", device = "PHONE", originServerTs = Date.now() } = {}) =>
  stateEvent(stateContent({ application: "org.example.board", call_id: slotId, device_id: device, page }), {
    sender,
    stateKey: `${sender} ${device} ${slotId}`,
    originServerTs,
  });

/** A sticky join of a user in the board. */
const sticks = (sender: string, page: unknown, originServerTs = Date.now()) => {
  const member = { id: "one", user_id: sender, device_id: "PHONE" };
  const application = { type: "org.example.board", page };
  return stickyEvent(stickyContent({ slot_id: slot, application, member }), { sender, originServerTs });
};

/** A room, and a session of its board. The decoder accepts numbers, doubles them, and throws for text. */
function board() {
  const client = roomOfThree();
  const decoded: unknown[] = [];
  const application = ({ type, page }: Application) => {
    decoded.push(page);
    if (typeof page === "string") throw new Error("a page is a number");
    return typeof page === "number" ? { type, double: 2 * page } : undefined;
  };
  return { client, decoded, session: watchSession(client, { roomId, slot, application }) };
}

describe("The application option of a session", () => {
  it("decodes the data of each member, in both formats", () => {
    const { client, session } = board();
    client.setState(roomId, joins(alice, 1));
    client.keep(roomId, sticks(bob, 2));
    const doubles: number[] = session.membership$.value.map(({ application }) => application.double);
    expect(doubles.toSorted()).toEqual([2, 4]);
  });

  it("rejects members whose data it refuses, and those for which it throws, as bad-application", () => {
    const { client, session } = board();
    client.setState(roomId, joins(alice, null));
    client.setState(roomId, joins(bob, "seven"));
    client.keep(roomId, sticks(carl, undefined));
    expect(session.membership$.value).toEqual([]);
    const rejected = session.rejected$.value.map(({ reason, userId, deviceId }) => [reason, userId, deviceId]);
    expect(rejected.toSorted()).toEqual([alice, bob, carl].map((userId) => ["bad-application", userId, "PHONE"]));
  });

  it("lets a refused sticky member supersede nothing", () => {
    const { client, session } = board();
    client.setState(roomId, joins(alice, 1));
    client.keep(roomId, sticks(alice, null));
    expect(session.membership$.value.map(({ kind }) => kind)).toEqual(["state"]);
  });

  it("is called once for each event of the slot while the session is watched", () => {
    const { client, decoded, session } = board();
    const event = joins(alice, 1);
    client.setState(roomId, event);
    client.setState(roomId, joins(bob, 9, { slotId: "2" }));
    client.keep(roomId, sticks(carl, null));
    const watched = session.membership$.subscribe();
    client.emit({ kind: "room", roomId }, client.setMembership(roomId, alice, "join"));
    client.emit(client.setState(roomId, structuredClone(event)));
    client.emit(client.setSlot(roomId, slot, {}));
    expect(session.membership$.value).toHaveLength(1);
    expect(decoded).toEqual([1, null]);
    watched.unsubscribe();
  });

  it("decodes the data of a member that joins later, too", () => {
    const { client, session } = board();
    client.setState(roomId, joins(alice, 1));
    const watched = session.membership$.subscribe();
    client.emit(client.setState(roomId, joins(bob, 2)), client.keep(roomId, sticks(carl, 3)));
    expect(session.membership$.value.map(({ application }) => application.double).toSorted()).toEqual([2, 4, 6]);
    watched.unsubscribe();
  });

  it("is not called again for the members that a list still holds", () => {
    const { client, decoded, session } = board();
    client.setState(roomId, joins(alice, 1));
    const held = session.membership$.value;
    expect(session.membership$.value).toBe(held);
    session.membership$.subscribe().unsubscribe();
    expect(decoded).toEqual([1]);
  });
});
