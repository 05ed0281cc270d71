// Our keys as room events, which old clients read. protocol.md 5.5.
import { BehaviorSubject } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { toUnpaddedBase64 } from "../../src/room/base64.ts";
import { MatrixError, type OutgoingEvent } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { happening, keyIn, type Plan, scene } from "./scene.ts";

const rotation = { useDelayMs: 1_000, graceMs: 10_000 };
const words = { i: "me#0", s: "0 > room", t: "1 > room", u: "me#1" };
const network = new MatrixError("network", "no answer");

/** Draws the members (see `lists`); and what goes out and comes into use. */
const shows = (
  drawing: Omit<Plan, "members"> & { readonly members: string; readonly expected: string; until?: string },
) =>
  marbles(({ cold, expectObservable }) => {
    const { members, expected, until, ...plan } = drawing;
    const call = scene({ transport: "room-event", rotation, ...plan, members: cold(members, lists) });
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
    "one room event serves all devices",
    shows({
      members: "  d----------------",
      expected: " (is)-------------",
    }),
  );

  it(
    "a joiner within the grace period causes one more room event",
    shows({
      members: "  b 4999ms c-------",
      expected: " (is) 4996ms s---",
    }),
  );

  it(
    "the next room event with a key comes after 3 s, and serves all members that joined meanwhile",
    shows({
      members: "  b 999ms c 999ms d 6s -",
      expected: " (is) 2996ms s 6s -",
    }),
  );

  it(
    "each room event with a key is 3 s after the one before, also after one that had to wait",
    shows({
      members: "  b 999ms c 2999ms d 6s -",
      expected: " (is) 2996ms s 2999ms s 6s -",
    }),
  );

  it(
    "a room event that serves two joins is counted and traced once, and is delivered to each of its devices",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ transport: "room-event", rotation, members: cold("b 999ms c 999ms d", lists) });
      expectObservable(call.installed$, "^ 4s !").toBe("i", words);
      flush();
      expect(call.traced("key-sent", "key-delivered")).toEqual([
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 1 },
        { kind: "key-delivered", ...named("bob") },
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 2 },
        { kind: "key-delivered", ...named("carl") },
        { kind: "key-delivered", ...named("dave") },
      ]);
      expect(call.keys.statistics$.value).toMatchObject({ sends: 2, delivered: 3 });
    }),
  );

  it(
    "a room event is not sent if all members that it was for have left",
    shows({
      members: "  b 999ms c 999ms b 999ms ---",
      // Carl can have received the first event, so his leave makes a new key.
      expected: " (is) 1996ms t 999ms u---",
    }),
  );

  it(
    "a new key after the grace period is sent at once, also shortly after another room event",
    shows({
      members: "  b 9999ms c 999ms d 999ms ---",
      expected: " (is) 9996ms t 999ms u 1999ms t",
    }),
  );

  it(
    "a new key after a leave is sent at once, and used after the use delay",
    shows({
      members: "  d 99ms b 5s ----",
      expected: " (is) 96ms t 999ms u---",
    }),
  );

  it(
    "a room event that waits is not sent after we leave",
    shows({
      members: "  b 999ms c 6s -",
      expected: " (is)--",
      until: "    ^ 2s !",
    }),
  );
});

describe("a wall clock that is set back", () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["while a room event waits", 1_000],
    ["after a room event was sent", 5_000],
  ])("a wall clock that is set back does not keep a joiner from its key (%s)", (_, joinsAtMs) => {
    vi.useFakeTimers({ now: 1e12 });
    const members$ = new BehaviorSubject("me bob");
    const call = scene({ transport: "room-event", rotation, members: members$ });
    let sent = 0;
    call.events$.subscribe(() => (sent += 1));
    const subscription = call.key$.subscribe();
    vi.advanceTimersByTime(joinsAtMs - 500);
    if (joinsAtMs > 3_000) vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(500);
    members$.next("me bob carl");
    if (joinsAtMs < 3_000) vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(3_000);
    subscription.unsubscribe();
    expect(sent).toBe(2);
  });
});

describe("a room event that fails", () => {
  it(
    "a failed room event is sent again with back-off, once for all devices",
    shows({
      roomOutcome: (count) => (count < 3 ? network : "sent"),
      members: "  d-------------------------",
      expected: " (is) 996ms s 1999ms s 9s -",
    }),
  );

  it(
    "a room event that the server limits is sent again when the server allows it",
    shows({
      roomOutcome: (count) => (count < 2 ? new MatrixError("rate-limited", "slow", { retryAfterMs: 7_000 }) : "sent"),
      members: "  d-------------------------",
      expected: " (is) 6996ms s 9s -",
    }),
  );

  it(
    "a room event without an answer counts as failed after 30 s, or when the client gives up",
    shows({
      roomOutcome: (count) => (["silence", "end"] as const)[count - 1] ?? "sent",
      members: "  d-------------------------",
      expected: " (is) 30996ms s 1999ms s 9s -",
    }),
  );

  it(
    "the room event for a joiner also serves the devices that wait for a retry",
    shows({
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 499ms c 9s -",
      expected: " (is) 496ms s 9s -",
    }),
  );

  it(
    "the room event that is planned for a joiner serves the devices of an earlier one that fails meanwhile",
    shows({
      latencyMs: 2_900,
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 999ms c 20s -",
      expected: " (is) 2996ms s 20s -",
      until: "    ^ 30s !",
    }),
  );

  it(
    "the retry of a room event also serves a member that joins at its instant",
    shows({
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 999ms c 9s -",
      expected: " (is) 996ms s 9s -",
    }),
  );

  it(
    "a retry is sent for the members that stay, even if the room event planned after it is not needed any more",
    shows({
      rotation: { ...rotation, coalesceMs: 60_000 },
      // The first event fails after 2.9 s. The second is planned for Carl at 3 s, but he has left by then.
      latencyMs: 2_900,
      roomOutcome: (count) => (count < 2 ? network : "sent"),
      members: "  b 999ms c 999ms b 20s -",
      expected: " (is) 3896ms s 20s -",
      until: "    ^ 30s !",
    }),
  );

  it(
    "a failed room event is not sent again for devices that have left or for a replaced key",
    shows({
      roomOutcome: () => network,
      members: "  b 499ms a 9s -",
      expected: " (is) 496ms u 9s -",
    }),
  );

  it(
    "the outcome of a room event is traced for each device, with the attempt",
    marbles(({ cold, expectObservable, flush }) => {
      const roomOutcome = (count: number) => (count < 2 ? network : ("sent" as const));
      const call = scene({
        transport: "room-event",
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
    "a key is withheld from a room that is not encrypted, and sent once it is",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ transport: "room-event", encryptedTs: 500, members: cold("b", lists) });
      expectObservable(happening(call), "^ 4s !").toBe("i 999ms s", words);
      flush();
      expect(call.traced("key-withheld", "key-sent")).toEqual([
        { kind: "key-withheld", keyIndex: 0 },
        { kind: "key-sent", keyIndex: 0, transport: "room-event", devices: 1 },
      ]);
    }),
  );

  it(
    "a room event contains the key as old clients read it, and the trace does not",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ transport: "both", members: cold("-b", lists) });
      const keys: string[] = [];
      call.messages$.subscribe(({ message }) => keys.push(toUnpaddedBase64(keyIn(message)!)));
      const events: OutgoingEvent[] = [];
      call.events$.subscribe((outgoing) => events.push(outgoing));
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
    "our own key that comes back from the room is ignored",
    marbles(({ cold, expectObservable, flush }) => {
      const echo = {
        roomId: "!kitchen:example.org",
        sender: "@me:example.org",
        originServerTs: 0,
        content: { keys: [{ index: 0, key: "AQEBAQEBAQEBAQEBAQEBAQ" }], device_id: "PHONE", call_id: "" },
        proof: { deviceId: "PHONE", crossSigned: true },
      };
      const call = scene({ transport: "room-event", members: cold("b", lists), roomKeys: cold("-e", { e: echo }) });
      expectObservable(happening(call), "^---!").toBe("(is)", words);
      flush();
      expect(call.traced("key-received", "key-rejected", "key-early")).toEqual([]);
    }),
  );

  it(
    "a missing key is requested in a message, since a room event cannot express it",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ transport: "room-event", members: cold("b", lists) });
      expectObservable(call.requested$, "^ 6s !").toBe("5s q", { q: "0 > bob" });
      expectObservable(call.installed$, "^ 6s !").toBe("i", words);
    }),
  );
});

describe("both ways", () => {
  it(
    "with both transports, a key goes to each device and once into the room",
    shows({
      transport: "both",
      members: "  c-----------",
      expected: " (ixs)-------",
    }),
  );

  it(
    "with both transports, a failure is retried on the transport that failed",
    shows({
      transport: "both",
      outcome: (name, attempt) => (name === "bob" && attempt < 2 ? "failed" : "sent"),
      roomOutcome: (count) => (count < 3 ? network : "sent"),
      members: "  c-----------------------------",
      expected: " (ixs) 995ms (bs) 1996ms s 99s -",
    }),
  );

  it(
    "with both transports, an unknown device does not repeat the room event",
    shows({
      transport: "both",
      outcome: (name) => (name === "bob" ? "unknown-device" : "sent"),
      members: "  c-----------------------------",
      expected: " (ixs) 995ms b 1999ms b",
      until: "    ^ 4s !",
    }),
  );

  it(
    "with both transports, a device that re-joins gets the key on both again",
    shows({
      transport: "both",
      rotation: { ...rotation, coalesceMs: 9_000 },
      members: "  c 3999ms b 999ms c",
      expected: " (ixs) 4995ms (ys)",
      until: "    ^ 7s !",
    }),
  );

  it(
    "with both transports, a device that re-joins gets a retry of a message that fails",
    shows({
      transport: "both",
      rotation: { ...rotation, coalesceMs: 9_000 },
      outcome: (name, attempt) => (name === "carl" && attempt === 2 ? "failed" : "sent"),
      members: "  c 3999ms b 999ms c",
      expected: " (ixs) 4995ms (ys) 996ms y",
      until: "    ^ 7s !",
    }),
  );
});
