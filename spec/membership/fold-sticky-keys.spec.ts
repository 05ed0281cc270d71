import { describe, expect, it } from "vitest";
import { bob, hourMs, stickyContent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { Folding, stickyJoin } from "../support/folding.ts";

describe("At a sticky key", () => {
  const key = { sticky_key: "k", msc4354_sticky_key: "k" };
  const older = stickyJoin("one", { eventId: "$a" }, key);
  const newer = stickyJoin("two", { eventId: "$b", originServerTs: 1 }, key);
  const leave = stickyEvent(stickyLeave("k"), { eventId: "$c", originServerTs: 2 });

  it.each([
    ["the event of the highest rank is current", [older, newer], ["alice/PHONE/two"]],
    ["the event of the highest rank is current, in the other order too", [newer, older], ["alice/PHONE/two"]],
    ["a leave ends the join", [newer, leave], []],
    ["a leave ends a join that arrives after it", [leave, newer], []],
    ["the same event counts once", [newer, newer], ["alice/PHONE/two"]],
  ])("%s", (_, events, names) => {
    const fold = new Folding();
    fold.now = 10;
    fold.put(...events);
    expect(fold.names).toEqual(names);
  });

  it("an event that lasts longer replaces a newer one that ends sooner (B2)", () => {
    const fold = new Folding();
    fold.put(stickyJoin("long", { durationMs: hourMs }, key));
    fold.put(stickyJoin("new", { durationMs: 60_000, originServerTs: 1000 }, key));
    expect(fold.names).toEqual(["alice/PHONE/long"]);
    fold.step(hourMs);
    expect([fold.names, fold.fold.deadlineTs]).toEqual([[], undefined]);
  });

  it("a redaction removes the current event, and the earlier one counts if it is put again", () => {
    const fold = new Folding();
    fold.put(older, newer);
    fold.fold.events.redact("$b");
    expect([...fold.fold.events.takeGaps()]).toEqual(["sticky"]);
    const { left } = fold.step();
    expect(left.map(({ reason }) => reason)).toEqual(["left"]);
    expect([fold.names, fold.reasons]).toEqual([[], []]);
    fold.put(older);
    expect(fold.names).toEqual(["alice/PHONE/one"]);
  });

  it("a member whose refresh is redacted neither joins nor leaves", () => {
    const fold = new Folding();
    const join = stickyJoin("one", {}, key);
    fold.put(join, stickyJoin("one", { eventId: "$r", originServerTs: 1 }, key));
    fold.fold.events.redact("$r");
    expect(fold.put(join)).toMatchObject({ joined: [], left: [] });
    expect(fold.fold.members.map(({ eventId }) => eventId)).toEqual([join.eventId]);
  });

  it("a redaction of another event changes nothing", () => {
    const fold = new Folding();
    fold.put(older, newer);
    for (const eventId of ["$a", "$unknown"]) fold.fold.events.redact(eventId);
    expect([...fold.fold.events.takeGaps()]).toEqual([]);
    fold.step();
    expect(fold.names).toEqual(["alice/PHONE/two"]);
  });

  it("a user cannot replace the event of another user", () => {
    const fold = new Folding();
    fold.put(older, stickyEvent(stickyLeave("k"), { sender: bob, originServerTs: 9 }));
    expect(fold.names).toEqual(["alice/PHONE/one"]);
  });

  it("an event replaces another only once it can be decrypted", () => {
    const fold = new Folding();
    const unread = { type: "m.room.encrypted", encryption: "undecryptable", eventId: "$b", originServerTs: 1 } as const;
    fold.put(older, stickyEvent({}, unread));
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/one"], [`undecryptable until ${1 + hourMs}`]]);
    fold.put({ ...newer, encryption: "decrypted" });
    expect([fold.names, fold.reasons]).toEqual([["alice/PHONE/two"], []]);
    fold.put(stickyEvent({}, unread));
    expect(fold.reasons).toEqual([]);
  });

  it("a join that names no device makes a member once the client knows the device", () => {
    const fold = new Folding();
    const nameless = stickyEvent(stickyContent({ member: { id: "one", membership: "join" } }));
    fold.put(nameless);
    expect(fold.reasons).toEqual([`malformed member.device_id until ${hourMs}`]);
    fold.put({ ...nameless, senderDeviceId: "LAPTOP" });
    expect([fold.names, fold.reasons]).toEqual([["alice/LAPTOP/one"], []]);
    fold.put(nameless, { ...nameless, senderDeviceId: "PHONE" });
    expect(fold.names).toEqual(["alice/LAPTOP/one"]);
  });

  it("a join that names its device stays the same member when the client finds the device, too", () => {
    const fold = new Folding();
    const join = stickyJoin("one");
    fold.put(join);
    const { members } = fold.fold;
    fold.put({ ...join, senderDeviceId: "PHONE" });
    expect(fold.fold.members).toBe(members);
  });

  it("an undecryptable event is gone once it is redacted", () => {
    const fold = new Folding();
    fold.put(stickyEvent({}, { type: "m.room.encrypted", encryption: "undecryptable", eventId: "$u" }));
    fold.fold.events.redact("$u");
    fold.step();
    expect(fold.reasons).toEqual([]);
  });
});
