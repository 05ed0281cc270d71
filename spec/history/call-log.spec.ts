// The log of calls, drawn: what each event does to the calls, in whatever order the events come. protocol.md 9.2 to 9.4.
import { describe, expect, it } from "vitest";
import { CallLog } from "../../src/history/call-log.ts";
import type { PastEvent } from "../../src/matrix.ts";
import { draw, type Drawing, drawn, eventsIn, logOf, minuteMs, redactedIn, slot, t0 } from "./drawn.ts";

const calls: readonly (readonly [string, Drawing & { readonly calls: string }])[] = [
  ["lasts from a join to a leave", { alice: "  j---l", calls: "  [---]" }],
  ["ends by itself when a membership expires", { alice: "j", calls: "[-------]" }],
  ["lasts longer with a refresh", { alice: "j----r", calls: "[------------]" }],
  ["has no part of a leave without a join", { alice: "l---j-l", calls: "    [-]" }],
  ["has no part of a leave that is repeated", { alice: "j-l-l", calls: "[-]" }],
  ["begins again after an end", { alice: "j-l--j-l", calls: "[-]  [-]" }],
  ["begins again after an expiry", { alice: "j----------j-l", calls: "[-------]  [-]" }],
  ["began earlier if a refresh is the first event that was read", { alice: "    q-l", calls: " [----]" }],
  ["began earlier if a leave knows the stay", { alice: "    p", calls: " [--]" }],
  ["does not ask a leave about what was read", { alice: "   j-p", calls: "   [-]" }],
  ["is one if two devices overlap", { alice: "j---l", bob: "  j---l", calls: "[-----]" }],
  ["is one if two devices touch", { alice: "j--l", bob: "   j--l", calls: "[-----]" }],
  ["is one if a device is within the time of another", { alice: "j-----l", bob: "  j-l", calls: "[-----]" }],
  ["is another one after a minute without anybody", { alice: "j-l", bob: "   j-l", calls: "[-][-]" }],
  ["of sticky events lasts from a join to a leave", { alice: " s---e", calls: " [---]" }],
  ["of sticky events is one if two devices overlap", { alice: "s---e", bob: "  s---e", calls: "[-----]" }],
  ["of sticky events ends by itself", { alice: " s", calls: " [-------]" }],
  ["of sticky events lasts longer with each of them", { alice: "s----s--e", calls: "[-------]" }],
  ["of the first draft lasts from a join to a leave", { alice: "d---d---f", calls: "[-------]" }],
  ["ends for a user who leaves the room", { alice: "j--x", calls: "[--]" }],
  ["of sticky events ends for a user who leaves the room", { alice: "s--x", calls: "[--]" }],
  ["ends with the first of several room leaves", { alice: "j--x-b-x", calls: "[--]" }],
  ["goes on for a user who comes into the room", { alice: "j--b-l", calls: "[----]" }],
  ["goes on if another user leaves the room", { alice: "j----l", bob: "  x", calls: "[----]" }],
  ["begins after a room leave", { alice: "x-j--l", calls: "  [--]" }],
  ["is not continued by a refresh after a room leave", { alice: "j-x-b-s-e", calls: "[-]   [-]" }],
  ["ends with a join that is redacted later", { alice: "j--J", calls: "[--]" }],
  ["is none if its only join is redacted", { alice: "J", calls: "" }],
  ["is none if its join is redacted, and a leave follows", { alice: "J---l", calls: "" }],
  ["ends with a refresh that is redacted", { alice: "j--R--l", calls: "[--]" }],
  ["is the same if a leave is redacted", { alice: "j--L", calls: "[--]" }],
  ["of sticky events ends with a refresh that is redacted", { alice: "s--S--e", calls: "[--]" }],
  ["of sticky events ends when the slot closes", { alice: "s-----e", slot: "   c", calls: "[--]" }],
  ["of sticky events ends when the slot closes, by its stable name", { alice: "s---e", slot: "  k", calls: "[-]" }],
  ["of sticky events begins when the slot opens", { alice: "s-----e", slot: " c-o", calls: "[] [--]" }],
  ["of sticky events needs an open slot", { alice: "  s---e", slot: "c", calls: "" }],
  ["of sticky events goes on in an open slot", { alice: "s-----e", slot: " o-o", calls: "[-----]" }],
  ["of sticky events has a pause while the slot is closed", { alice: "s----e", slot: "  c-o", calls: "[-] []" }],
  ["of sticky events begins with the slot that opens with it", { alice: "  s--e", slot: "c-o", calls: "  [--]" }],
  ["of sticky events is none if the slot closes with it", { alice: "  s--e", slot: "  c", calls: "" }],
  [
    "of sticky events is not changed by a slot that closes at its end",
    { alice: "s--e", slot: "   c-o", calls: "[--]" },
  ],
  [
    "of sticky events is not changed by a slot that closes after its end",
    { alice: "s--e", slot: "     c", calls: "[--]" },
  ],
  ["of sticky events has nothing after its end, though the slot opens", { alice: "s--e", slot: " c---o", calls: "[]" }],
  ["of sticky events does not end twice in a closed slot", { alice: "s-----e", slot: " cc-o", calls: "[]  [-]" }],
  ["of state events needs no slot", { alice: "j---l", slot: "c", calls: "[---]" }],
  ["of the first draft needs no slot", { alice: "d---f", slot: " c", calls: "[---]" }],
];

const withoutStateKey = ({ stateKey: _stateKey, ...event }: PastEvent): PastEvent => event;
const withoutContent = (event: PastEvent): PastEvent => ({ ...event, content: {} });

const ways: readonly (readonly [string, (log: CallLog, drawing: Drawing) => void])[] = [
  [
    "in one step",
    (log, drawing) => {
      for (const event of eventsIn(drawing)) log.put(event);
      for (const eventId of redactedIn(drawing)) log.redact(eventId);
    },
  ],
  [
    "event by event",
    (log, drawing) => {
      for (const event of eventsIn(drawing)) {
        log.put(event);
        void log.sessions;
      }
      for (const eventId of redactedIn(drawing)) log.redact(eventId);
    },
  ],
  [
    "backwards",
    (log, drawing) => {
      for (const event of eventsIn(drawing).toReversed()) {
        log.put(event);
        void log.sessions;
        if (redactedIn(drawing).includes(event.eventId)) log.redact(event.eventId);
      }
    },
  ],
  [
    "twice, the second time as they are after a redaction",
    (log, drawing) => {
      const redacted = redactedIn(drawing);
      for (const event of eventsIn(drawing)) log.put(event);
      void log.sessions;
      for (const event of eventsIn(drawing)) log.put(redacted.includes(event.eventId) ? withoutContent(event) : event);
    },
  ],
  [
    "first every second event, then the others",
    (log, drawing) => {
      const events = eventsIn(drawing);
      for (const [index, event] of events.entries()) if (index % 2 === 1) log.put(event);
      void log.sessions;
      for (const event of events) log.put(event);
      void log.sessions;
      for (const eventId of redactedIn(drawing)) log.redact(eventId);
    },
  ],
];

describe.each(ways)("Of events that come %s, a call", (_, put) => {
  it.each(calls)("%s", (__, { calls: expected, ...drawing }) => {
    const log = new CallLog();
    put(log, drawing);
    expect(draw(log.sessions)).toBe(drawn(expected));
  });
});

describe("The stays of a call", () => {
  it.each<[string, Drawing, readonly string[]]>([
    ["are one if the member is refreshed", { alice: "j--r--l" }, ["[-----]"]],
    ["are two if the member joins again", { alice: "j--j--l" }, ["[--]", "   [--]"]],
    ["are two if the member has another id", { alice: "j--n--l" }, ["[--]", "[-----]"]],
    ["are one for sticky events of one member", { alice: "s--s--e" }, ["[-----]"]],
    [
      "are two if the next sticky event comes when the stay is over",
      { alice: "s-------s--e" },
      ["[-------]", "        [--]"],
    ],
    ["are one for the first draft", { alice: "d--d--f" }, ["[-----]"]],
    ["are one for each device, by start", { alice: "   j--l", bob: "j---l" }, ["[---]", "   [--]"]],
    [
      "are one for each part of it in which its slot was open",
      { alice: "s----e", bob: "j----l", slot: "  c-o" },
      ["[-]", "[----]", "    []"],
    ],
  ])("%s", (_, drawing, stays) =>
    expect(
      logOf(drawing)
        .sessions.flatMap((session) => session.stays.map((stay) => draw([stay])))
        .toSorted(),
    ).toEqual(stays.toSorted()),
  );

  it("have the intent of the last event", () => {
    const [session] = logOf({ alice: "j--i--l" }).sessions;
    expect(session?.stays.map(({ intent, userId, deviceId, slot: its }) => [userId, deviceId, its, intent])).toEqual([
      ["@alice:example.org", "P", slot, "video"],
    ]);
  });
});

describe("A call that is known", () => {
  it.each<[string, Drawing, Drawing, string]>([
    ["stays the same if there is nothing new", { alice: "j-l-j-l" }, {}, "[-] [-]"],
    ["stays the same if a later one is found", { alice: "j-l" }, { bob: "      j-l" }, "[-]"],
    [
      "stays the same if an earlier and a later one are found at once",
      { alice: "      j-l" },
      { bob: "j-l         j-l" },
      "      [-]",
    ],
    [
      "stays the same if its user leaves the room later, also if two of its stays began at one time",
      { alice: "j--n" },
      { alice: "            x" },
      "[----------]",
    ],
    ["changes if a leave in it is found", { alice: "s----s" }, { alice: "   e" }, ""],
    ["changes if its slot opened earlier", { alice: "s-----e", slot: "  c-o" }, { slot: "   o" }, "[-]"],
    ["stays the same if an earlier one is found", { alice: "      j-l" }, { bob: "j-l" }, "      [-]"],
    ["changes if somebody else was in it", { alice: "j---l---j-l" }, { bob: " j-l" }, "        [-]"],
    ["changes if it merges with another one", { alice: "j-l--j-l  j-l" }, { bob: "  j--l" }, "          [-]"],
    ["stays the same if its refresh changes nothing", { alice: "j----l" }, { alice: "   q" }, "[----]"],
    ["stays the same if its user leaves the room later", { alice: "j----l" }, { alice: "      x" }, "[----]"],
    ["stays the same if its user left the room before", { alice: " j----l" }, { alice: "x" }, " [----]"],
    ["changes if its user left the room in it", { alice: "j----l  j-l" }, { alice: "   x" }, "        [-]"],
    ["stays the same if the slot opens", { alice: "s----e" }, { slot: "  o" }, "[----]"],
    ["changes if the slot closed in it", { alice: "s---e--s-e" }, { slot: "  c-o" }, "       [-]"],
    ["changes if its end is found", { alice: "j-l---j" }, { alice: "         l" }, "[-]"],
    ["stays the same if it ends when it would have expired", { alice: "j" }, { alice: "        l" }, "[-------]"],
  ])("%s", (_, first, then, expected) => {
    const log = logOf(first);
    const before = log.sessions;
    for (const event of eventsIn(then)) log.put(event);
    const kept = log.sessions.filter((session) => before.includes(session));
    expect(draw(kept)).toBe(drawn(expected));
    expect(log.sessions).toEqual(logOf({ ...first, ...joinedTracks(first, then) }).sessions);
  });

  /** Both drawings as one. */
  function joinedTracks(first: Drawing, then: Drawing): Drawing {
    const both: Record<string, string> = {};
    for (const name of ["alice", "bob", "slot"] as const) {
      const [a, b] = [first[name] ?? "", then[name] ?? ""];
      both[name] = Array.from({ length: Math.max(a.length, b.length) }, (_, index) =>
        (b[index] ?? " ") === " " ? (a[index] ?? " ") : b[index],
      ).join("");
    }
    return both;
  }

  it("is the same list if there is nothing new, though its slot or its user's room was touched", () => {
    const log = logOf({ alice: "s---e" });
    const before = log.sessions;
    for (const event of eventsIn({ alice: "x", slot: "o" })) log.put(event);
    expect(log.sessions).toBe(before);
  });
});

/** A state membership of Alice. */
const stateMember = (minute: number, content: object): PastEvent => ({
  type: "org.matrix.msc3401.call.member",
  sender: "@alice:example.org",
  stateKey: "_@alice:example.org_P_m.call",
  eventId: `$${minute}`,
  originServerTs: t0 + minute * minuteMs,
  encryption: "cleartext",
  content: { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" }, ...content },
});

describe("An update of a membership that lasts no longer", () => {
  const joined = { membershipID: "one", created_ts: t0, expires: 8 * minuteMs };
  const event = (minute: number, content: object, more: Partial<PastEvent> = {}): PastEvent => ({
    ...stateMember(minute, { ...joined, ...content }),
    ...more,
  });

  it.each<[string, object, Partial<PastEvent>]>([
    ["intent", { "m.call.intent": "video" }, {}],
    ["call", { call_id: "side" }, {}],
    ["member id", { membershipID: "two" }, {}],
    ["device", { device_id: "Q" }, {}],
    ["user", {}, { sender: "@bob:example.org" }],
  ])("changes the %s of the stay, also if the calls were read before it came", (_, content, more) => {
    const [first, update] = [event(0, {}), event(3, content, more)];
    const [log, readBefore] = [new CallLog(), new CallLog()];
    readBefore.put(first);
    const before = readBefore.sessions;
    for (const each of [first, update]) log.put(each);
    readBefore.put(update);
    expect(readBefore.sessions).toEqual(log.sessions);
    expect(readBefore.sessions).not.toEqual(before);
  });

  it("ends the stay in one call and begins one in another call, which began when it says", () => {
    const log = new CallLog();
    for (const each of [event(0, {}), event(3, { call_id: "side" })]) log.put(each);
    expect(new Map(log.sessions.map((session) => [session.slot, draw(session.stays)]))).toEqual(
      new Map([
        [slot, "[--]"],
        ["m.call#side", "[-------]"],
      ]),
    );
  });
});

describe("A state member that moves its `created_ts` to be sent keys", () => {
  const first = "rx.matrixrtc.created_ts";
  const event = (minute: number, movedMs: number): PastEvent =>
    stateMember(minute, {
      expires: (minute + 8) * minuteMs,
      ...(minute > 0 && { created_ts: t0 + movedMs }),
      ...(movedMs > 0 && { [first]: t0 }),
    });
  const events = [event(0, 0), event(2, 0), event(4, 1), event(6, 2), event(7, 2)];

  it.each([
    ["its join", events],
    ["an update before", events.slice(1)],
    ["an update after", events.slice(2)],
    [
      "an update after that says what the key had before",
      [{ ...events[3]!, unsigned: { prev_content: events[2]!.content } }, events[4]!],
    ],
  ])("stays in the call, if the first event that was read is %s", (_, read) => {
    for (const order of [read, read.toReversed()]) {
      const log = new CallLog();
      for (const each of order) log.put(each);
      expect(log.sessions.map(({ stays }) => stays.map(({ startTs, endTs }) => [startTs - t0, endTs - t0]))).toEqual([
        [[0, 15 * minuteMs + 2]],
      ]);
    }
  });
});

describe("Two events of one time", () => {
  const at = (minute: number, eventId: string, track: Drawing): PastEvent => {
    const [event] = eventsIn(track);
    return { ...event!, eventId, originServerTs: t0 + minute * minuteMs };
  };
  const [opens, closes] = [{ slot: "o" }, { slot: "c" }];
  const [joins, leaves] = [{ alice: "j" }, { alice: "l" }];
  it.each<[string, readonly PastEvent[], string]>([
    ["a slot that opens, then closes", [at(3, "$1", opens), at(3, "$2", closes)], "[--]"],
    ["a slot that closes, then opens", [at(3, "$1", closes), at(3, "$2", opens)], "[----]"],
    ["a closed slot that opens, then closes", [at(0, "$0", closes), at(3, "$1", opens), at(3, "$2", closes)], ""],
  ])("count in the order of their ids, whichever comes first: %s", (_, slotEvents, expected) => {
    for (const events of [slotEvents, slotEvents.toReversed()]) {
      const log = logOf({ alice: "s----e" });
      for (const event of events) log.put(event);
      expect(draw(log.sessions)).toBe(expected);
    }
  });

  it.each<[string, readonly PastEvent[], string]>([
    ["a device that joins, then leaves", [at(3, "$1", joins), at(3, "$2", leaves)], ""],
    ["a device that leaves, then joins", [at(3, "$1", leaves), at(3, "$2", joins)], "   [-------]"],
  ])(
    "count in the order of their ids, whichever comes first, and read one by one or at once: %s",
    (_, events, line) => {
      for (const order of [events, events.toReversed()])
        for (const isReadOneByOne of [true, false]) {
          const log = new CallLog();
          for (const event of order) {
            log.put(event);
            if (isReadOneByOne) void log.sessions;
          }
          expect(draw(log.sessions)).toBe(line);
        }
    },
  );
});

describe("A slot event that is redacted", () => {
  it.each<[string, Drawing, string]>([
    ["closes the slot if it had opened it", { alice: "s----e", slot: "  o" }, "[-]"],
    ["leaves the slot closed if it had closed it", { alice: "s----e", slot: "  c" }, "[-]"],
  ])("%s, whether it was read before or after its redaction", (_, drawing, expected) => {
    const [slotEvent] = eventsIn({ slot: drawing.slot ?? "" });
    const [readBefore, readAgain, readAfter] = [logOf(drawing), logOf(drawing), logOf({ alice: drawing.alice ?? "" })];
    for (const log of [readBefore, readAgain]) void log.sessions;
    readBefore.redact(slotEvent!.eventId);
    for (const log of [readAgain, readAfter]) log.put(withoutContent(slotEvent!));
    expect([readBefore, readAgain, readAfter].map((log) => draw(log.sessions))).toEqual([expected, expected, expected]);
  });
});

describe("The slot of a call is not closed by", () => {
  const [closing] = eventsIn({ slot: "  c" });
  const [leaving] = eventsIn({ alice: "  x" });
  it.each<[string, PastEvent]>([
    ["another state event with the slot id as its key", { ...closing!, type: "org.example.poll" }],
    ["a message of the type of a slot event", withoutStateKey(closing!)],
    ["a message of the type of a room membership", withoutStateKey(leaving!)],
    ["the slot event of another call", { ...closing!, stateKey: "m.call#side" }],
  ])("%s", (_, event) => {
    const log = logOf({ alice: "s---e" });
    log.put(event);
    expect(draw(log.sessions)).toBe("[---]");
  });
});

describe("The calls of several slots", () => {
  const other = (event: PastEvent): PastEvent => {
    const content = { ...(event.content as object), call_id: "side" };
    return { ...event, eventId: `${event.eventId} side`, stateKey: `${event.stateKey}side`, content };
  };
  const put = (log: CallLog) => {
    for (const event of eventsIn({ alice: "j----l" })) log.put(event);
    for (const event of eventsIn({ alice: "  j" })) log.put(other(event));
    return log.sessions.map((session) => [session.slot, draw([session])]);
  };

  it.each<[string, string | undefined, readonly (readonly [string, string])[]]>([
    [
      "are apart, by start",
      undefined,
      [
        [slot, "[----]"],
        ["m.call#side", "  [-------]"],
      ],
    ],
    ["can be read alone", slot, [[slot, "[----]"]]],
    ["can be read alone by the stable name of the slot", "m.call#room", [[slot, "[----]"]]],
    ["can be read alone: another one", "m.call#side", [["m.call#side", "  [-------]"]]],
  ])("%s", (_, only, expected) => expect(put(new CallLog(only))).toEqual(expected));

  it("are found by the id of a membership event", () => {
    const log = logOf({ alice: "j--l", bob: "s" });
    const [join, , leave] = eventsIn({ alice: "j--l", bob: "s" });
    expect([join, leave, { eventId: "$none" }].map((event) => log.slotOf(event!.eventId))).toEqual([
      slot,
      undefined,
      undefined,
    ]);
  });
});

describe("No call is made of", () => {
  const [join] = eventsIn({ alice: "j" });
  const [sticky] = eventsIn({ alice: "s" });
  const [draft] = eventsIn({ alice: "d" });
  const [leave] = eventsIn({ alice: "p" });
  const content = (event: PastEvent | undefined, more: object): PastEvent => {
    return { ...event!, content: { ...(event!.content as object), ...more } };
  };
  it.each<[string, PastEvent]>([
    ["a message", { ...join!, type: "m.room.message" }],
    ["a message without a state key", { ...sticky!, type: "m.room.message" }],
    ["a state membership without a device", content(join, { device_id: undefined })],
    ["a membership that was over when it was sent", content(join, { expires: 0 })],
    ["a state membership that was sent as a message", withoutStateKey(join!)],
    ["a sticky membership without a key", content(sticky, { sticky_key: undefined })],
    ["a sticky membership that cannot be decrypted", { ...sticky!, encryption: "undecryptable" }],
    ["a sticky membership that is not sticky", { ...sticky!, durationMs: undefined } as PastEvent],
    ["a sticky membership of no time", { ...sticky!, durationMs: 0 }],
    ["a sticky membership that is malformed", content(sticky, { member: {} })],
    ["a membership of the first draft that is malformed", content(draft, { "m.call_id": 1 })],
    ["the stay before a leave that is no object", { ...leave!, unsigned: { prev_content: "joined" } }],
    ["the stay before a leave without a start", { ...leave!, unsigned: { prev_content: join!.content } }],
    ["the stay before a leave that has no previous content", { ...leave!, unsigned: undefined } as PastEvent],
    [
      "the previous content of a sticky leave",
      { ...sticky!, content: { sticky_key: "one" }, unsigned: leave!.unsigned },
    ],
  ])("%s", (_, event) => {
    const log = new CallLog();
    log.put(event);
    expect(log.sessions).toEqual([]);
  });

  it("a sticky membership after an hour, whatever it claims", () => {
    const log = new CallLog();
    log.put({ ...sticky!, durationMs: 9e9 });
    expect(log.sessions.map(({ endTs }) => endTs - t0)).toEqual([60 * minuteMs]);
  });
});
