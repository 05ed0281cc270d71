import { describe, expect, it } from "vitest";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { alice, bob, hourMs, stateEvent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { Folding, stateJoin, stickyJoin } from "../support/folding.ts";

describe("A valid event", () => {
  it("makes a member in either format, in an open slot and in an absent one", () => {
    const fold = new Folding();
    fold.put(stateJoin(), stickyJoin("two", { sender: bob }));
    expect(fold.names).toEqual(["alice/PHONE", "bob/PHONE/two"]);
    fold.fold.setRoom("open", false);
    fold.step();
    expect(fold.names).toEqual(["alice/PHONE", "bob/PHONE/two"]);
    expect(fold.reasons).toEqual([]);
  });

  it("makes a member that is plain data", () => {
    const fold = new Folding();
    const id = "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11";
    fold.put(stickyJoin(id, { sender: bob, eventId: "$e", originServerTs: 5, receivedTs: 5 }, { device: "PHONEXYZ" }));
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

  it("makes a member for its sender and its device, whatever its state key", () => {
    const fold = new Folding();
    fold.put(stateJoin({}, { sender: bob, stateKey: `_${alice}_PHONE_m.call` }));
    expect(fold.names).toEqual(["bob/PHONE"]);
  });
});

describe("An event that makes no member", () => {
  const clear = { encryption: "cleartext" } as const;
  const secret = { encryption: "decrypted", senderDeviceId: "PHONE" } as const;

  const put = (event: RoomEvent | StickyEvent) => (fold: Folding) => void fold.put(event);
  const inRoom = (slot: "open" | "closed" | "absent", encrypted: boolean) => (fold: Folding) =>
    fold.fold.setRoom(slot, encrypted);
  const withoutTransports = { transports: undefined, rtc_transports: undefined };
  const gone = (fold: Folding) => (fold.inRoom.delete(alice), fold.fold.events.recheck(alice));

  it.each<[string, readonly string[], ...((fold: Folding) => unknown)[]]>([
    ["a malformed state event", ["malformed device_id"], put(stateJoin({ device_id: 1 }))],
    ["a state event whose content is null", ["malformed content"], put(stateEvent(null))],
    [
      "a state event with a creation time that is no number, nor can be made one",
      ["malformed created_ts"],
      put(stateJoin({ created_ts: { toString: 1, valueOf: 1 } })),
    ],
    [
      "a state event with a duration that is no number, nor can be made one",
      ["malformed expires"],
      put(stateJoin({ created_ts: 0, expires: { toString: 1, valueOf: 1 } })),
    ],
    ["a malformed sticky event", [`malformed slot_id until ${hourMs}`], put(stickyJoin("one", {}, { slot_id: 1 }))],
    ["a sticky event without a key", [`malformed sticky_key until ${hourMs}`], put(stickyEvent({}))],
    ["a state leave", ["left"], put(stateEvent({}))],
    ["a sticky leave", [`left until ${hourMs}`], put(stickyEvent(stickyLeave()))],
    ["a state event of another slot", ["other-slot"], put(stateJoin({ call_id: "two" }))],
    ["a state event of another application", ["other-slot"], put(stateJoin({ application: "org.a", call_id: "ROOM" }))],
    [
      "a sticky event of another slot",
      [`other-slot until ${hourMs}`],
      put(stickyJoin("one", {}, { slot_id: "m.call#2" })),
    ],
    ["a state event that has ended", ["expired"], put(stateJoin({ expires: 0 }))],
    ["a state event of a user outside the room", [`not-in-room until ${4 * hourMs}`], gone, put(stateJoin())],
    ["a sticky event of a user outside the room", [`not-in-room until ${hourMs}`], gone, put(stickyJoin())],
    ["a sticky event of a user that leaves the room", [`not-in-room until ${hourMs}`], put(stickyJoin()), gone],
    ["a sticky event in a closed slot", [`slot-closed until ${hourMs}`], inRoom("closed", false), put(stickyJoin())],
    ["a sticky event whose slot closes", [`slot-closed until ${hourMs}`], put(stickyJoin()), inRoom("closed", false)],
    ["a state event in a closed slot, which makes a member", [], inRoom("closed", true), put(stateJoin())],
    [
      "a cleartext join in an encrypted room",
      [`unencrypted until ${hourMs}`],
      inRoom("open", true),
      put(stickyJoin("one", clear)),
    ],
    [
      "a cleartext join from before the room was encrypted",
      [`unencrypted until ${hourMs}`],
      put(stickyJoin("one", clear)),
      inRoom("open", true),
    ],
    [
      "a decrypted join in an encrypted room, which makes a member",
      [],
      inRoom("open", true),
      put(stickyJoin("one", secret)),
    ],
    [
      "a cleartext leave in an encrypted room",
      [`left until ${hourMs}`],
      inRoom("open", true),
      put(stickyEvent(stickyLeave(), clear)),
    ],
    [
      "a sticky event that cannot be decrypted",
      [`undecryptable until ${hourMs}`],
      put(stickyEvent({ algorithm: "m.megolm" }, { type: "m.room.encrypted", encryption: "undecryptable" })),
    ],
    [
      "a sticky event of another type, which is ignored",
      [],
      put(stickyEvent(stickyLeave(), { type: "org.example.reminder" })),
    ],
    [
      "a sticky event without transports, also when it is renewed, which makes a member",
      [],
      put(stickyJoin("one", {}, withoutTransports)),
      put(stickyJoin("one", { originServerTs: 1 }, withoutTransports)),
    ],
    ["an event without a sticky duration, which is ignored", [], put(stickyJoin("one", { durationMs: 0 }))],
    ["a sticky event that has ended, which is ignored", [], put(stickyJoin("one", { originServerTs: -hourMs }))],
  ])("has the expected rejections: %s", (_, reasons, ...steps) => {
    const fold = new Folding();
    for (const step of steps) step(fold);
    fold.step();
    expect(fold.reasons).toEqual(reasons);
  });

  it("is slot-closed for a sticky event if the slot is absent and slots are strict", () => {
    const fold = new Folding({ strictSlots: true });
    fold.put(stickyJoin(), stateJoin({}, { sender: bob }));
    expect([fold.names, fold.reasons]).toEqual([["bob/PHONE"], [`slot-closed until ${hourMs}`]]);
    fold.fold.setRoom("open", false);
    fold.step();
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one", "bob/PHONE"], []]);
  });

  it("has a rejection with its sender, device, kind, event id and time", () => {
    const fold = new Folding();
    fold.put(
      stickyJoin("one", { eventId: "$s" }, { slot_id: "m.call#2" }),
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

  it("is rejected with its sticky key if it is a sticky leave, and without one otherwise", () => {
    const fold = new Folding();
    fold.put(
      stickyEvent(stickyLeave("k"), { sender: alice }),
      stickyJoin("two", { sender: bob, originServerTs: 1 }, { slot_id: "m.call#2" }),
      stateEvent({}, { originServerTs: 2 }),
    );
    const keys = fold.fold.rejections.map(({ reason, ...rest }) => [
      reason,
      "stickyKey" in rest ? rest.stickyKey : "none",
    ]);
    expect(keys).toEqual([
      ["left", "k"],
      ["other-slot", "none"],
      ["left", "none"],
    ]);
  });

  it("has the newest reason, even if it ends at the same time as the reason before", () => {
    const fold = new Folding();
    fold.fold.setRoom("closed", false);
    fold.put(stickyJoin());
    expect(fold.reasons).toEqual([`slot-closed until ${hourMs}`]);
    fold.inRoom.delete(alice);
    fold.fold.setRoom("open", false);
    fold.step();
    expect(fold.reasons).toEqual([`not-in-room until ${hourMs}`]);
  });

  it("is expired four hours after its creation if it has no expires (B7)", () => {
    const fold = new Folding();
    fold.now = 5 * hourMs;
    fold.put(stateJoin({ expires: undefined }));
    expect([fold.names, fold.reasons]).toEqual([[], ["expired"]]);
  });

  it("is expired from its end on, whatever its reason was before", () => {
    const fold = new Folding();
    fold.inRoom.delete(alice);
    fold.put(stateJoin({ expires: 100 }));
    fold.step(99);
    expect(fold.reasons).toEqual(["not-in-room until 100"]);
    fold.step(100);
    expect(fold.reasons).toEqual(["expired"]);
  });

  it("is no rejection any longer after its end if it is sticky", () => {
    const fold = new Folding();
    fold.put(stickyJoin("one", {}, { slot_id: "m.call#2" }));
    fold.step(hourMs - 1);
    expect(fold.reasons).toEqual([`other-slot until ${hourMs}`]);
    fold.step(hourMs);
    expect(fold.reasons).toEqual([]);
  });

  it("is among the newest 1000 rejections, sorted by time, whenever the list is read", () => {
    const leave = (n: number) =>
      stateEvent({}, { sender: `@user${n}:example.org`, stateKey: `${n}`, eventId: `$${n}`, originServerTs: n });
    const [first, watched] = [new Folding(), new Folding()];
    const shown = ({ fold }: Folding) => fold.rejections.map(({ eventId }) => Number(eventId.slice(1)));
    const last = (n: number) => Array.from({ length: 1000 }, (_, index) => n - 999 + index);
    expect(shown(watched)).toEqual([]);
    for (let n = 5000; n > 0; n -= 1) for (const fold of [first, watched]) fold.put(leave(n));
    expect(shown(watched)).toEqual(last(5000));
    // Rejections that are removed make room for older ones.
    for (let n = 5000; n > 2500; n -= 1)
      for (const { fold } of [first, watched]) {
        fold.events.putState(`${n}`, undefined, { readTs: 0 });
        fold.recompute();
      }
    expect(shown(watched)).toEqual(last(2500));
    expect(shown(first)).toEqual(last(2500));
    const { rejections } = watched.fold;
    watched.put(leave(0));
    expect(watched.fold.rejections).toBe(rejections);
    watched.put(leave(9000));
    expect(shown(watched)).toEqual([...last(2500).slice(1), 9000]);
  });

  it("stays expired when the clock is set back", () => {
    const fold = new Folding();
    fold.put(stateJoin({ expires: 100 }), stickyJoin("two", { sender: bob }));
    fold.step(hourMs);
    fold.fold.events.recheck();
    fold.step(50);
    expect([fold.names, fold.reasons]).toEqual([[], ["expired"]]);
  });
});
