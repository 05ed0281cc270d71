// What became of a ring for one target: each fact alone, and which of several counts. protocol.md 7.4.
import { describe, expect, it } from "vitest";
import { outcomeOf, type TargetFacts } from "../../src/ringing/outcome.ts";
import type { LoggedRing } from "../../src/ringing/ring-log.ts";
import type { Ring } from "../../src/ringing/ring-event.ts";

const [bob, carl] = ["@bob:example.org", "@carl:example.org"];
const ring: Ring = {
  form: "invite",
  eventId: "$2",
  type: "m.rtc.invite",
  sender: "@alice:example.org",
  slot: "m.call#ROOM",
  sentTs: 10,
  senderTs: 10,
  lifetimeMs: 90,
  userIds: [bob],
  isForRoom: false,
  alert: "ring",
  intent: undefined,
  memberEventId: undefined,
};
const facts: TargetFacts = {
  userId: bob,
  now: 50,
  endTs: 100,
  joinedTs: undefined,
  hasDeclined: false,
  isCallOver: false,
};
type Fate = Pick<LoggedRing, "revoked" | "supersededBy">;
const valid: Fate = { revoked: undefined, supersededBy: undefined };

describe("A ring", () => {
  it.each<[string, Partial<TargetFacts>, Partial<Fate>, string]>([
    ["rings until its end", { now: 99 }, {}, "ringing"],
    ["has no answer from its end on", { now: 100 }, {}, "no-answer"],
    ["has no answer from its end on, even if the call is over", { now: 100, isCallOver: true }, {}, "no-answer"],
    ["was withdrawn if the call was over before its end", { isCallOver: true }, {}, "withdrawn"],
    ["is answered by a target that was in the call before", { joinedTs: 5 }, {}, "joined"],
    ["is answered by a target that enters the call at its end", { now: 200, joinedTs: 100 }, {}, "joined"],
    ["is not answered by a target that enters the call after it", { now: 200, joinedTs: 101 }, {}, "no-answer"],
    ["is answered by a target that has left the call later", { now: 200, hasLeftLater: true }, {}, "joined"],
    ["is declined", { hasDeclined: true }, {}, "declined"],
    ["is declined, even if it was withdrawn", { hasDeclined: true }, { revoked: "withdrawn" }, "declined"],
    ["is answered, even if it was declined elsewhere", { hasDeclined: true, joinedTs: 20 }, {}, "joined"],
    ["was withdrawn by its sender", {}, { revoked: "withdrawn" }, "withdrawn"],
    ["was withdrawn by a redaction", {}, { revoked: "redacted" }, "withdrawn"],
    ["was superseded by one for the same target", {}, { revoked: "superseded", supersededBy: ring }, "superseded"],
    [
      "was superseded by one for the whole room",
      {},
      { revoked: "superseded", supersededBy: { ...ring, userIds: [], isForRoom: true } },
      "superseded",
    ],
    [
      "was withdrawn by one for others",
      {},
      { revoked: "superseded", supersededBy: { ...ring, userIds: [carl] } },
      "withdrawn",
    ],
    ["was withdrawn, whatever superseded it later", {}, { revoked: "redacted", supersededBy: ring }, "withdrawn"],
    ["rings on if it is not revoked", {}, { supersededBy: ring }, "ringing"],
  ])("%s", (_, changes, fate, outcome) =>
    expect(outcomeOf({ ...valid, ...fate }, { ...facts, ...changes })).toBe(outcome),
  );
});
