import { describe, expect, it } from "vitest";
import { decodeMembership } from "../../src/membership/decode.ts";
import {
  dayMs,
  hourMs,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "../support/contents.ts";

describe("decodeMembership", () => {
  it("returns the claim of an event in either format, however old", () => {
    expect(decodeMembership(stateEvent(stateContent(), { originServerTs: 5 }))).toMatchObject({
      ok: { kind: "state", createdTs: 5, expiresTs: 5 + 4 * hourMs },
    });
    expect(decodeMembership(stickyEvent(stickyContent(), { originServerTs: 5, receivedTs: dayMs }))).toMatchObject({
      ok: { kind: "sticky", createdTs: 5, expiresTs: 5 + hourMs },
    });
  });

  it('returns "left" for a leave event', () => {
    expect(decodeMembership(stateEvent({}))).toEqual({ ok: "left" });
    expect(decodeMembership(stickyEvent(stickyLeave()))).toEqual({ ok: "left" });
  });

  it.each([
    ["device_id", stateEvent(stateContent({ device_id: 1 }))],
    ["slot_id", stickyEvent(stickyContent({ slot_id: 1 }))],
    ["sticky.duration_ms", stickyEvent(stickyContent(), { durationMs: 0 })],
    ["content", stickyEvent({}, { type: "m.room.encrypted", encryption: "undecryptable" })],
  ])("returns the path %s of the first wrong field", (malformed, event) =>
    expect(decodeMembership(event)).toEqual({ malformed }),
  );
});
