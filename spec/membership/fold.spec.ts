import { describe, expect, it } from "vitest";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { participantIdentity } from "../../src/membership/identity.ts";
import {
  alice,
  bob,
  type Content,
  hourMs,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "../support/contents.ts";
import { Folding } from "../support/folding.ts";

const state = (content: Content = {}, event: Partial<RoomEvent> = {}) => stateEvent(stateContent(content), event);

/** A sticky join of Alice: member `id` on `device`, at the key of the same name. */
const sticky = (id = "one", event: Partial<StickyEvent> = {}, { device = "PHONE", ...content }: Content = {}) =>
  stickyEvent(
    stickyContent({
      member: { id, user_id: event.sender ?? alice, device_id: device },
      sticky_key: id,
      msc4354_sticky_key: id,
      ...content,
    }),
    event,
  );

describe("An event makes a member", () => {
  it("in either format, in an open slot, in an absent one, in the clear or decrypted", () => {
    const fold = new Folding();
    fold.put(state(), sticky("two", { sender: bob }));
    expect(fold.names).toEqual(["alice/PHONE", "bob/PHONE/two"]);
    fold.fold.setRoom("open", false);
    fold.settle();
    expect(fold.names).toEqual(["alice/PHONE", "bob/PHONE/two"]);
    expect(fold.reasons).toEqual([]);
  });

  it("which is plain data", () => {
    const fold = new Folding();
    const id = "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11";
    fold.put(sticky(id, { sender: bob, eventId: "$e", originServerTs: 5, receivedTs: 5 }, { device: "PHONEXYZ" }));
    expect(fold.fold.members).toEqual([
      {
        kind: "sticky",
        userId: bob,
        deviceId: "PHONEXYZ",
        memberId: id,
        instance: expect.any(String),
        slot: "m.call#ROOM",
        application: { type: "m.call", "m.call.intent": "video" },
        intent: "video",
        transports: [{ type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" }],
        focusSelection: undefined,
        createdTs: 5,
        expiresTs: 5 + hourMs,
        participantIdentity: "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
        eventId: "$e",
      },
    ]);
    expect(structuredClone(fold.fold.members)).toEqual(fold.fold.members);
  });

  it("whose state key says nothing: user and device are of the event", () => {
    const fold = new Folding();
    fold.put(state({}, { sender: bob, stateKey: `_${alice}_PHONE_m.call` }));
    expect(fold.names).toEqual(["bob/PHONE"]);
  });
});

describe("An event that makes no member is refused with a reason and its end", () => {
  const clear = { encryption: "cleartext" } as const;
  const secret = { encryption: "decrypted", senderDeviceId: "PHONE" } as const;

  const put = (event: RoomEvent | StickyEvent) => (fold: Folding) => void fold.put(event);
  const inRoom = (slot: "open" | "closed" | "absent", encrypted: boolean) => (fold: Folding) =>
    fold.fold.setRoom(slot, encrypted);
  const gone = (fold: Folding) => (fold.inRoom.delete(alice), fold.fold.lookForUsers(alice));

  it.each<[string, readonly string[], ...((fold: Folding) => unknown)[]]>([
    ["a state event with a fault", ["malformed device_id"], put(state({ device_id: 1 }))],
    ["a sticky event with a fault", [`malformed slot_id until ${hourMs}`], put(sticky("one", {}, { slot_id: 1 }))],
    ["a sticky event without key", [`malformed sticky_key until ${hourMs}`], put(stickyEvent({}))],
    ["a state leave", ["left"], put(stateEvent({}))],
    ["a sticky leave", [`left until ${hourMs}`], put(stickyEvent(stickyLeave()))],
    ["a state event of another slot", ["other-slot"], put(state({ call_id: "two" }))],
    ["a state event of another application", ["other-slot"], put(state({ application: "org.a", call_id: "ROOM" }))],
    ["a sticky event of another slot", [`other-slot until ${hourMs}`], put(sticky("one", {}, { slot_id: "m.call#2" }))],
    ["a state event that is over", ["expired"], put(state({ expires: 0 }))],
    ["a state event of somebody outside", [`not-in-room until ${4 * hourMs}`], gone, put(state())],
    ["a sticky event of somebody outside", [`not-in-room until ${hourMs}`], gone, put(sticky())],
    ["a sticky event of somebody who leaves", [`not-in-room until ${hourMs}`], put(sticky()), gone],
    ["a sticky event in a closed slot", [`slot-closed until ${hourMs}`], inRoom("closed", false), put(sticky())],
    ["a sticky event whose slot closes", [`slot-closed until ${hourMs}`], put(sticky()), inRoom("closed", false)],
    ["a state event in a closed slot: it is none", [], inRoom("closed", true), put(state())],
    ["a cleartext join", [`unencrypted until ${hourMs}`], inRoom("open", true), put(sticky("one", clear))],
    ["a cleartext join of before", [`unencrypted until ${hourMs}`], put(sticky("one", clear)), inRoom("open", true)],
    ["a decrypted join: it is none", [], inRoom("open", true), put(sticky("one", secret))],
    ["a cleartext leave", [`left until ${hourMs}`], inRoom("open", true), put(stickyEvent(stickyLeave(), clear))],
    [
      "a sticky event that cannot be read",
      [`undecryptable until ${hourMs}`],
      put(stickyEvent({ algorithm: "m.megolm" }, { type: "m.room.encrypted", encryption: "undecryptable" })),
    ],
    ["a sticky event that is none of ours", [], put(stickyEvent(stickyLeave(), { type: "org.example.reminder" }))],
    ["a sticky event that is not sticky", [], put(sticky("one", { durationMs: 0 }))],
    ["a sticky event that has ended", [], put(sticky("one", { originServerTs: -hourMs }))],
  ])("%s", (_, reasons, ...steps) => {
    const fold = new Folding();
    for (const step of steps) step(fold);
    fold.settle();
    expect(fold.reasons).toEqual(reasons);
  });

  it("an absent slot, where slots are strict", () => {
    const fold = new Folding({ strictSlots: true });
    fold.put(sticky(), state({}, { sender: bob }));
    expect([fold.names, fold.reasons]).toEqual([["bob/PHONE"], [`slot-closed until ${hourMs}`]]);
    fold.fold.setRoom("open", false);
    fold.settle();
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one", "bob/PHONE"], []]);
  });

  it("with sender, device where there is one, kind, event and time", () => {
    const fold = new Folding();
    fold.put(
      sticky("one", { eventId: "$s" }, { slot_id: "m.call#2" }),
      stateEvent({}, { eventId: "$l", sender: bob, originServerTs: 5 }),
    );
    expect(fold.fold.rejections).toEqual([
      {
        reason: "other-slot",
        kind: "sticky",
        userId: alice,
        deviceId: "PHONE",
        eventId: "$s",
        originServerTs: 0,
        untilTs: hourMs,
      },
      { reason: "left", kind: "state", userId: bob, eventId: "$l", originServerTs: 5 },
    ]);
  });

  it("of a state event without expires: expired four hours after its beginning (B7)", () => {
    const fold = new Folding();
    fold.now = 5 * hourMs;
    fold.put(state({ expires: undefined }));
    expect([fold.names, fold.reasons]).toEqual([[], ["expired"]]);
  });

  it("of a state event in time: expired from its end on", () => {
    const fold = new Folding();
    fold.inRoom.delete(alice);
    fold.put(state({ expires: 100 }));
    fold.settle(99);
    expect(fold.reasons).toEqual(["not-in-room until 100"]);
    fold.settle(100);
    expect(fold.reasons).toEqual(["expired"]);
  });

  it("of a sticky event until its end, and then no more", () => {
    const fold = new Folding();
    fold.put(sticky("one", {}, { slot_id: "m.call#2" }));
    fold.settle(hourMs - 1);
    expect(fold.reasons).toEqual([`other-slot until ${hourMs}`]);
    fold.settle(hourMs);
    expect(fold.reasons).toEqual([]);
  });

  it("the newest last, by when they were sent, a thousand at most: whoever looks first or has looked before", () => {
    const leave = (n: number) =>
      stateEvent({}, { sender: `@user${n}:example.org`, stateKey: `${n}`, eventId: `$${n}`, originServerTs: n });
    const [first, watched] = [new Folding(), new Folding()];
    const shown = ({ fold }: Folding) => fold.rejections.map(({ eventId }) => Number(eventId.slice(1)));
    const last = (n: number) => Array.from({ length: 1000 }, (_, index) => n - 999 + index);
    expect(shown(watched)).toEqual([]);
    for (let n = 5000; n > 0; n -= 1) for (const fold of [first, watched]) fold.put(leave(n));
    expect(shown(watched)).toEqual(last(5000));
    // Those who go make room for older ones, and more than were at hand.
    for (let n = 5000; n > 2500; n -= 1)
      for (const { fold } of [first, watched]) {
        fold.putState(`${n}`, undefined, 0);
        fold.settle(0);
      }
    expect(shown(watched)).toEqual(last(2500));
    expect(shown(first)).toEqual(last(2500));
    const { rejections } = watched.fold;
    watched.put(leave(0));
    expect(watched.fold.rejections).toBe(rejections);
    watched.put(leave(9000));
    expect(shown(watched)).toEqual([...last(2500).slice(1), 9000]);
  });

  it("and an event that ends by the clock stays so when the clock is set back", () => {
    const fold = new Folding();
    fold.put(state({ expires: 100 }), sticky("two", { sender: bob }));
    fold.settle(hourMs);
    fold.fold.lookForUsers();
    fold.settle(50);
    expect([fold.names, fold.reasons]).toEqual([[], ["expired"]]);
  });
});

describe("At one sticky key", () => {
  const key = { sticky_key: "k", msc4354_sticky_key: "k" };
  const older = sticky("one", { eventId: "$a" }, key);
  const newer = sticky("two", { eventId: "$b", originServerTs: 1 }, key);
  const leave = stickyEvent(stickyLeave("k"), { eventId: "$c", originServerTs: 2 });

  it.each([
    ["the event that ranks highest stands", [older, newer], ["alice/PHONE/two"]],
    ["the event that ranks highest stands, come as it may", [newer, older], ["alice/PHONE/two"]],
    ["a leave ends the join", [newer, leave], []],
    ["a leave ends the join that comes later", [leave, newer], []],
    ["the same event twice is one", [newer, newer], ["alice/PHONE/two"]],
  ])("%s", (_, events, names) => {
    const fold = new Folding();
    fold.now = 10;
    fold.put(...events);
    expect(fold.names).toEqual(names);
  });

  it("an event that is longer beats a newer one that ends sooner (B2), and takes the key along when it ends", () => {
    const fold = new Folding();
    fold.put(sticky("long", { durationMs: hourMs }, key));
    fold.put(sticky("new", { durationMs: 60_000, originServerTs: 1000 }, key));
    expect(fold.names).toEqual(["alice/PHONE/long"]);
    fold.settle(hourMs);
    expect([fold.names, fold.fold.deadlineTs]).toEqual([[], undefined]);
  });

  it("a redaction takes the event away, and says whether an earlier one stands again if it is put once more", () => {
    const fold = new Folding();
    fold.put(older, newer);
    expect(fold.fold.redact("$b")).toBe(true);
    const { left } = fold.settle();
    expect(left.map(({ reason }) => reason)).toEqual(["left"]);
    expect([fold.names, fold.reasons]).toEqual([[], []]);
    fold.put(older);
    expect(fold.names).toEqual(["alice/PHONE/one"]);
  });

  it("a member whose refresh is redacted neither comes nor goes", () => {
    const fold = new Folding();
    const join = sticky("one", {}, key);
    fold.put(join, sticky("one", { eventId: "$r", originServerTs: 1 }, key));
    fold.fold.redact("$r");
    expect(fold.put(join)).toMatchObject({ joined: [], left: [] });
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual([join.eventId]);
  });

  it("a redaction of something else changes nothing", () => {
    const fold = new Folding();
    fold.put(older, newer);
    expect([fold.fold.redact("$a"), fold.fold.redact("$unknown")]).toEqual([false, false]);
    fold.settle();
    expect(fold.names).toEqual(["alice/PHONE/two"]);
  });

  it("nobody replaces what another has sent", () => {
    const fold = new Folding();
    fold.put(older, stickyEvent(stickyLeave("k"), { sender: bob, originServerTs: 9 }));
    expect(fold.names).toEqual(["alice/PHONE/one"]);
  });

  it("an event that could not be read takes no place until it can be", () => {
    const fold = new Folding();
    const unread = { type: "m.room.encrypted", encryption: "undecryptable", eventId: "$b", originServerTs: 1 } as const;
    fold.put(older, stickyEvent({}, unread));
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one"], [`undecryptable until ${1 + hourMs}`]]);
    fold.put({ ...newer, encryption: "decrypted" });
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/two"], []]);
    fold.put(stickyEvent({}, unread));
    expect(fold.reasons).toEqual([]);
  });

  it("a join that names no device is a member once the client knows the device, be it with the same event", () => {
    const fold = new Folding();
    const nameless = stickyEvent(stickyContent({ member: { id: "one", membership: "join" } }));
    fold.put(nameless);
    expect(fold.reasons).toEqual([`malformed member.device_id until ${hourMs}`]);
    fold.put({ ...nameless, senderDeviceId: "LAPTOP" });
    expect([fold.names, fold.reasons]).toEqual([["alice/LAPTOP/one"], []]);
    fold.put(nameless, { ...nameless, senderDeviceId: "PHONE" });
    expect(fold.names).toEqual(["alice/LAPTOP/one"]);
  });

  it("a join that names its device is not judged anew when the client knows the device, too", () => {
    const fold = new Folding();
    const join = sticky("one");
    fold.put(join);
    const { members } = fold.fold;
    fold.put({ ...join, senderDeviceId: "PHONE" });
    expect(fold.fold.members).toBe(members);
  });

  it("an unreadable event that is redacted is gone", () => {
    const fold = new Folding();
    fold.put(stickyEvent({}, { type: "m.room.encrypted", encryption: "undecryptable", eventId: "$u" }));
    fold.fold.redact("$u");
    fold.settle();
    expect(fold.reasons).toEqual([]);
  });
});

describe("Of one device", () => {
  const stateJoin = state({}, { eventId: "$s" });
  const stickyJoin = sticky("one", { eventId: "$j", originServerTs: 1 });
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

  it("a sticky join counts instead of a state join, in either order", () => {
    inBothOrders(["alice/PHONE/one"], [`superseded until ${1 + hourMs}`], stateJoin, stickyJoin);
  });

  it("a sticky leave ends the sticky membership alone, in either order (ordering 10)", () => {
    inBothOrders(["alice/PHONE"], [`left until ${2 + hourMs}`], stateJoin, stickyEnd);
    inBothOrders(["alice/PHONE"], [`left until ${2 + hourMs}`], stateJoin, stickyEnd, stickyJoin);
  });

  it("a state leave ends the state membership alone", () => {
    inBothOrders(["alice/PHONE/one"], ["left"], stateEvent({}), stickyJoin);
  });

  it("a refused sticky join does not count instead of anything", () => {
    const fold = new Folding();
    fold.put(stateJoin, sticky("one", {}, { slot_id: "m.call#two" }));
    expect(fold.names).toEqual(["alice/PHONE"]);
    fold.put(sticky("two"));
    expect(fold.names).toEqual(["alice/PHONE/two"]);
    fold.fold.setRoom("closed", false);
    fold.settle();
    expect(fold.names).toEqual(["alice/PHONE"]);
  });

  it("a state join comes back when the sticky one ends: at the time that was said", () => {
    const fold = new Folding();
    fold.put(stateJoin, sticky("one", { durationMs: 100 }), sticky("two", { durationMs: 200 }));
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one", "alice/PHONE/two"], ["superseded until 200"]]);
    fold.settle(199);
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/two"], ["superseded until 200"]]);
    fold.settle(200);
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE"], []]);
  });

  it("a state join that ends first is refused as superseded until then", () => {
    const fold = new Folding();
    fold.put(state({ expires: 100 }), sticky());
    expect(fold.reasons).toEqual(["superseded until 100"]);
    fold.settle(100);
    expect(fold.reasons).toEqual(["expired"]);
  });

  it("the newer of two state joins counts, whatever their keys", () => {
    const old = state({ expires: 300 }, { stateKey: `${alice}_PHONE`, eventId: "$o" });
    const current = state({ expires: 100 }, { originServerTs: 1, eventId: "$n" });
    inBothOrders(["alice/PHONE"], ["superseded until 101"], old, current);
  });

  it("of two state joins of one instant the greater event id counts", () => {
    const fold = new Folding();
    fold.put(state({}, { stateKey: "a", eventId: "$b" }), state({}, { stateKey: "b", eventId: "$a" }));
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual(["$b"]);
  });

  it("two sticky joins with different member ids are two members", () => {
    inBothOrders(["alice/PHONE/one", "alice/PHONE/two"], [], sticky("one"), sticky("two", { originServerTs: 1 }));
  });

  it("two sticky joins with one member id are one member: the one of the higher rank", () => {
    const unstable = sticky("one", { eventId: "$u" });
    const stable = sticky("one", { eventId: "$v", originServerTs: 1, type: "m.rtc.member" });
    inBothOrders(["alice/PHONE/one"], [`superseded until ${hourMs}`], unstable, stable);
    const otherKey = sticky("one", { originServerTs: 2, durationMs: 50 }, { sticky_key: "x", msc4354_sticky_key: "x" });
    inBothOrders(["alice/PHONE/one"], ["superseded until 52"], unstable, otherKey);
    const fold = new Folding();
    fold.put(unstable, otherKey);
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual(["$u"]);
  });

  it("memberships in other slots are nothing to one another", () => {
    const events = [state({ call_id: "two" }, { stateKey: "two" }), state()];
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

  it("of the same name, but of another user, nothing is known", () => {
    inBothOrders(["alice/PHONE", "bob/PHONE/one"], [], stateJoin, sticky("one", { sender: bob, originServerTs: 1 }));
  });
});

describe("A member that takes the place of another", () => {
  it("at a sticky key has an identity of its own, unless it is the same one renewed", () => {
    const fold = new Folding();
    const identityOf = (id: string, device: string, originServerTs: number) => {
      fold.put(sticky(id, { originServerTs }, { device, sticky_key: "k", msc4354_sticky_key: "k" }));
      return fold.fold.members[0]?.participantIdentity;
    };
    const identity = identityOf("one", "PHONE", 0);
    expect(identityOf("one", "PHONE", 1)).toBe(identity);
    expect(identityOf("two", "PHONE", 2)).toBe(participantIdentity("sticky", alice, "PHONE", "two"));
    expect(identityOf("two", "LAPTOP", 3)).toBe(participantIdentity("sticky", alice, "LAPTOP", "two"));
    expect(identityOf("one", "PHONE", 4)).toBe(identity);
  });

  it("at the state key of another user leaves that one with what else there is of them", () => {
    const fold = new Folding();
    const current = state({}, { originServerTs: 1 });
    fold.put(state({}, { stateKey: "old" }), current);
    expect(fold.fold.members.map(({ createdTs }) => createdTs)).toEqual([1]);
    fold.put(state({}, { stateKey: current.stateKey, sender: bob, originServerTs: 2 }));
    expect(fold.fold.members.map(({ userId, createdTs }) => [userId, createdTs])).toEqual([
      [alice, 0],
      [bob, 2],
    ]);
  });
});

describe("The list of members", () => {
  it("is ordered by creation, then user, device and event id, by code unit", () => {
    const fold = new Folding();
    fold.put(
      state({ device_id: "b" }, { stateKey: "1", sender: bob }),
      state({ device_id: "B" }, { stateKey: "2", sender: bob }),
      state({ device_id: "z" }, { stateKey: "3" }),
      state({ device_id: "old", created_ts: -5 }, { stateKey: "4", sender: bob }),
    );
    expect(fold.names).toEqual(["bob/old", "alice/z", "bob/B", "bob/b"]);
  });

  it("places each newcomer as if all had come at once, be they few or many", () => {
    const events = Array.from({ length: 40 }, (_, n) =>
      state({ device_id: `D${n}`, created_ts: -((n * 17) % 11) }, { stateKey: `${n}`, sender: n % 2 ? alice : bob }),
    );
    const [atOnce, oneByOne] = [new Folding(), new Folding()];
    atOnce.put(...events);
    for (const event of events) oneByOne.put(event);
    expect(oneByOne.fold.members).toEqual(atOnce.fold.members);
    const leaves = events.slice(0, 20).map(({ stateKey }) => stateEvent({}, { stateKey }));
    atOnce.put(...leaves);
    for (const leave of leaves) oneByOne.put(leave);
    expect(oneByOne.fold.members).toEqual(atOnce.fold.members);
    expect(oneByOne.names).toHaveLength(20);
  });

  it("is the same object until a member changes, and its unchanged members the same objects always", () => {
    const fold = new Folding();
    fold.put(state(), sticky("one", { sender: bob }));
    const before = fold.fold.members;
    fold.put(stateEvent({}, { stateKey: "other" }));
    fold.fold.lookForUsers();
    fold.fold.setRoom("open", false);
    fold.settle(1);
    expect(fold.fold.members).toBe(before);
    fold.put(state({ device_id: "LAPTOP" }, { stateKey: "laptop", originServerTs: 1 }));
    expect(fold.fold.members).not.toBe(before);
    expect(fold.fold.members[0]).toBe(before[0]);
    expect(fold.fold.members[1]).toBe(before[1]);
  });

  it("gives a member that was refused for a while back as the same object", () => {
    const fold = new Folding();
    fold.put(sticky());
    const [member] = fold.fold.members;
    fold.fold.setRoom("closed", false);
    fold.settle();
    fold.fold.setRoom("open", false);
    fold.settle();
    expect(fold.fold.members[0]).toBe(member);
  });

  it("keeps a member whose event the client has read anew", () => {
    const fold = new Folding();
    const event = state();
    fold.put(event);
    const [member] = fold.fold.members;
    fold.put({ ...event });
    expect(fold.fold.members[0]).toBe(member);
    fold.put({ ...event, content: {} });
    expect(fold.names).toEqual([]);
  });
});

describe("A stay of a member", () => {
  const stays = (fold: Folding) => fold.fold.members.map(({ instance }) => instance);
  const leave = (originServerTs: number) => stickyEvent(stickyLeave("one"), { originServerTs });

  it("lasts from its join to its leave, however often it is refreshed", () => {
    const fold = new Folding();
    fold.put(sticky("one"), state({}, { sender: bob }));
    const [first, other] = stays(fold);
    expect(first).not.toBe(other);
    fold.put(
      sticky("one", { originServerTs: 5 }),
      state({ created_ts: 0 }, { sender: bob, originServerTs: 30 * hourMs }),
    );
    expect(stays(fold).toSorted()).toEqual([first, other].toSorted());
  });

  it("is another after a leave, be it under the same member id and in one step (1.5)", () => {
    const fold = new Folding();
    fold.put(sticky("one"));
    const [first] = stays(fold);
    const { joined, left } = fold.put(leave(1), sticky("one", { originServerTs: 2 }));
    const [second] = stays(fold);
    expect(second).not.toBe(first);
    expect([joined.map(({ instance }) => instance), left.map(({ member }) => member.instance)]).toEqual([
      [second],
      [first],
    ]);
    fold.put(sticky("one", { originServerTs: 3 }));
    expect(stays(fold)).toEqual([second]);
    fold.put(leave(4), sticky("one", { originServerTs: 5 }));
    expect([first, second]).not.toContain(stays(fold)[0]);
  });

  it("goes on when its event can be read at last", () => {
    const fold = new Folding();
    const back = sticky("one", { originServerTs: 2 });
    fold.put(leave(1), { ...back, type: "m.room.encrypted", encryption: "undecryptable" }, back);
    const [second] = stays(fold);
    fold.put(sticky("one", { originServerTs: 3 }));
    expect(stays(fold)).toEqual([second]);
  });
});

describe("A step says who came and who went", () => {
  const ids = ({ joined, left }: ReturnType<Folding["settle"]>) => [
    joined.map(({ memberId }) => memberId),
    left.map(({ member, reason }) => `${member.memberId} ${reason}`),
  ];

  it("but not who was merely renewed", () => {
    const fold = new Folding();
    expect(ids(fold.put(sticky("one"), state({ membershipID: "two" }, { sender: bob })))).toEqual([["one", "two"], []]);
    const renewed = state(
      { membershipID: "two", created_ts: 0, "m.call.intent": "audio" },
      { sender: bob, originServerTs: 5 },
    );
    expect(ids(fold.put(sticky("one", { originServerTs: 5 }), renewed))).toEqual([[], []]);
    expect(fold.fold.members.map(({ createdTs }) => createdTs)).toEqual([0, 5]);
  });

  it("and a re-join of the same device, at the same key", () => {
    const fold = new Folding();
    const key = { sticky_key: "k", msc4354_sticky_key: "k" };
    fold.put(sticky("one", {}, key), state({ membershipID: "x" }, { sender: bob }));
    const rejoin = fold.put(
      sticky("two", { originServerTs: 1 }, key),
      state({ membershipID: "x" }, { sender: bob, originServerTs: 2 }),
    );
    expect(ids(rejoin)).toEqual([
      ["two", "x"],
      ["one replaced", "x replaced"],
    ]);
  });

  it.each<[string, (fold: Folding) => void]>([
    ["left", (fold) => void fold.put(stickyEvent(stickyLeave("one"), { originServerTs: 1 }))],
    ["left", (fold) => void fold.fold.redact("$j")],
    ["expired", (fold) => (fold.now = hourMs)],
    ["not-in-room", (fold) => (fold.inRoom.delete(alice), fold.fold.lookForUsers(alice))],
    ["slot-closed", (fold) => fold.fold.setRoom("closed", false)],
    ["unencrypted", (fold) => fold.fold.setRoom("open", true)],
  ])("with the reason: %s", (reason, end) => {
    const fold = new Folding();
    fold.put(sticky("one", { eventId: "$j" }));
    const changes: string[][] = [];
    const settle = fold.settle.bind(fold);
    fold.settle = (now) => {
      const step = settle(now);
      changes.push(ids(step)[1] ?? []);
      return step;
    };
    end(fold);
    fold.settle();
    expect(changes.flat()).toEqual([`one ${reason}`]);
  });

  it.each<[string, RoomEvent | undefined]>([
    ["left", stateEvent({})],
    ["left", undefined],
    ["malformed", stateEvent({ application: 1 })],
    ["other-slot", state({ call_id: "two" })],
    ["replaced", state({ device_id: "LAPTOP" }, { sender: bob })],
  ])("with the reason, for a state member: %s", (reason, event) => {
    const fold = new Folding();
    const join = state();
    fold.put(join);
    fold.fold.putState(join.stateKey, event, 0);
    expect(fold.settle().left.map((departure) => departure.reason)).toEqual([reason]);
  });

  it("a state member that expires, and one that a sticky one supersedes", () => {
    const fold = new Folding();
    fold.put(state({ expires: 10 }), state({}, { sender: bob }));
    expect(ids(fold.put(sticky("two", { sender: bob })))[1]).toEqual([`@alice:example.org:PHONE superseded`]);
    expect(ids(fold.settle(10))[1]).toEqual([`@alice:example.org:PHONE expired`]);
  });
});

describe("The fold has bounds", () => {
  it("a hundred sticky keys for each sender: beyond, the lowest in rank gives way", () => {
    const fold = new Folding();
    for (let n = 0; n < 150; n += 1) fold.put(sticky(`m${n}`, { originServerTs: (n * 7) % 150 }, { device: `D${n}` }));
    fold.put(sticky("other", { sender: bob }));
    const ranks = fold.fold.members.filter(({ userId }) => userId === alice).map(({ createdTs }) => createdTs);
    expect(ranks).toEqual(Array.from({ length: 100 }, (_, n) => n + 50));
    expect(fold.names).toHaveLength(101);
  });

  it("which events that cannot be read, or have no key, do not take up", () => {
    const fold = new Folding();
    fold.put(sticky("one"));
    for (let n = 0; n < 300; n += 1) {
      const encryption = n % 2 ? "undecryptable" : "cleartext";
      fold.put(stickyEvent({ n }, { encryption, originServerTs: n }));
    }
    expect(fold.names).toEqual(["alice/PHONE/one"]);
    expect(fold.reasons).toHaveLength(100);
  });

  it("a hundred state keys for each sender, and as many that they have left: beyond, the oldest give way", () => {
    const fold = new Folding();
    const at = (n: number, content: unknown) =>
      stateEvent(content, { stateKey: `${n}`, eventId: `$${n}`, originServerTs: (n * 7) % 1000 });
    for (let n = 0; n < 500; n += 1) fold.put(at(n, {}));
    for (let n = 500; n < 1000; n += 1) fold.put(at(n, stateContent({ device_id: `D${n}` })));
    fold.put(state({}, { sender: bob }));
    expect([fold.names.length, fold.reasons]).toEqual([101, Array(100).fill("left")]);
    const newest = Array.from({ length: 500 }, (_, n) => ((n + 500) * 7) % 1000)
      .toSorted((a, b) => a - b)
      .slice(-100);
    const members = fold.fold.members.filter(({ userId }) => userId === alice);
    expect(members.map(({ createdTs }) => createdTs)).toEqual(newest);
    // Whoever goes makes room.
    fold.put({ ...at(1, {}), eventId: "$x", originServerTs: 5000 });
    expect(fold.reasons).toHaveLength(100);
  });

  it("one deadline: the soonest of all", () => {
    const fold = new Folding();
    expect(fold.fold.deadlineTs).toBeUndefined();
    fold.put(stateEvent({}, { sender: bob }));
    expect(fold.fold.deadlineTs).toBeUndefined();
    fold.put(state({ expires: 30 }), sticky("one", { durationMs: 20, sender: bob }), sticky("two", {}, { slot_id: 0 }));
    expect(fold.fold.deadlineTs).toBe(20);
    fold.settle(20);
    expect(fold.fold.deadlineTs).toBe(30);
    fold.settle(30);
    expect(fold.fold.deadlineTs).toBe(hourMs);
    fold.settle(hourMs);
    expect(fold.fold.deadlineTs).toBeUndefined();
  });
});
