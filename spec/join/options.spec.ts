import { lastValueFrom, NEVER, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import { type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";

const call = { slot: "m.call#ROOM" };
const wrong = (options: object) => () => resolveJoinOptions(call.slot, options as JoinOptions);

describe("The options of a join", () => {
  it("have defaults (protocol.md 4.1)", async () => {
    const options = resolveJoinOptions(call.slot);
    expect(options).toMatchObject({
      mode: "compatibility",
      kind: "state",
      openSlot: false,
      timing: {
        delayedLeaveMs: 18_000,
        delayedLeaveRestartMs: 5_000,
        delayedLeaveRestartTimeoutMs: 2_000,
        expiryMs: 14_400_000,
        networkRetryMs: 3_000,
        rateLimitRetryMs: 5_000,
        maxRetries: 10,
      },
    });
    expect(await lastValueFrom(options.application$)).toEqual({ type: "m.call" });
    expect(await lastValueFrom(options.transports$)).toEqual([]);
  });

  it("use the default for undefined", () => {
    expect(resolveJoinOptions(call.slot, { mode: undefined, timing: { expiryMs: undefined } })).toMatchObject({
      mode: "compatibility",
      timing: { expiryMs: 14_400_000 },
    });
  });

  it("may be values or streams of values", async () => {
    const options = resolveJoinOptions(call.slot, {
      intent: of("audio"),
      transports: [{ type: "livekit" }],
      leaveOn: NEVER,
    });
    expect(await lastValueFrom(options.intent$)).toBe("audio");
    expect(await lastValueFrom(options.transports$)).toEqual([{ type: "livekit" }]);
  });

  it("may name the stable generation and a member id in matrix_2_0", () => {
    const options = { mode: "matrix_2_0", generation: "stable", memberId: "page-1" } as const;
    expect(resolveJoinOptions(call.slot, options)).toMatchObject({ ...options, kind: "sticky" });
  });

  it.each<[string, object, RegExp]>([
    ["an unknown mode", { mode: "modern" }, /mode modern/],
    ["a duration that is not a number", { timing: { expiryMs: Number.NaN } }, /timing\.expiryMs/],
    ["a negative duration", { timing: { leaveTimeoutMs: -1 } }, /timing\.leaveTimeoutMs/],
    ["a duration as text", { timing: { networkRetryMs: "3s" } }, /timing\.networkRetryMs/],
    [
      "a fraction of a retry",
      { timing: { maxRetries: 1.5 } },
      /timing\.maxRetries must be a whole number from 0 to 1,000/,
    ],
    ["a headroom as long as the renewal", { timing: { expiryMs: 3_600_000, expiryHeadroomMs: 3_600_000 } }, /shorter/],
    [
      "a delay of nothing",
      { timing: { delayedLeaveMs: 0 } },
      /delayedLeaveMs must be a number of milliseconds from 2,000/,
    ],
    ["renewals without a pause", { timing: { expiryMs: 2_000 } }, /expiryMs .* from 60,000/],
    [
      "renewals without a pause on servers without delayed events",
      { timing: { unprotectedExpiryMs: 2_000 } },
      /unprotectedExpiryMs .* from 60,000/,
    ],
    ["an endless delay", { timing: { delayedLeaveMs: Infinity } }, /from 2,000 to 8,640,000,000/],
    ["a leave that takes for ever", { timing: { leaveTimeoutMs: 3_600_000 } }, /leaveTimeoutMs .* from 100 to 30,000/],
    ["a busy loop of retries", { timing: { networkRetryMs: 1 } }, /networkRetryMs .* from 100 to 600,000/],
    ["more than all of a wait at random", { timing: { jitter: 2 } }, /jitter must be a number from 0 to 1/],
    ["restarts rarer than the delay", { timing: { delayedLeaveMs: 5_000 } }, /delayedLeaveRestartMs must be shorter/],
    ["the same when delegated", { timing: { delegatedLeaveMs: 60_000 } }, /delegatedLeaveRestartMs must be shorter/],
    ["a headroom beyond the expiry", { timing: { expiryMs: 60_000 } }, /expiryHeadroomMs must be shorter/],
    ["a leaveOn that is not a stream", { leaveOn: Promise.resolve() }, /leaveOn/],
    ["a delegate that is not a function", { delegate: true }, /delegate/],
    [
      "an application of another slot",
      { application: { type: "org.example.game" } },
      /application\.type must be m\.call/,
    ],
    ["an application that is not an object", { application: "m.call" }, /application/],
    ["an intent given twice", { intent: "audio", application: { type: "m.call", "m.call.intent": "video" } }, /twice/],
    ["an intent that is not a string", { intent: 1 }, /intent/],
    ["transports without a type", { transports: [{}] }, /transports/],
    ["transports that are not an array", { transports: { type: "livekit" } }, /transports/],
    ["a leave reason without a code", { leaveReason: { reason: "lunch" } }, /leaveReason/],
    ["an openSlot that is not a boolean", { openSlot: "yes" }, /openSlot/],
    ["an unknown generation", { generation: "old" }, /generation old/],
    ["the stable generation in a state mode", { generation: "stable", mode: "compatibility" }, /matrix_2_0/],
    ["a member id of another type", { memberId: 7 }, /memberId/],
    ["an empty member id", { memberId: "" }, /memberId/],
  ])("are refused at once: %s", (_, options, message) => {
    expect(wrong(options)).toThrow(message);
    expect(wrong(options)).toThrow(RtcError);
    expect(wrong(options)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
