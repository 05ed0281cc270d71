import { describe, expect, it } from "vitest";
import { alice, bob, hourMs, stateContent, stateEvent, stickyEvent } from "../support/contents.ts";
import { Folding, stateJoin, stickyJoin } from "../support/folding.ts";

describe("The fold keeps", () => {
  it("a hundred sticky keys of a sender, those of the highest rank", () => {
    const fold = new Folding();
    for (let n = 0; n < 150; n += 1)
      fold.put(stickyJoin(`m${n}`, { originServerTs: (n * 7) % 150 }, { device: `D${n}` }));
    fold.put(stickyJoin("other", { sender: bob }));
    const ranks = fold.fold.members.filter(({ userId }) => userId === alice).map(({ createdTs }) => createdTs);
    expect(ranks).toEqual(Array.from({ length: 100 }, (_, n) => n + 50));
    expect(fold.names).toHaveLength(101);
  });

  it("keyed sticky events whatever the number of unreadable and unkeyed ones", () => {
    const fold = new Folding();
    fold.put(stickyJoin("one"));
    for (let n = 0; n < 300; n += 1) {
      const encryption = n % 2 ? "undecryptable" : "cleartext";
      fold.put(stickyEvent({ n }, { encryption, originServerTs: n }));
    }
    expect(fold.names).toEqual(["alice/PHONE/one"]);
    expect(fold.reasons).toHaveLength(100);
  });

  it("a hundred state joins and a hundred state leaves of a sender, the newest", () => {
    const fold = new Folding();
    const at = (n: number, content: unknown) =>
      stateEvent(content, { stateKey: `${n}`, eventId: `$${n}`, originServerTs: (n * 7) % 1000 });
    for (let n = 0; n < 500; n += 1) fold.put(at(n, {}));
    for (let n = 500; n < 1000; n += 1) fold.put(at(n, stateContent({ device_id: `D${n}` })));
    fold.put(stateJoin({}, { sender: bob }));
    expect([fold.names.length, fold.reasons]).toEqual([101, Array(100).fill("left")]);
    const newest = Array.from({ length: 500 }, (_, n) => ((n + 500) * 7) % 1000)
      .toSorted((a, b) => a - b)
      .slice(-100);
    const members = fold.fold.members.filter(({ userId }) => userId === alice);
    expect(members.map(({ createdTs }) => createdTs)).toEqual(newest);
    // A membership that ends makes room.
    fold.put({ ...at(1, {}), eventId: "$x", originServerTs: 5000 });
    expect(fold.reasons).toHaveLength(100);
  });

  it("state joins and sticky joins of one sender, a hundred of each", () => {
    const fold = new Folding();
    for (let n = 0; n < 120; n += 1)
      fold.put(
        stateJoin({ device_id: `S${n}` }, { stateKey: `${n}`, originServerTs: n }),
        stickyJoin(`m${n}`, { originServerTs: n }, { device: `D${n}` }),
      );
    const kept = (kind: string) =>
      fold.fold.members.filter((member) => member.kind === kind).map(({ createdTs }) => createdTs);
    const newest = Array.from({ length: 100 }, (_, n) => n + 20);
    expect([kept("state"), kept("sticky")]).toEqual([newest, newest]);
  });

  it("one deadline, the earliest of all events", () => {
    const fold = new Folding();
    expect(fold.fold.deadlineTs).toBeUndefined();
    fold.put(stateEvent({}, { sender: bob }));
    expect(fold.fold.deadlineTs).toBeUndefined();
    fold.put(
      stateJoin({ expires: 30 }),
      stickyJoin("one", { durationMs: 20, sender: bob }),
      stickyJoin("two", {}, { slot_id: 0 }),
    );
    expect(fold.fold.deadlineTs).toBe(20);
    fold.step(20);
    expect(fold.fold.deadlineTs).toBe(30);
    fold.step(30);
    expect(fold.fold.deadlineTs).toBe(hourMs);
    fold.step(hourMs);
    expect(fold.fold.deadlineTs).toBeUndefined();
  });

  it("no deadline of an event that was replaced, emptied or redacted", () => {
    const fold = new Folding();
    fold.put(stateJoin({ expires: 30 }), stickyJoin("one", { durationMs: 20, sender: bob, eventId: "$j" }));
    fold.put(stickyJoin("one", { durationMs: 20, sender: bob, eventId: "$r", originServerTs: 50 }));
    expect(fold.fold.deadlineTs).toBe(30);
    fold.put(stateEvent({}));
    expect(fold.fold.deadlineTs).toBe(70);
    fold.step(20);
    expect(fold.names).toEqual(["bob/PHONE/one"]);
    fold.fold.events.redact("$r");
    fold.step();
    expect(fold.fold.deadlineTs).toBeUndefined();
  });
});
