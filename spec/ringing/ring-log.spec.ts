// The log of rings, drawn: what became of each ring, in whatever order its events come. protocol.md 7.2 to 7.6.
import { describe, expect, it } from "vitest";
import type { RoomEvent } from "../../src/matrix.ts";
import { redactedBy, RingLog } from "../../src/ringing/ring-log.ts";
import { alice, bob, carl, slot } from "./scene.ts";

/**
 * Each column is a millisecond. Alice: `r` rings for the call, `m` rings for it under its stable name, `s` rings for another
 * call, `w` withdraws the call, `v` withdraws the other one, `a` withdraws without a name. The others: `d` declines the last
 * ring of Alice before it. A capital letter is an event that is redacted later.
 */
interface Drawing {
  readonly alice?: string;
  readonly bob?: string;
  readonly carl?: string;
}

const type = "org.matrix.msc4075.rtc.notification";
const ringContent = { sender_ts: 0, lifetime: 90_000, "m.mentions": { user_ids: [bob, carl] } };

const contents: Readonly<Record<string, object>> = {
  r: { ...ringContent, slot_id: slot },
  m: { ...ringContent, slot_id: "m.call#room" },
  s: { ...ringContent, slot_id: "m.call#side" },
  w: { msc4354_sticky_key: slot },
  v: { msc4354_sticky_key: "m.call#side" },
  a: {},
};

const idOf = (sender: string, column: number) => `$${sender} ${column}`;
const reference = (ringId: string) => ({ "m.relates_to": { rel_type: "m.reference", event_id: ringId } });

function eventsOf(sender: string, track: string, rings: string): readonly RoomEvent[] {
  return Array.from(track, (letter, column): RoomEvent => {
    const event = { sender, eventId: idOf(sender, column), originServerTs: column };
    if (letter.toLowerCase() !== "d") return { ...event, type, content: contents[letter.toLowerCase()] };
    const ringColumn = rings.slice(0, column).search(/[rms][^rms]*$/i);
    return { ...event, type: "m.rtc.decline", content: reference(idOf(alice, ringColumn)) };
  }).filter((_, column) => /[a-z]/i.test(track[column]!));
}

const eventsIn = (drawing: Drawing): readonly RoomEvent[] =>
  Object.entries({ [alice]: drawing.alice, [bob]: drawing.bob, [carl]: drawing.carl })
    .flatMap(([sender, track = ""]) => eventsOf(sender, track, drawing.alice ?? ""))
    .toSorted((a, b) => a.originServerTs - b.originServerTs);

const redactedIn = (drawing: Drawing): readonly string[] =>
  Object.entries({ [alice]: drawing.alice, [bob]: drawing.bob, [carl]: drawing.carl }).flatMap(([sender, track = ""]) =>
    Array.from(track, (letter, column) => (/[A-Z]/.test(letter) ? [idOf(sender, column)] : [])).flat(),
  );

const noSlot = () => undefined;

/** `2 withdrawn, declined by bob`: when it was sent, and what became of it. */
const inWords = ({ rings }: RingLog): readonly string[] =>
  rings.map(({ ring, revoked = "stands", declines }) => {
    const names = [...declines.keys()].toSorted().map((userId) => userId.slice(1, userId.indexOf(":")));
    return [`${ring.sentTs} ${revoked}`, ...(names.length > 0 ? [`declined by ${names.join(" and ")}`] : [])].join(
      ", ",
    );
  });

const outcomes: readonly (readonly [string, Drawing, readonly string[]])[] = [
  ["stands alone", { alice: "r" }, ["0 stands"]],
  ["is superseded by the next ring for its call", { alice: "r-r" }, ["0 superseded", "2 stands"]],
  ["is superseded by the next ring under another name of its call", { alice: "m-r" }, ["0 superseded", "2 stands"]],
  ["is not superseded by a ring for another call", { alice: "r-s" }, ["0 stands", "2 stands"]],
  ["stays superseded if the next ring is redacted", { alice: "r-R" }, ["0 superseded", "2 redacted"]],
  ["is withdrawn by a later withdrawal", { alice: "r-w" }, ["0 withdrawn"]],
  ["is not withdrawn by an earlier withdrawal", { alice: "w-r" }, ["2 stands"]],
  ["is not withdrawn for another call", { alice: "r-v" }, ["0 stands"]],
  ["is withdrawn by the later one of two withdrawals", { alice: "wr-w" }, ["1 withdrawn"]],
  ["is withdrawn by a withdrawal that names no call", { alice: "rs-a" }, ["0 withdrawn", "1 withdrawn"]],
  ["stands again if its withdrawal is redacted", { alice: "r-W" }, ["0 stands"]],
  ["is declined by each user once", { alice: "r", bob: " dd", carl: "  d" }, ["0 stands, declined by bob and carl"]],
  [
    "is not declined any more if the decline is redacted",
    { alice: "r", bob: " D", carl: "  d" },
    ["0 stands, declined by carl"],
  ],
  [
    "is declined with an earlier ring for the same call",
    { alice: "r-m", bob: "   d" },
    ["0 superseded, declined by bob", "2 stands, declined by bob"],
  ],
  [
    "is not declined with an earlier ring for another call",
    { alice: "r-s", bob: "   d" },
    ["0 stands", "2 stands, declined by bob"],
  ],
  [
    "is not declined by a decline before it",
    { alice: "r-r", bob: " d" },
    ["0 superseded, declined by bob", "2 stands"],
  ],
];

describe("A ring", () => {
  it.each(outcomes)("%s, in whatever order the events come", (_, drawing, expected) => {
    const events = eventsIn(drawing);
    for (const order of [events, events.toReversed()])
      for (const isReadOneByOne of [false, true]) {
        const log = new RingLog();
        for (const event of order) {
          log.put(event, 0, noSlot);
          if (isReadOneByOne) void log.rings;
        }
        for (const eventId of redactedIn(drawing)) log.redact(eventId);
        expect(inWords(log)).toEqual(expected);
      }
  });

  it("comes after one of the same time that has a smaller event id, and supersedes it", () => {
    const [ring] = eventsIn({ alice: "r" });
    for (const ids of [
      ["$1", "$2"],
      ["$2", "$1"],
    ]) {
      const log = new RingLog();
      for (const eventId of ids) log.put({ ...ring!, eventId }, 0, noSlot);
      expect(log.rings.map((each) => [each.ring.eventId, each.revoked])).toEqual([
        ["$1", "superseded"],
        ["$2", undefined],
      ]);
    }
  });

  it("is superseded by the last ring of its sender for its call, not by one of another sender", () => {
    const log = new RingLog();
    for (const event of eventsIn({ alice: "r-r-r" })) log.put(event, 0, noSlot);
    const [ofBob] = eventsIn({ alice: "      r" });
    log.put({ ...ofBob!, sender: bob, eventId: "$bob" }, 0, noSlot);
    expect(log.rings.map(({ supersededBy }) => supersededBy?.sentTs)).toEqual([4, 4, undefined, undefined]);
  });

  it("has the first decline of each user, whichever comes first", () => {
    const events = eventsIn({ alice: "r", bob: " dd" });
    for (const order of [events, events.toReversed()]) {
      const log = new RingLog();
      for (const event of order) log.put(event, 0, noSlot);
      expect(log.rings[0]!.declines.get(bob)?.sentTs).toBe(1);
    }
  });

  it("is declined by a decline that names it, also if the clock of that server is behind", () => {
    const log = new RingLog();
    const [ring] = eventsIn({ alice: "   r" });
    log.put(ring!, 0, noSlot);
    log.put(
      { type: "m.rtc.decline", sender: bob, eventId: "$no", originServerTs: 1, content: reference(ring!.eventId) },
      0,
      noSlot,
    );
    expect(inWords(log)).toEqual(["3 stands, declined by bob"]);
  });

  it("is redacted if its event comes again without its content", () => {
    const [ring] = eventsIn({ alice: "r" });
    const log = new RingLog();
    log.put(ring!, 0, noSlot);
    expect(log.put({ ...ring!, content: {} }, 0, noSlot)).toBe(true);
    expect(inWords(log)).toEqual(["0 redacted"]);
  });

  it("keeps the time at which it was first seen", () => {
    const [ring] = eventsIn({ alice: "r" });
    const log = new RingLog();
    log.put(ring!, 5, noSlot);
    log.put(ring!, 9, noSlot);
    log.redact(ring!.eventId);
    expect(log.rings[0]!.seenTs).toBe(5);
  });

  it.each<[string, Drawing, Drawing, readonly number[]]>([
    ["another call is rung for", { alice: "r" }, { alice: "  s" }, [0]],
    ["another ring is declined", { alice: "rs" }, { alice: "rs", bob: "  d" }, [0]],
    ["the same user declines it again", { alice: "r", bob: " d" }, { alice: "r", bob: "  d" }, [0]],
    ["no longer, if it is declined", { alice: "r", bob: " d" }, { alice: "r", carl: "  d" }, []],
    ["no longer, if it is superseded by another ring", { alice: "r-r" }, { alice: "    r" }, []],
    ["no longer, if it is withdrawn", { alice: "r" }, { alice: "  w" }, []],
  ])("is the same object if %s", (_, first, then, expected) => {
    const log = new RingLog();
    for (const event of eventsIn(first)) log.put(event, 0, noSlot);
    const before = log.rings;
    for (const event of eventsIn(then)) log.put(event, 0, noSlot);
    expect(log.rings.filter((each) => before.includes(each)).map(({ ring }) => ring.sentTs)).toEqual(expected);
  });

  it("is another object if a decline is redacted and another user declines", () => {
    const log = new RingLog();
    for (const event of eventsIn({ alice: "r", bob: " d" })) log.put(event, 0, noSlot);
    const [before] = log.rings;
    log.redact(idOf(bob, 1));
    for (const event of eventsIn({ alice: "r", carl: "  d" })) log.put(event, 0, noSlot);
    expect(log.rings[0]).not.toBe(before);
    expect(inWords(log)).toEqual(["0 stands, declined by carl"]);
  });

  it("is withdrawn by a withdrawal of the same millisecond, whichever comes first", () => {
    const [ring, withdrawal] = eventsIn({ alice: "rw" });
    for (const order of [
      [ring, withdrawal],
      [withdrawal, ring],
    ]) {
      const log = new RingLog();
      for (const event of order) log.put({ ...event!, originServerTs: 0 }, 0, noSlot);
      expect(inWords(log)).toEqual(["0 withdrawn"]);
    }
  });

  it("is another object if the first decline of a user is found later", () => {
    const log = new RingLog();
    for (const event of eventsIn({ alice: "r", bob: "   d" })) log.put(event, 0, noSlot);
    const [before] = log.rings;
    for (const event of eventsIn({ alice: "r", bob: " d" })) log.put(event, 0, noSlot);
    expect(log.rings[0]).not.toBe(before);
  });
});

describe("What a log of rings takes", () => {
  const [ring, decline] = eventsIn({ alice: "r", bob: " d" });

  it("is new once", () => {
    const log = new RingLog();
    const takes = (event: RoomEvent) => log.put(event, 0, noSlot);
    expect([takes(ring!), takes(ring!), takes(decline!), takes(decline!)]).toEqual([true, false, true, false]);
    expect(takes({ ...ring!, eventId: "$message", type: "m.room.message" })).toBe(false);
  });

  it("can be redacted once, if it is known", () => {
    const log = new RingLog();
    for (const event of [ring!, decline!]) log.put(event, 0, noSlot);
    const redacts = ({ eventId }: RoomEvent) => log.redact(eventId);
    expect([redacts(ring!), redacts(ring!), redacts(decline!), redacts(decline!), log.redact("$unknown")]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it("is malformed until it can be read", () => {
    const log = new RingLog();
    const content = { ...ringContent, ...reference("$member") };
    const event = { ...ring!, content };
    expect(log.put(event, 0, noSlot)).toBe(true);
    expect(log.put(event, 0, noSlot)).toBe(false);
    expect(log.malformed).toEqual([{ kind: "malformed", event, path: "slot_id" }]);
    expect(log.rings).toEqual([]);
    expect(log.put(event, 0, () => slot)).toBe(true);
    expect([log.malformed, inWords(log)]).toEqual([[], ["0 stands"]]);
  });

  it("is at most so much of each sender and of the room: the oldest is dropped", () => {
    const log = new RingLog({ room: 4, sender: 2 });
    const put = (sender: string, index: number, content: object | undefined, of = type) =>
      log.put({ type: of, sender, eventId: `${sender} ${index}`, originServerTs: index, content }, 0, noSlot);
    const sentTs = () => log.rings.map(({ ring: each }) => `${each.sender.slice(1, 2)} ${each.sentTs}`);
    for (const index of [1, 2, 3]) put(alice, index, contents["r"]);
    expect(sentTs()).toEqual(["a 2", "a 3"]);
    put(bob, 4, contents["r"]);
    put(carl, 5, contents["r"]);
    expect(sentTs()).toEqual(["a 2", "a 3", "b 4", "c 5"]);
    put(bob, 6, contents["r"]);
    expect(sentTs()).toEqual(["a 3", "b 4", "c 5", "b 6"]);
  });
});

describe("A redaction names its event", () => {
  it.each<[string, Parameters<typeof redactedBy>[0], string | undefined]>([
    ["in its content", { type: "m.room.redaction", content: { redacts: "$1" } }, "$1"],
    ["beside its content", { type: "m.room.redaction", content: {}, redacts: "$1" }, "$1"],
    [
      "in its content rather than beside it",
      { type: "m.room.redaction", content: { redacts: "$1" }, redacts: "$2" },
      "$1",
    ],
    ["as text alone", { type: "m.room.redaction", content: { redacts: 1 } }, undefined],
    ["as a redaction alone", { type: "m.room.message", content: { redacts: "$1" } }, undefined],
  ])("%s", (_, event, expected) => expect(redactedBy(event)).toBe(expected));
});
