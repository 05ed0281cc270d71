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

describe("A membership event by itself", () => {
  it("claims a membership, in either format, however long ago", () => {
    expect(decodeMembership(stateEvent(stateContent(), { originServerTs: 5 }))).toMatchObject({
      kind: "claim",
      claim: { kind: "state", createdTs: 5, expiresTs: 5 + 4 * hourMs },
    });
    expect(decodeMembership(stickyEvent(stickyContent(), { originServerTs: 5, receivedTs: dayMs }))).toMatchObject({
      kind: "claim",
      claim: { kind: "sticky", createdTs: 5, expiresTs: 5 + hourMs },
    });
  });

  it("says that its sender has left", () => {
    expect(decodeMembership(stateEvent({}))).toEqual({ kind: "left" });
    expect(decodeMembership(stickyEvent(stickyLeave()))).toEqual({ kind: "left" });
  });

  it.each([
    ["device_id", stateEvent(stateContent({ device_id: 1 }))],
    ["slot_id", stickyEvent(stickyContent({ slot_id: 1 }))],
    ["sticky.duration_ms", stickyEvent(stickyContent(), { durationMs: 0 })],
    ["content", stickyEvent({}, { type: "m.room.encrypted", encryption: "undecryptable" })],
  ])("is malformed at %s", (path, event) => expect(decodeMembership(event)).toEqual({ kind: "malformed", path }));
});
