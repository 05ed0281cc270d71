import { describe, expect, it } from "vitest";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { participantIdentity } from "../../src/membership/identity.ts";
import { alice, bob, hourMs, stateEvent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { Folding, stateJoin, stickyJoin } from "../support/folding.ts";

describe("The memberships of one device", () => {
  const byState = stateJoin({}, { eventId: "$s" });
  const bySticky = stickyJoin("one", { eventId: "$j", originServerTs: 1 });
  const stickyEnd = stickyEvent(stickyLeave("one"), { eventId: "$k", originServerTs: 2 });

  const inBothOrders = (
    names: readonly string[],
    reasons: readonly string[],
    ...events: (RoomEvent | StickyEvent)[]
  ) => {
    for (const order of [events, events.toReversed()]) {
      const fold = new Folding();
      for (const event of order) fold.put(event);
      expect([fold.names, fold.reasons.toSorted()]).toEqual([names, reasons]);
    }
  };

  it("the sticky join counts instead of the state join, in either order", () => {
    inBothOrders(["alice/PHONE/one"], [`superseded until ${1 + hourMs}`], byState, bySticky);
  });

  it("a sticky leave ends only the sticky membership, in either order (ordering 10)", () => {
    inBothOrders(["alice/PHONE"], [`left until ${2 + hourMs}`], byState, stickyEnd);
    inBothOrders(["alice/PHONE"], [`left until ${2 + hourMs}`], byState, stickyEnd, bySticky);
  });

  it("a state leave ends only the state membership", () => {
    inBothOrders(["alice/PHONE/one"], ["left"], stateEvent({}), bySticky);
  });

  it("a rejected sticky join supersedes nothing", () => {
    const fold = new Folding();
    fold.put(byState, stickyJoin("one", {}, { slot_id: "m.call#two" }));
    expect(fold.names).toEqual(["alice/PHONE"]);
    fold.put(stickyJoin("two"));
    expect(fold.names).toEqual(["alice/PHONE/two"]);
    fold.fold.setRoom("closed", false);
    fold.step();
    expect(fold.names).toEqual(["alice/PHONE"]);
  });

  it("a superseded state join counts again when the sticky join ends, at the time in its rejection", () => {
    const fold = new Folding();
    fold.put(byState, stickyJoin("one", { durationMs: 100 }), stickyJoin("two", { durationMs: 200 }));
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one", "alice/PHONE/two"], ["superseded until 200"]]);
    fold.step(199);
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/two"], ["superseded until 200"]]);
    fold.step(200);
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE"], []]);
  });

  it("a superseded state join that ends first is expired from then on", () => {
    const fold = new Folding();
    fold.put(stateJoin({ expires: 100 }), stickyJoin());
    expect(fold.reasons).toEqual(["superseded until 100"]);
    fold.step(100);
    expect(fold.reasons).toEqual(["expired"]);
  });

  it("the newer of two state joins counts, whatever their keys", () => {
    const old = stateJoin({ expires: 300 }, { stateKey: `${alice}_PHONE`, eventId: "$o" });
    const current = stateJoin({ expires: 100 }, { originServerTs: 1, eventId: "$n" });
    inBothOrders(["alice/PHONE"], ["superseded until 101"], old, current);
  });

  it("the state join with the greater event id counts if both have the same time", () => {
    const fold = new Folding();
    fold.put(stateJoin({}, { stateKey: "a", eventId: "$b" }), stateJoin({}, { stateKey: "b", eventId: "$a" }));
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual(["$b"]);
  });

  it("two sticky joins with different member ids are two members", () => {
    inBothOrders(
      ["alice/PHONE/one", "alice/PHONE/two"],
      [],
      stickyJoin("one"),
      stickyJoin("two", { originServerTs: 1 }),
    );
  });

  it("two sticky joins with the same member id are one member: the one with the higher rank", () => {
    const unstable = stickyJoin("one", { eventId: "$u" });
    const stable = stickyJoin("one", { eventId: "$v", originServerTs: 1, type: "m.rtc.member" });
    inBothOrders(["alice/PHONE/one"], [`superseded until ${hourMs}`], unstable, stable);
    const otherKey = stickyJoin(
      "one",
      { originServerTs: 2, durationMs: 50 },
      { sticky_key: "x", msc4354_sticky_key: "x" },
    );
    inBothOrders(["alice/PHONE/one"], ["superseded until 52"], unstable, otherKey);
    const fold = new Folding();
    fold.put(unstable, otherKey);
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual(["$u"]);
  });

  it("the sticky join counts instead of the state join, even if the state join is a day newer", () => {
    const newer = stateJoin({}, { originServerTs: 24 * hourMs });
    inBothOrders(["alice/PHONE/one"], [`superseded until ${1 + hourMs}`], newer, bySticky);
  });

  it("a superseded state join lasts as long as the newest sticky join says", () => {
    const fold = new Folding();
    fold.put(byState, stickyJoin("one", { durationMs: 100 }));
    expect(fold.reasons).toEqual(["superseded until 100"]);
    fold.put(stickyJoin("one", { durationMs: 100, originServerTs: 50 }));
    expect(fold.reasons).toEqual(["superseded until 150"]);
  });

  it("a superseded sticky join stays so until all that supersede it have ended", () => {
    const ofOneMember = (key: string, originServerTs: number, ttlMs: number) =>
      stickyJoin("one", { originServerTs, ttlMs }, { sticky_key: key, msc4354_sticky_key: key });
    const fold = new Folding();
    fold.put(ofOneMember("a", 3, 10), ofOneMember("b", 2, 30), ofOneMember("c", 1, 20));
    // Each is received when it is sent.
    expect(fold.reasons).toEqual(["superseded until 21", "superseded until 13"]);
    fold.step(13);
    expect(fold.reasons).toEqual(["superseded until 21"]);
    fold.step(21);
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one"], []]);
  });

  it("memberships in different slots are independent", () => {
    const events = [stateJoin({ call_id: "two" }, { stateKey: "two" }), stateJoin()];
    for (const [slot, id] of [
      ["m.call#ROOM", events[1]?.eventId],
      ["m.call#two", events[0]?.eventId],
    ] as const) {
      const fold = new Folding({ slot });
      fold.put(...events);
      expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual([id]);
      expect(fold.reasons).toEqual(["other-slot"]);
    }
  });

  it("devices of different users with the same id are independent", () => {
    inBothOrders(["alice/PHONE", "bob/PHONE/one"], [], byState, stickyJoin("one", { sender: bob, originServerTs: 1 }));
  });
});

describe("A member that replaces another", () => {
  it("at a sticky key has its own participant identity, unless it is the same member renewed", () => {
    const fold = new Folding();
    const identityOf = (id: string, device: string, originServerTs: number) => {
      fold.put(stickyJoin(id, { originServerTs }, { device, sticky_key: "k", msc4354_sticky_key: "k" }));
      return fold.fold.members[0]?.participantIdentity;
    };
    const identity = identityOf("one", "PHONE", 0);
    expect(identityOf("one", "PHONE", 1)).toBe(identity);
    expect(identityOf("two", "PHONE", 2)).toBe(participantIdentity("sticky", alice, "PHONE", "two"));
    expect(identityOf("two", "LAPTOP", 3)).toBe(participantIdentity("sticky", alice, "LAPTOP", "two"));
    expect(identityOf("one", "PHONE", 4)).toBe(identity);
  });

  it("is another participant if its transport is of the other generation", () => {
    const fold = new Folding();
    const identityOf = (originServerTs: number, ...published: readonly object[]) => {
      fold.put(stickyJoin("one", { originServerTs }, { transports: { published }, rtc_transports: undefined }));
      return fold.fold.members[0]?.participantIdentity;
    };
    const deployed = participantIdentity("sticky", alice, "PHONE", "one");
    const stable = participantIdentity("sticky", alice, "PHONE", "one", "stable");
    const service = { type: "livekit", livekit_service_url: "https://rtc.example.org" };
    expect(identityOf(0, service)).toBe(deployed);
    expect(identityOf(1, { type: "m.livekit", url: "wss://rtc.example.org" }, service)).toBe(stable);
    expect(identityOf(2)).toBe(deployed);
  });

  it("at the state key of another user leaves the other memberships of that user", () => {
    const fold = new Folding();
    const current = stateJoin({}, { originServerTs: 1 });
    fold.put(stateJoin({}, { stateKey: "old" }), current);
    expect(fold.fold.members.map(({ createdTs }) => createdTs)).toEqual([1]);
    fold.put(stateJoin({}, { stateKey: current.stateKey, sender: bob, originServerTs: 2 }));
    expect(fold.fold.members.map(({ userId, createdTs }) => [userId, createdTs])).toEqual([
      [alice, 0],
      [bob, 2],
    ]);
  });

  it("at the state key of another user has its own participant identity, whatever ids it claims", () => {
    const fold = new Folding();
    fold.put(stateJoin({ membershipID: "same" }));
    fold.put(
      stateJoin({ membershipID: "same" }, { stateKey: `_${alice}_PHONE_m.call`, sender: bob, originServerTs: 1 }),
    );
    expect(fold.fold.members.map(({ userId, participantIdentity: identity }) => [userId, identity])).toEqual([
      [bob, `${bob}:PHONE`],
    ]);
  });
});
