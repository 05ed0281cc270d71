// What a rotation policy costs, compared with the rotation itself; and which key options are refused. protocol.md 5.1.
import { describe, expect, it } from "vitest";
import {
  type Collecting,
  collectMsAt,
  nextCollecting,
  nextRotation,
  resolveRotation,
  type RotationPolicy,
} from "../../src/keys/rotation.ts";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import { RtcError } from "../../src/errors.ts";

const traffic = { members: 100, joinsPerHour: 3600, leavesPerHour: 3600 };

describe("rotationCost", () => {
  it("limits the exposure to the time to collect and the use delay, or to two use delays", () => {
    const single = (policy: Partial<RotationPolicy>) => rotationCost(policy, traffic).singleLeaverExposureMs;
    expect([single({ coalesceMs: 4000 }), single({})]).toEqual([5000, 2000]);
    const longest = (policy: Partial<RotationPolicy>) => rotationCost(policy, traffic).leaverExposureMs;
    expect([longest({ coalesceMs: 4000 }), longest({}), longest({ maxCoalesceMs: 0 })]).toEqual([11_000, 11_000, 2000]);
    expect([longest({ participantLimit: 100 }), single({ participantLimit: 100 })]).toEqual([Infinity, Infinity]);
  });

  it("counts one message for each join where no key changes", () => {
    expect(rotationCost({ participantLimit: 100 }, traffic).messagesPerHour).toBe(3600);
    expect(rotationCost({}, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour).toBe(0);
    expect(
      rotationCost({ periodMs: 600_000 }, { members: 10, joinsPerHour: 0, leavesPerHour: 0 }).messagesPerHour,
    ).toBe(54);
  });

  it("counts a new key for each join that comes after the grace period, and a second message to joiners during a rotation", () => {
    // A join every 10 s on average, and a grace period of 10 s: every second join makes a new key for 9 others. It is
    // rolled out for 1 s of each 20 s, in which a joiner gets two keys.
    const cost = rotationCost({}, { members: 10, joinsPerHour: 360, leavesPerHour: 0 });
    expect(cost.rotationsPerHour).toBe(180);
    expect(cost.messagesPerHour).toBeCloseTo(180 * 9 + 360 * 1.05, 6);
  });

  it("counts the keys of age beside those that a ratchet makes, which begin its steps again", () => {
    const joins = { members: 8, joinsPerHour: 120, leavesPerHour: 0 };
    const cost = rotationCost({ onJoin: "ratchet", periodMs: 60_000 }, joins);
    // Two of three changes are joins: nine of them in a row make a new key.
    const share = (120 / 180) ** 9;
    expect(cost.rotationsPerHour).toBeCloseTo(60 + (60 * share) / (1 - share), 6);
  });

  it.each([0, 300, 1000, 4000])("predicts how often random leaves make a new key (coalesceMs %d)", (coalesceMs) => {
    for (const [maxCoalesceMs, leavesPerHour] of [
      [0, 3600],
      [10_000, 3600],
      [10_000, 60],
    ] as const) {
      const policy = resolveRotation({ coalesceMs, maxCoalesceMs });
      const predicted = rotationCost(policy, { members: 100, joinsPerHour: 0, leavesPerHour }).rotationsPerHour;
      expect(predicted / simulated(policy, leavesPerHour)).toBeCloseTo(1, 1);
    }
  });

  it("with a ratchet, a joiner opens nothing of the past, waits for nothing, and costs one message until the ninth", () => {
    const joins = { members: 8, joinsPerHour: 120, leavesPerHour: 0 };
    const cost = rotationCost({ onJoin: "ratchet" }, joins);
    expect(cost).toMatchObject({ joinerReachMs: 0, joinerWaitMs: 0 });
    expect(cost.rotationsPerHour).toBeCloseTo(120 / 9);
    expect(cost.messagesPerHour / rotationCost({}, joins).messagesPerHour).toBeLessThan(0.3);
    expect(rotationCost({ onJoin: "ratchet", participantLimit: 8 }, joins)).toMatchObject({ joinerReachMs: Infinity });
  });

  it.each([0, 60, 600])(
    "predicts how often joins use up a ratchet while %d leaves an hour make new keys",
    (leavesPerHour) => {
      const policy = { onJoin: "ratchet", maxCoalesceMs: 0, useDelayMs: 0 } as const;
      const predicted = rotationCost(policy, { members: 100, joinsPerHour: 600, leavesPerHour }).rotationsPerHour;
      let seed = 7;
      const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
      let rotations = 0;
      for (let change = 0, steps = 0; change < 200_000; change++) {
        const isLeave = random() < leavesPerHour / (600 + leavesPerHour);
        steps = isLeave || steps === 8 ? 0 : steps + 1;
        if (steps === 0) rotations += 1;
      }
      expect(predicted / (rotations / (200_000 / (600 + leavesPerHour)))).toBeCloseTo(1, 1);
    },
  );

  it("throws for a policy that makes no sense", () => {
    expect(() => rotationCost({ coalesceMs: -1 }, traffic)).toThrow(RtcError);
  });
});

/** Rotations in an hour of random leaves. */
function simulated(policy: RotationPolicy, leavesPerHour: number): number {
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const nextGapMs = () => (-3_600_000 / leavesPerHour) * Math.log(random());
  let collecting: Collecting = { ms: 0, ts: -Infinity };
  let rotations = 0;
  let pendingUntilTs: number | undefined;
  let leaveTs = nextGapMs();
  for (let now = 0; now < 100 * 3_600_000; ) {
    const inputs = { userCount: 100, createdTs: undefined, awaitedSinceTs: undefined, removedSinceTs: undefined };
    const exposedSinceTs = leaveTs;
    const collectMs = collectMsAt(collecting, exposedSinceTs);
    now = nextRotation(policy, { ...inputs, exposedSinceTs, collectMs, pendingUntilTs })?.dueTs ?? Infinity;
    collecting = nextCollecting(policy, collecting, exposedSinceTs, now);
    rotations += 1;
    pendingUntilTs = now + policy.useDelayMs;
    while (leaveTs <= now) leaveTs += nextGapMs();
  }
  return rotations / 100;
}

describe("resolveKeyOptions", () => {
  it.each([
    ["a negative use delay", { rotation: { useDelayMs: -1 } }],
    ["an endless grace period", { rotation: { graceMs: Infinity } }],
    ["an endless time to collect", { rotation: { maxCoalesceMs: Infinity } }],
    ["a period of 0 ms", { rotation: { periodMs: 0 } }],
    ["a participant limit of 0", { rotation: { participantLimit: 0 } }],
    ["an unknown effect of a join", { rotation: { onJoin: "nothing" as never } }],
    [
      "a ratchet in room events, whose receivers of that time take 16 bytes",
      { transport: "room-event", rotation: { onJoin: "ratchet" } },
    ],
    ["a ratchet in room events as well", { transport: "both", rotation: { onJoin: "ratchet" } }],
    ["an unknown format", { format: "m.room_key" as never }],
    ["an unknown transport", { transport: "room" as never }],
    ["room events in a format that they do not have", { transport: "room-event", format: "m.rtc.encryption_key" }],
    ["both transports in a format that one does not have", { transport: "both", format: "m.rtc.encryption_key" }],
    ["a requireCrossSigned that is no boolean", { requireCrossSigned: "yes" as never }],
    ["an enabled that is no boolean", { enabled: "yes" as never }],
  ] as const)("throws for %s", (_, options) => {
    expect(() => resolveKeyOptions(options)).toThrow(RtcError);
  });

  it.each([
    ["a key format with messages to devices", { format: "m.rtc.encryption_key" }],
    ["room events with a format that they have", { format: "io.element.call.encryption_keys", transport: "both" }],
    ["keys in any room", { enabled: true }],
    ["a proof for each device", { requireCrossSigned: true, transport: "to-device" }],
  ] as const)("accepts %s", (_, options) => {
    expect(resolveKeyOptions(options)).toMatchObject(options);
  });
});
