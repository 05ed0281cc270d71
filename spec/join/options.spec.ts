import { lastValueFrom, NEVER, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import { checkApplication, checkTransports, type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";

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
    ["a leave reason whose code is not text", { leaveReason: { code: 1 } }, /leaveReason needs a code/],
    ["a member id without a letter", { memberId: "" }, /memberId must be a string/],
    ["a member id that is not text", { memberId: 5 }, /memberId must be a string/],
    ["an unknown generation", { generation: "future" }, /generation future is not known/],
    ["a generation that every object has", { generation: "toString" }, /generation toString is not known/],
    ["the stable generation in another mode", { generation: "stable" }, /stable needs the mode matrix_2_0/],
    ["media keys", { keys: { enabled: true } }, /keys need encryptedSession/],
    ["media keys without a word about them", { keys: {} }, /keys need encryptedSession/],
    ["one transport among others that is nothing", { transports: [{ type: "livekit" }, null] }, /with a type/],
    ["one transport among others without a type", { transports: [{ type: "livekit" }, {}] }, /with a type/],
    [
      "a transport of the other generation",
      { transports: [{ type: "livekit" }, { type: "m.livekit" }] },
      /m\.livekit does not go with the generation deployed/,
    ],
    [
      "a transport of the other generation, in the stable one",
      { mode: "matrix_2_0", generation: "stable", transports: [{ type: "livekit" }] },
      /livekit does not go with the generation stable/,
    ],
    [
      "restarts exactly as rare as the delay",
      { timing: { delayedLeaveMs: 5_000, delayedLeaveRestartMs: 5_000 } },
      /delayedLeaveRestartMs must be shorter than timing\.delayedLeaveMs/,
    ],
    ["an openSlot that is not a boolean", { openSlot: "yes" }, /openSlot/],
  ])("are refused at once: %s", (_, options, message) => {
    expect(wrong(options)).toThrow(message);
    expect(wrong(options)).toThrow(RtcError);
    expect(wrong(options)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });

  it.each<[string, JoinOptions]>([
    ["a delegate", { delegate: () => NEVER }],
    ["a stream of applications, which is checked later", { application: NEVER }],
    ["a stream of transports, which is checked later", { transports: NEVER }],
    ["a stream of intents", { intent: NEVER }],
    ["a stream of leave reasons", { leaveReason: NEVER }],
    ["a leave reason", { leaveReason: { code: "leave" } }],
    ["a member id", { memberId: "me" }],
    ["no media keys", { keys: { enabled: false } }],
    ["an intent in the application alone", { application: { type: "m.call", "m.call.intent": "video" } }],
    ["an intent beside an application without one", { application: { type: "m.call" }, intent: "video" }],
    ["the mode of old clients", { mode: "legacy" }],
    [
      "the stable generation with its transports",
      { mode: "matrix_2_0", generation: "stable", transports: [{ type: "m.livekit" }] },
    ],
  ])("may have %s", (_, options) => {
    expect(() => resolveJoinOptions(call.slot, options)).not.toThrow();
  });

  it.each([
    ["legacy", "state"],
    ["compatibility", "state"],
    ["matrix_2_0", "sticky"],
  ] as const)("in the mode %s write a %s membership", (mode, kind) => {
    expect(resolveJoinOptions(call.slot, { mode })).toMatchObject({ mode, kind });
  });
});

describe("A later value of an option", () => {
  it.each<[string, unknown]>([
    ["nothing", null],
    ["undefined", undefined],
    ["text", "m.call"],
    ["of another type", { type: "org.example.game" }],
  ])("is refused if it is an application that is %s", (_, application) => {
    const check = () => checkApplication(application as never, "m.call");
    expect(check).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });

  it.each<[string, unknown]>([
    ["nothing", null],
    ["no array", { type: "livekit" }],
    ["an array of nothing", [undefined]],
  ])("is refused if it is a list of transports that is %s", (_, transports) => {
    const check = () => checkTransports(transports as never, "deployed");
    expect(check).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
