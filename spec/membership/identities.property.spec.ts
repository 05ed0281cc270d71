import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stateContent, stateEvent, stickyContent, stickyEvent } from "../support/contents.ts";
import { Folding } from "../support/folding.ts";
import { runs } from "../support/properties.ts";

/** User and device ids that look alike once they are joined by a separator. */
const someUser = fc.constantFrom("@a:host", "@a:host:8448", "@a:host:8448:PHONE", "@a b:host", "@a:host b", "@a");
const someText = fc.constantFrom("PHONE", "8448:PHONE", "8448", "b PHONE", " PHONE", "PHONE b", "k", "k l", "1");
const someTs = fc.constantFrom(0, 1, 10);

const someEvent = fc.oneof(
  fc.record({ sender: someUser, device: someText, memberId: someText, ts: someTs }).map((fields) => {
    const { sender, device, memberId, ts } = fields;
    const content = stateContent({ device_id: device, membershipID: memberId, created_ts: ts });
    return stateEvent(content, { sender, stateKey: `${sender}|${device}|${memberId}`, originServerTs: ts });
  }),
  fc.record({ sender: someUser, device: someText, memberId: someText, key: someText, ts: someTs }).map((fields) => {
    const { sender, device, memberId, key, ts } = fields;
    const member = { id: memberId, user_id: sender, device_id: device };
    const content = stickyContent({ member, sticky_key: key, msc4354_sticky_key: key });
    return stickyEvent(content, { sender, originServerTs: ts });
  }),
);

describe("In a list of members, whatever ids their events claim", () => {
  const fold = (events: readonly (typeof someEvent extends fc.Arbitrary<infer E> ? E : never)[]) => {
    const folding = new Folding();
    for (const { sender } of events) folding.inRoom.add(sender);
    folding.now = 20;
    folding.put(...events);
    return folding.fold;
  };

  it("each participant identity belongs to one member, and each instance too (S1)", () => {
    fc.assert(
      fc.property(fc.array(someEvent, { maxLength: 12 }), (events) => {
        const { members } = fold(events);
        expect(new Set(members.map((member) => member.participantIdentity)).size).toBe(members.length);
        expect(new Set(members.map(({ instance }) => instance)).size).toBe(members.length);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it("nobody has the participant identity of another user's device (S1)", () => {
    fc.assert(
      fc.property(fc.array(someEvent, { maxLength: 6 }), fc.array(someEvent, { maxLength: 6 }), (ours, theirs) => {
        const own = fold(ours).members.filter(({ userId }) => userId === "@a:host");
        const others = fold(theirs).members.filter(({ userId }) => userId !== "@a:host");
        const identities = new Set(own.map((member) => member.participantIdentity));
        for (const other of others) expect(identities).not.toContain(other.participantIdentity);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it("nobody replaces an event of another user", () => {
    fc.assert(
      fc.property(fc.uniqueArray(someEvent, { maxLength: 8, selector: ({ sender }) => sender }), (events) => {
        const sticky = events.filter((event) => "encryption" in event);
        const { members, rejections } = fold(sticky);
        expect(members.length + rejections.length).toBe(sticky.length);
      }),
      { numRuns: runs(1_000) },
    );
  });
});
