import { describe, expect, it } from "vitest";
import type { RoomEvent } from "../../src/matrix.ts";
import { alice, bob, hourMs, stateEvent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { Folding, stateJoin, stickyJoin } from "../support/folding.ts";

describe("The list of members", () => {
  it("is ordered by creation, then user, device and event id, by code unit", () => {
    const fold = new Folding();
    fold.put(
      stateJoin({ device_id: "b" }, { stateKey: "1", sender: bob }),
      stateJoin({ device_id: "B" }, { stateKey: "2", sender: bob }),
      stateJoin({ device_id: "z" }, { stateKey: "3" }),
      stateJoin({ device_id: "old", created_ts: -5 }, { stateKey: "4", sender: bob }),
    );
    expect(fold.names).toEqual(["bob/old", "alice/z", "bob/B", "bob/b"]);
  });

  it("has the same order whether members join one by one or all at once", () => {
    const events = Array.from({ length: 40 }, (_, n) =>
      stateJoin(
        { device_id: `D${n}`, created_ts: -((n * 17) % 11) },
        { stateKey: `${n}`, sender: n % 2 ? alice : bob },
      ),
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

  it("stays the same object until a member changes, and its unchanged members stay the same objects", () => {
    const fold = new Folding();
    fold.put(stateJoin(), stickyJoin("one", { sender: bob }));
    const before = fold.fold.members;
    fold.put(stateEvent({}, { stateKey: "other" }));
    fold.fold.events.recheck();
    fold.fold.setRoom("open", false);
    fold.step(1);
    expect(fold.fold.members).toBe(before);
    fold.put(stateJoin({ device_id: "LAPTOP" }, { stateKey: "laptop", originServerTs: 1 }));
    expect(fold.fold.members).not.toBe(before);
    expect(fold.fold.members[0]).toBe(before[0]);
    expect(fold.fold.members[1]).toBe(before[1]);
  });

  it("has a member that was rejected for a while as the same object again", () => {
    const fold = new Folding();
    fold.put(stickyJoin());
    const [member] = fold.fold.members;
    fold.fold.setRoom("closed", false);
    fold.step();
    fold.fold.setRoom("open", false);
    fold.step();
    expect(fold.fold.members[0]).toBe(member);
  });

  it("keeps the object of a member when the client makes a new copy of its event", () => {
    const fold = new Folding();
    const event = stateJoin();
    fold.put(event);
    const [member] = fold.fold.members;
    fold.put({ ...event });
    expect(fold.fold.members[0]).toBe(member);
    fold.put({ ...event, content: {} });
    expect(fold.names).toEqual([]);
  });
});

describe("The instance of a member", () => {
  const instances = (fold: Folding) => fold.fold.members.map(({ instance }) => instance);
  const leave = (originServerTs: number) => stickyEvent(stickyLeave("one"), { originServerTs });

  it("stays the same from its join to its leave, however often it is refreshed", () => {
    const fold = new Folding();
    fold.put(stickyJoin("one"), stateJoin({}, { sender: bob }));
    const [first, other] = instances(fold);
    expect(first).not.toBe(other);
    fold.put(
      stickyJoin("one", { originServerTs: 5 }),
      stateJoin({ created_ts: 0 }, { sender: bob, originServerTs: 30 * hourMs }),
    );
    expect(instances(fold).toSorted()).toEqual([first, other].toSorted());
  });

  it("changes with a leave between two joins, even with one member id and in one step (1.5)", () => {
    const fold = new Folding();
    fold.put(stickyJoin("one"));
    const [first] = instances(fold);
    const { joined, left } = fold.put(leave(1), stickyJoin("one", { originServerTs: 2 }));
    const [second] = instances(fold);
    expect(second).not.toBe(first);
    expect([joined.map(({ instance }) => instance), left.map(({ member }) => member.instance)]).toEqual([
      [second],
      [first],
    ]);
    fold.put(stickyJoin("one", { originServerTs: 3 }));
    expect(instances(fold)).toEqual([second]);
    fold.put(leave(4), stickyJoin("one", { originServerTs: 5 }));
    expect([first, second]).not.toContain(instances(fold)[0]);
  });

  it("stays the same when its event can be decrypted at last", () => {
    const fold = new Folding();
    const back = stickyJoin("one", { originServerTs: 2 });
    fold.put(leave(1), { ...back, type: "m.room.encrypted", encryption: "undecryptable" }, back);
    const [second] = instances(fold);
    fold.put(stickyJoin("one", { originServerTs: 3 }));
    expect(instances(fold)).toEqual([second]);
  });
});

describe("The changes of a step", () => {
  const ids = ({ joined, left }: ReturnType<Folding["step"]>) => [
    joined.map(({ memberId }) => memberId),
    left.map(({ member, reason }) => `${member.memberId} ${reason}`),
  ];

  it("leave out members that were only renewed", () => {
    const fold = new Folding();
    expect(ids(fold.put(stickyJoin("one"), stateJoin({ membershipID: "two" }, { sender: bob })))).toEqual([
      ["one", "two"],
      [],
    ]);
    const renewed = stateJoin(
      { membershipID: "two", created_ts: 0, "m.call.intent": "audio" },
      { sender: bob, originServerTs: 5 },
    );
    expect(ids(fold.put(stickyJoin("one", { originServerTs: 5 }), renewed))).toEqual([[], []]);
    expect(fold.fold.members.map(({ createdTs }) => createdTs)).toEqual([0, 5]);
  });

  it("have a new join of the same device as a departure and a join", () => {
    const fold = new Folding();
    const key = { sticky_key: "k", msc4354_sticky_key: "k" };
    fold.put(stickyJoin("one", {}, key), stateJoin({ membershipID: "x" }, { sender: bob }));
    const rejoin = fold.put(
      stickyJoin("two", { originServerTs: 1 }, key),
      stateJoin({ membershipID: "x" }, { sender: bob, originServerTs: 2 }),
    );
    expect(ids(rejoin)).toEqual([
      ["two", "x"],
      ["one replaced", "x replaced"],
    ]);
  });

  it.each<[string, (fold: Folding) => void]>([
    ["left", (fold) => void fold.put(stickyEvent(stickyLeave("one"), { originServerTs: 1 }))],
    ["left", (fold) => void fold.fold.events.redact("$j")],
    ["expired", (fold) => (fold.now = hourMs)],
    ["not-in-room", (fold) => (fold.inRoom.delete(alice), fold.fold.events.recheck(alice))],
    ["slot-closed", (fold) => fold.fold.setRoom("closed", false)],
    ["unencrypted", (fold) => fold.fold.setRoom("open", true)],
  ])("have a sticky member that left with the reason %s", (reason, end) => {
    const fold = new Folding();
    fold.put(stickyJoin("one", { eventId: "$j" }));
    const changes: string[][] = [];
    const step = fold.step.bind(fold);
    fold.step = (now) => {
      const taken = step(now);
      changes.push(ids(taken)[1] ?? []);
      return taken;
    };
    end(fold);
    fold.step();
    expect(changes.flat()).toEqual([`one ${reason}`]);
  });

  it.each<[string, RoomEvent | undefined]>([
    ["left", stateEvent({})],
    ["left", undefined],
    ["malformed", stateEvent({ application: 1 })],
    ["other-slot", stateJoin({ call_id: "two" })],
    ["replaced", stateJoin({ device_id: "LAPTOP" }, { sender: bob })],
  ])("have a state member that left with the reason %s", (reason, event) => {
    const fold = new Folding();
    const join = stateJoin();
    fold.put(join);
    fold.fold.events.putState(join.stateKey, event, { readTs: 0 });
    expect(fold.step().left.map((departure) => departure.reason)).toEqual([reason]);
  });

  it("have a state member that expired, and one that a sticky membership superseded", () => {
    const fold = new Folding();
    fold.put(stateJoin({ expires: 10 }), stateJoin({}, { sender: bob }));
    expect(ids(fold.put(stickyJoin("two", { sender: bob })))[1]).toEqual([`@alice:example.org:PHONE superseded`]);
    expect(ids(fold.step(10))[1]).toEqual([`@alice:example.org:PHONE expired`]);
  });
});
