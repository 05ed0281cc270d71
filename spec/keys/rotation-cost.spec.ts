// What a rotation policy costs, compared with the rotation itself; and which key options are refused. protocol.md 5.1.
import { describe, expect, it } from "vitest";
import { nextRotation, resolveRotation, type RotationPolicy } from "../../src/keys/rotation.ts";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import { RtcError } from "../../src/errors.ts";

const traffic = { members: 100, joinsPerHour: 3600, leavesPerHour: 3600 };

describe("rotationCost", () => {
  it("limits the exposure to the window and the use delay, or to two use delays", () => {
    expect(rotationCost({ coalesceMs: 4000 }, traffic).leaverExposureMs).toBe(5000);
    expect(rotationCost({}, traffic).leaverExposureMs).toBe(2000);
    expect(rotationCost({ participantLimit: 100 }, traffic).leaverExposureMs).toBe(Infinity);
  });

  it("counts one message for each join where no key changes", () => {
    expect(rotationCost({ participantLimit: 100 }, traffic).messagesPerHour).toBe(3600);
    expect(rotationCost({}, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour).toBe(0);
    expect(
      rotationCost({ periodMs: 600_000 }, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour,
    ).toBe(54);
  });

  it("predicts how often random leaves make a new key", () => {
    for (const coalesceMs of [0, 300, 1000, 4000]) {
      const policy = resolveRotation({ coalesceMs });
      const predicted = rotationCost(policy, { members: 100, joinsPerHour: 0, leavesPerHour: 3600 }).rotationsPerHour;
      expect(predicted / simulated(policy)).toBeCloseTo(1, 1);
    }
  });

  it("throws for a policy that makes no sense", () => {
    expect(() => rotationCost({ coalesceMs: -1 }, traffic)).toThrow(RtcError);
  });
});

/** Rotations in an hour with a leave each second on average. */
function simulated(policy: RotationPolicy): number {
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
    const inputs = {
      memberCount: 100,
      createdTs: undefined,
      awaitedSinceTs: undefined,
      exposedSinceTs,
      pendingUntilTs,
    };
    now = nextRotation(policy, inputs)?.dueTs ?? Infinity;
    rotations += 1;
    pendingUntilTs = now + policy.useDelayMs;
    exposedSinceTs = undefined;
    while (leaveTs <= now) leaveTs += -1000 * Math.log(random());
    exposedSinceTs = leaveTs;
  }
  return rotations / 10;
}

describe("resolveKeyOptions", () => {
  it.each([
    ["a negative use delay", { rotation: { useDelayMs: -1 } }],
    ["an endless grace period", { rotation: { graceMs: Infinity } }],
    ["a period of 0 ms", { rotation: { periodMs: 0 } }],
    ["a participant limit of 0", { rotation: { participantLimit: 0 } }],
    ["an unknown format", { format: "m.room_key" as never }],
    ["an unknown transport", { transport: "room" as never }],
    ["room events in a format that they do not have", { transport: "room-event", format: "m.rtc.encryption_key" }],
    ["both transports in a format that one does not have", { transport: "both", format: "m.rtc.encryption_key" }],
    ["a requireCrossSigned that is no boolean", { requireCrossSigned: "yes" as never }],
    ["an enabled that is no boolean", { enabled: "yes" as never }],
  ] as const)("throws for %s", (_, options) => {
    expect(() => resolveKeyOptions(options)).toThrow(RtcError);
  });
});
