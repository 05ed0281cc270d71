import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRoomEvent, decodeStickyEvent } from "../../src/room/event.ts";
import { runs } from "../support/properties.ts";

const json = {
  type: "t",
  sender: "@alice:example.org",
  event_id: "$1",
  origin_server_ts: 5,
  content: { a: 1 },
  room_id: "!kitchen:example.org",
  unsigned: { age: 3 },
};
const event = { type: "t", sender: "@alice:example.org", eventId: "$1", originServerTs: 5, content: { a: 1 } };

describe("decodeRoomEvent", () => {
  it("returns the fields that all events have, and the state key of a state event", () => {
    expect(decodeRoomEvent(json)).toEqual({ ok: event });
    expect(decodeRoomEvent({ ...json, state_key: "" })).toEqual({ ok: { ...event, stateKey: "" } });
  });

  it.each([
    ["event", null],
    ["event", "text"],
    ["event", [json]],
    ["type", { ...json, type: undefined }],
    ["type", { ...json, type: 1 }],
    ["sender", { ...json, sender: undefined }],
    ["sender", { ...json, sender: "alice" }],
    ["sender", { ...json, sender: "@alice" }],
    ["sender", { ...json, sender: "the user @alice:example.org" }],
    ["sender", { ...json, sender: "@:example.org" }],
    ["event_id", { ...json, event_id: 1 }],
    ["event_id", { ...json, event_id: "" }],
    ["origin_server_ts", { ...json, origin_server_ts: "5" }],
    ["origin_server_ts", { ...json, origin_server_ts: Infinity }],
    ["state_key", { ...json, state_key: null }],
    ["content", { ...json, content: undefined }],
    ["content", { ...json, content: [] }],
  ])("returns the path %s of the first wrong field", (malformed, wrong) => {
    expect(decodeRoomEvent(wrong)).toEqual({ malformed });
    expect(decodeStickyEvent(wrong, { receivedTs: 0 })).toEqual({ malformed });
  });

  it("returns an event or a path and never throws, whatever the input, as does decodeStickyEvent", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ ...mapped(json) }, { requiredKeys: [] })), (any) => {
        for (const { ok: read, malformed } of [decodeRoomEvent(any), decodeStickyEvent(any, { receivedTs: 0 })]) {
          expect(read === undefined).toBe(malformed !== undefined);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  const mapped = (object: object) =>
    Object.fromEntries(
      Object.entries(object).map(([key, value]) => [key, fc.oneof(fc.constant(value), fc.jsonValue())]),
    );
});

describe("decodeStickyEvent", () => {
  const received = { receivedTs: 7 };
  const sticky = { ...event, durationMs: 100, encryption: "cleartext", receivedTs: 7 };

  it.each([
    ["with unstable names", { msc4354_sticky: { duration_ms: 100 }, unsigned: { msc4354_sticky_duration_ttl_ms: 9 } }],
    ["with stable names", { sticky: { duration_ms: 100 }, unsigned: { sticky_duration_ttl_ms: 9 } }],
  ])("reads the times %s", (_, fields) => {
    expect(decodeStickyEvent({ ...json, ...fields }, received)).toEqual({ ok: { ...sticky, ttlMs: 9 } });
  });

  it("adds how the event was received, and leaves its times unchecked", () => {
    const came = { ...received, encryption: "decrypted", senderDeviceId: "PHONE" } as const;
    const wrong = { ...json, msc4354_sticky: { duration_ms: "long" } };
    expect(decodeStickyEvent(wrong, came)).toEqual({ ok: { ...sticky, ...came, durationMs: "long" } });
  });

  it("refuses events that are not sticky, and state events", () => {
    expect(decodeStickyEvent(json, received)).toEqual({ malformed: "msc4354_sticky" });
    const state = { ...json, state_key: "", msc4354_sticky: { duration_ms: 100 } };
    expect(decodeStickyEvent(state, received)).toEqual({ malformed: "state_key" });
  });
});
