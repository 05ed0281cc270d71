// What a policy costs, held against the rotation itself. protocol.md 5.1.
import { describe, expect, it } from "vitest";
import { nextRotation } from "../../src/keys/rotation.ts";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import { RtcError } from "../../src/errors.ts";

const traffic = { members: 100, joinsPerHour: 3600, leavesPerHour: 3600 };

describe("rotationCost", () => {
  it("bounds the exposure by the window and the use delay, or by two roll-outs", () => {
    expect(rotationCost({ coalesceMs: 4000 }, traffic).leaverExposureMs).toBe(5000);
    expect(rotationCost({}, traffic).leaverExposureMs).toBe(2000);
    expect(rotationCost({ participantLimit: 100 }, traffic).leaverExposureMs).toBe(Infinity);
  });

  it("costs nothing but the joins where nothing rotates", () => {
    expect(rotationCost({ participantLimit: 100 }, traffic).messagesPerHour).toBe(3600);
    expect(rotationCost({}, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour).toBe(0);
    expect(
      rotationCost({ periodMs: 600_000 }, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour,
    ).toBe(54);
  });

  it("predicts how often leaves at random make a new key", () => {
    for (const coalesceMs of [0, 300, 1000, 4000]) {
      const policy = resolveKeyOptions({ rotation: { coalesceMs } }).rotation;
      const predicted = rotationCost(policy, { members: 100, joinsPerHour: 0, leavesPerHour: 3600 }).rotationsPerHour;
      expect(predicted / simulated(policy)).toBeCloseTo(1, 1);
    }
  });

  it("refuses a policy that makes no sense", () => {
    expect(() => rotationCost({ coalesceMs: -1 }, traffic)).toThrow(RtcError);
  });
});

/** Rotations in an hour with a leave each second on average. */
function simulated(policy: ReturnType<typeof resolveKeyOptions>["rotation"]): number {
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let rotations = 0;
  let pendingUntilTs: number | undefined;
  let exposedSinceTs: number | undefined;
  let leaveTs = 0;
  for (let now = 0; now < 36_000_000; ) {
    if (exposedSinceTs === undefined) {
      leaveTs += -1000 * Math.log(random());
      exposedSinceTs = leaveTs;
    }
    const facts = { memberCount: 100, createdTs: undefined, awaitedSinceTs: undefined, exposedSinceTs, pendingUntilTs };
    now = nextRotation(policy, facts)?.dueTs ?? Infinity;
    rotations += 1;
    pendingUntilTs = now + policy.useDelayMs;
    exposedSinceTs = undefined;
    while (leaveTs <= now) leaveTs += -1000 * Math.log(random());
    exposedSinceTs = leaveTs;
  }
  return rotations / 10;
}

describe("the options of keys", () => {
  for (const [title, options] of [
    ["a negative use delay", { rotation: { useDelayMs: -1 } }],
    ["an endless grace", { rotation: { graceMs: Infinity } }],
    ["a period of nothing", { rotation: { periodMs: 0 } }],
    ["a limit below ourselves", { rotation: { participantLimit: 0 } }],
    ["an unknown format", { format: "m.room_key" as never }],
    ["an unknown way to travel", { keyTransport: "room" as never }],
    ["room events of a format that they have not", { keyTransport: "room-event", format: "m.rtc.encryption_key" }],
    ["both ways and a format that one has not", { keyTransport: "both", format: "m.rtc.encryption_key" }],
    ["no Observable", { decryption$: [] as never }],
  ] as const) {
    it(`are refused with ${title}`, () => expect(() => resolveKeyOptions(options)).toThrow(RtcError));
  }
});
