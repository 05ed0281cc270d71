// Our keys as events of the room, as old clients take them. protocol.md 5.5.
import { describe, expect, it } from "vitest";
import { toUnpaddedBase64 } from "../../src/room/base64.ts";
import { MatrixError, type OutgoingEvent } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { happening, keyIn, type Plan, scene } from "./scene.ts";

const rotation = { useDelayMs: 1_000, graceMs: 10_000 };
const words = { i: "me#0", s: "0 > room", t: "1 > room", u: "me#1" };
const network = new MatrixError("network", "no answer");

/** A call whose members come and go as drawn: `b` Bob, `c` Carl, `d` Dave with us; what happens in it is what is expected. */
const shows = (
  drawing: Omit<Plan, "members"> & { readonly members: string; readonly expected: string; until?: string },
) =>
  marbles(({ cold, expectObservable }) => {
    const { members, expected, until, ...plan } = drawing;
    const call = scene({ keyTransport: "room-event", rotation, ...plan, members: cold(members, lists) });
    expectObservable(happening(call), until).toBe(expected, {
      ...words,
      b: "0 > bob",
      x: "0 > bob carl",
      y: "0 > carl",
    });
  });

const lists = { a: "me", b: "me bob", c: "me bob carl", d: "me bob carl dave", e: "me bob dave" };

describe("a key in a room event", () => {
  it(
    "is sent once, for however many devices",
    shows({
      members: "  d----------------",
      expected: " (is)-------------",
    }),
  );

  it(
    "is sent once more for a joiner within the grace period",
    shows({
      members: "  b 4999ms c-------",
      expected: " (is) 4996ms s---",
    }),
  );

  it(
    "is sent again after 3 s at the soonest, then for all who came meanwhile",
    shows({
      members: "  b 999ms c 999ms d 6s -",
      expected: " (is) 2996ms s 6s -",
    }),
  );

  it(
    "is not sent again for those who have left before its time",
    shows({
      members: "  b 999ms c 999ms b 999ms ---",
      // Carl may have heard of it: his leave makes a new one.
      expected: " (is) 1996ms t 999ms u---",
    }),
  );

  it(
    "gives way to a new one after the grace period, at once however soon",
    shows({
      members: "  b 9999ms c 999ms d 999ms ---",
      expected: " (is) 9996ms t 999ms u 1999ms t",
    }),
  );

  it(
    "gives way to a new one after a leave, used after the use delay",
    shows({
      members: "  d 99ms b 5s ----",
      expected: " (is) 96ms t 999ms u---",
    }),
  );

  it(
    "that waits is not sent after leaving",
    shows({
      members: "  b 999ms c 6s -",
      expected: " (is)--",
      until: "    ^ 2s !",
    }),
  );
});

describe("a room event that fails", () => {
  it(
    "is tried again with back-off, once for all",
    shows({
      roomOutcome: (count) => (count < 3 ? network : "sent"),
      members: "  d-------------------------",
      expected: " (is) 996ms s 1999ms s 9s -",
    }),
  );

  it(
    "is tried again when the server allows it",
    shows({
      roomOutcome: (count) => (count < 2 ? new MatrixError("rate-limited", "slow", { retryAfterMs: 7_000 }) : "sent"),
      members: "  d-------------------------",
      expected: " (is) 6996ms s 9s -",
    }),
  );

  it(
    "without a word counts as failed after 30 s, and at once if the client gives up",
    shows({
      roomOutcome: (count) => (["silence", "end"] as const)[count - 1] ?? "sent",
      members: "  d-------------------------",
      expected: " (is) 30996ms s 1999ms s 9s -",
    }),
  );

  it(
    "is made up for by the one that somebody gets who comes before it is tried again",
    shows({
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 499ms c 9s -",
      expected: " (is) 496ms s 9s -",
    }),
  );

  it(
    "is tried again for those who stay, though one that was to come after it has lost its reason",
    shows({
      rotation: { ...rotation, coalesceMs: 60_000 },
      // The first event fails after 2.9 s. One for Carl was to follow at 3 s, but he has left by then.
      latencyMs: 2_900,
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 999ms c 999ms b 20s -",
      expected: " (is) 3896ms s 20s -",
      until: "    ^ 30s !",
    }),
  );

  it(
    "is not tried again for those who have left, nor once the key is replaced",
    shows({
      roomOutcome: () => network,
      members: "  b 499ms a 9s -",
      expected: " (is) 496ms u 9s -",
    }),
  );

  it(
    "is told for each device, with the attempt",
    marbles(({ cold, expectObservable, flush }) => {
      const roomOutcome = (count: number) => (count < 2 ? network : ("sent" as const));
      const call = scene({
        keyTransport: "room-event",
        roomOutcome,
        latencyMs: 5,
        members: cold("a", { a: "me bob carl" }),
      });
      expectObservable(call.installed$, "^ 4s !").toBe("i", words);
      flush();
      expect(call.traced("key-sent", "key-delivered", "key-not-delivered")).toEqual([
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 2 },
        { kind: "key-not-delivered", attempt: 1, outcome: "failed", ...named("bob") },
        { kind: "key-not-delivered", attempt: 1, outcome: "failed", ...named("carl") },
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 2 },
        { kind: "key-delivered", ...named("bob") },
        { kind: "key-delivered", ...named("carl") },
      ]);
    }),
  );
});

const named = (name: string) => ({ keyIndex: 0, userId: `@${name}:example.org`, deviceId: "PHONE" });

describe("a key", () => {
  it(
    "does not go into a room that is not encrypted, says so, and goes once it is",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ keyTransport: "room-event", encryptedTs: 500, members: cold("b", lists) });
      expectObservable(happening(call), "^ 4s !").toBe("i 999ms s", words);
      flush();
      expect(call.traced("key-withheld", "key-sent")).toEqual([
        { kind: "key-withheld", keyIndex: 0 },
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 1 },
      ]);
    }),
  );

  it(
    "is in the event as old clients read it, and never in the trace",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ keyTransport: "both", members: cold("-b", lists) });
      const keys: string[] = [];
      call.messages$.subscribe(({ message }) => keys.push(toUnpaddedBase64(keyIn(message)!)));
      const events: OutgoingEvent[] = [];
      call.events$.subscribe((sent) => events.push(sent));
      const event = {
        roomId: "!kitchen:example.org",
        type: "io.element.call.encryption_keys",
        txnId: expect.any(String),
        content: {
          keys: [{ index: 0, key: expect.stringMatching(/^[A-Za-z0-9+/]{22}$/) }],
          device_id: "PHONE",
          call_id: "",
          sent_ts: 1,
        },
      };
      expectObservable(call.installed$, "^---!").toBe("i", words);
      flush();
      expect(keys).toHaveLength(1);
      expect(events).toEqual([event]);
      expect(events[0]?.content["keys"]).toEqual([{ index: 0, key: keys[0] }]);
      expect(JSON.stringify(call.trace)).not.toContain(keys[0]);
    }),
  );

  it(
    "of ours that comes back from the room is passed over",
    marbles(({ cold, expectObservable, flush }) => {
      const echo = {
        roomId: "!kitchen:example.org",
        sender: "@me:example.org",
        originServerTs: 0,
        content: { keys: [{ index: 0, key: "AQEBAQEBAQEBAQEBAQEBAQ" }], device_id: "PHONE", call_id: "" },
        proof: { deviceId: "PHONE", crossSigned: true },
      };
      const call = scene({ keyTransport: "room-event", members: cold("b", lists), roomKeys: cold("-e", { e: echo }) });
      expectObservable(happening(call), "^---!").toBe("(is)", words);
      flush();
      expect(call.traced("key-received", "key-rejected", "key-early")).toEqual([]);
    }),
  );

  it(
    "that is missing is asked for in a message, which room events have no words for",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ keyTransport: "room-event", members: cold("b", lists) });
      expectObservable(call.asked$, "^ 6s !").toBe("5s q", { q: "0 > bob" });
      expectObservable(call.installed$, "^ 6s !").toBe("i", words);
    }),
  );
});

describe("both ways", () => {
  it(
    "a key goes to each device and once into the room",
    shows({
      keyTransport: "both",
      members: "  c-----------",
      expected: " (ixs)-------",
    }),
  );

  it(
    "what failed one way is tried again that way only",
    shows({
      keyTransport: "both",
      outcome: (name, attempt) => (name === "bob" && attempt < 2 ? "failed" : "sent"),
      roomOutcome: (count) => (count < 3 ? network : "sent"),
      members: "  c-----------------------------",
      expected: " (ixs) 995ms (bs) 1996ms s 99s -",
    }),
  );

  it(
    "a device that is not known does not have the event repeated",
    shows({
      keyTransport: "both",
      outcome: (name) => (name === "bob" ? "unknown-device" : "sent"),
      members: "  c-----------------------------",
      expected: " (ixs) 995ms b 1999ms b",
      until: "    ^ 4s !",
    }),
  );

  it(
    "who comes back gets it both ways, though it was reached before",
    shows({
      keyTransport: "both",
      rotation: { ...rotation, coalesceMs: 9_000 },
      members: "  c 3999ms b 999ms c",
      expected: " (ixs) 4995ms (ys)",
      until: "    ^ 7s !",
    }),
  );
});
