// Properties of 10,000 random calls with a ratchet: nobody can decrypt a frame from before its join or after its exposure
// bound, with all that it was ever given and every step that it can derive; everybody in the call can decrypt the present.
// No RxJS and no timers here: the exchange is stepped through time by hand.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Delivery } from "../../src/keys/delivery.ts";
import { Exchange, type ExchangeInput } from "../../src/keys/exchange.ts";
import { maxSteps, nextStep } from "../../src/keys/ratchet.ts";
import { resolveRotation } from "../../src/keys/rotation.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import type { Device } from "../../src/matrix.ts";
import type { Membership } from "../../src/types.ts";
import { keyOf, member, nameOf } from "./scene.ts";

const names = ["ann", "ben", "carl", "dave", "erin", "finn", "gina", "hugo", "iris", "jack", "kate", "liam"];
const endTs = 200_000;
/** Nothing happens to the members any more, so that every retry comes to its end. */
const quietTs = 60_000;

const changes = fc.array(
  fc.record({
    /** A member may join or leave exactly when another one does, and joins come in bursts. */
    ts: fc.oneof(
      fc.integer({ min: 0, max: 60 }).map((second) => second * 1_000),
      fc.integer({ min: 0, max: quietTs }),
    ),
    who: fc.constantFrom(...names),
    /** A swap is a new instance of the device, which counts as a leave and a join. */
    kind: fc.constantFrom("toggle", "toggle", "toggle", "swap", "request"),
  }),
  { minLength: 1, maxLength: 30 },
);
const policies = fc.record({
  useDelayMs: fc.constantFrom(0, 1_000, 5_000),
  coalesceMs: fc.constantFrom(0, 0, 3_000),
  maxCoalesceMs: fc.constantFrom(0, 10_000),
  periodMs: fc.constantFrom(Infinity, Infinity, 20_000),
});
const fates = fc.array(
  fc.record({
    latencyMs: fc.constantFrom(0, 0, 50, 900, 4_000),
    outcome: fc.constantFrom("sent", "sent", "sent", "failed", "unknown-device", "lost-answer"),
  }),
  { maxLength: 20 },
);
/** How many steps each member follows by itself. Bits of a number, so that it shrinks. */
const reaches = fc.integer({ min: 0, max: 2 ** names.length - 1 });

type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;

/** One step of one key. */
interface Step {
  readonly chain: number;
  readonly step: number;
}

/** The keys of each call are the same: 1, 2, 3... So their steps are known. */
const steps = new Map<string, Step>();
for (let chain = 1; chain < 100; chain++) {
  let key: Uint8Array = keyOf(chain);
  for (let step = 0; step <= maxSteps; step++, key = nextStep(key)) steps.set(key.join(), { chain, step });
}
const stepOf = (key: Uint8Array): Step => steps.get(key.join())!;

interface History {
  /** What we encrypted with, and from when on. */
  readonly uses: readonly (Step & { readonly ts: number })[];
  /** All that each member was ever given, and when. */
  readonly given: ReadonlyMap<string, readonly (Step & { readonly ts: number })[]>;
  /** From when to when each member was in the call. */
  readonly stays: ReadonlyMap<string, readonly { readonly fromTs: number; toTs: number }[]>;
  readonly reachOf: (name: string) => number;
}

function play(
  plan: Of<typeof changes>,
  policy: Of<typeof policies>,
  fate: Of<typeof fates>,
  reachBits: number,
): History {
  const uses: (Step & { ts: number })[] = [];
  const given = new Map<string, (Step & { ts: number })[]>();
  const stays = new Map<string, { fromTs: number; toTs: number }[]>();
  const reachOf = (name: string) => ((reachBits >> names.indexOf(name)) & 1 ? maxSteps : 1);
  const left = [...fate];

  let keyCount = 0;
  const newKey = () => keyOf((keyCount += 1));

  const exchange = new Exchange(member("me"), resolveRotation({ ...policy, onJoin: "ratchet", graceMs: 0 }), {
    newKey,
    isInRoom: () => true,
    isRemoved: () => false,
    now: 0,
  });
  const instances = new Map<string, number>();
  const membersNow = (): readonly Membership[] => [
    member("me"),
    ...[...instances].toSorted(([, a], [, b]) => a - b).map(([name, instance]) => member(`${name}${instance}`)),
  ];
  let members = membersNow();
  let instanceCount = 1;
  const events = plan.map((change) => ({ ts: change.ts, run: () => perform(change) }));

  const take = (input: ExchangeInput, now: number) => {
    for (const effect of exchange.step(input, { members, rejections: () => [] }, now)) {
      if (effect.kind === "key" && effect.key.own) uses.push({ ...stepOf(effect.key.key), ts: now });
      if (effect.kind === "send") send(effect.delivery, now);
    }
  };
  const send = (delivery: Delivery, now: number) => {
    // The message is made at once, with the step of this moment.
    const step = stepOf(delivery.key.key);
    for (const device of delivery.devices) {
      const { latencyMs, outcome } = left.shift() ?? { latencyMs: 0, outcome: "sent" as const };
      const answer = () => {
        if (outcome === "sent" || outcome === "lost-answer") give(device, step, now + latencyMs);
        const result = { ...device, outcome: outcome === "lost-answer" ? ("failed" as const) : outcome };
        take({ kind: "delivery", delivery, result }, now + latencyMs);
      };
      events.push({ ts: now + latencyMs, run: answer });
    }
  };
  const give = (device: Device, step: Step, ts: number) => {
    const name = nameOf(device);
    given.set(name, [...(given.get(name) ?? []), { ...step, ts }]);
  };
  const tell = (who: string, wantsKey: boolean, now: number) => {
    const { userId, deviceId, memberId } = member(`${who}${instances.get(who)}`);
    const common = { userId, deviceId, memberId, isSlotUnknown: false, wantsKey, reach: reachOf(who) };
    take(
      {
        kind: "message",
        verification: { verified: { ...common, keyIndex: 0, key: keyOf(200), sentTs: now, receivedTs: now } },
      },
      now,
    );
  };
  const perform = ({ ts, who, kind }: Of<typeof changes>[number]) => {
    const isIn = instances.has(who);
    if (kind === "request") return isIn ? tell(who, true, ts) : undefined;
    if (isIn && kind === "toggle") {
      instances.delete(who);
      stays.get(who)!.at(-1)!.toTs = ts;
    } else {
      instances.set(who, (instanceCount += 1));
      if (!isIn) stays.set(who, [...(stays.get(who) ?? []), { fromTs: ts, toTs: endTs }]);
    }
    members = membersNow();
    take({ kind: "look" }, ts);
    if (instances.has(who)) tell(who, false, ts);
  };

  take({ kind: "start" }, 0);
  take({ kind: "look" }, 0);
  for (;;) {
    const next = events.reduce<(typeof events)[number] | undefined>((a, b) => (a && a.ts <= b.ts ? a : b), undefined);
    const now = Math.min(next?.ts ?? Infinity, exchange.dueTs);
    if (now > endTs) break;
    if (next?.ts === now) {
      events.splice(events.indexOf(next), 1);
      next.run();
    } else take({ kind: "look" }, now);
  }
  return { uses, given, stays, reachOf };
}

/** The earliest step that a member can decrypt with, of each key. */
function opens(given: readonly Step[]): ReadonlyMap<number, number> {
  const first = new Map<number, number>();
  for (const { chain, step } of given) first.set(chain, Math.min(first.get(chain) ?? Infinity, step));
  return first;
}

/** Times at which a member can decrypt frames that were sent while it should not. */
function leaks({ uses, given, stays }: History, boundMs: number): readonly string[] {
  return [...stays].flatMap(([name, spans]) => {
    const first = opens(given.get(name) ?? []);
    return uses.flatMap(({ chain, step, ts }, index) => {
      if (step < (first.get(chain) ?? Infinity)) return [];
      const untilTs = uses[index + 1]?.ts ?? endTs;
      // Outside of each stay and the time that follows it.
      const gaps = spans.map(({ fromTs }, at) => [at === 0 ? -1 : spans[at - 1]!.toTs + boundMs, fromTs] as const);
      gaps.push([spans.at(-1)!.toTs + boundMs, Infinity]);
      return gaps
        .filter(([fromTs, toTs]) => Math.max(ts, fromTs) < Math.min(untilTs, toTs))
        .map(() => `${name} opens step ${step} of key ${chain}, used from ${ts} to ${untilTs}`);
    });
  });
}

it(
  "nobody can decrypt a frame from before its join or after its exposure bound, and everybody in the call follows",
  { timeout: 120_000 },
  () => {
    const seen = { steps: 0, keys: 0, followed: 0, most: 0 };
    fc.assert(
      fc.property(changes, policies, fates, reaches, (plan, policy, fate, reach) => {
        const history = play(plan, policy, fate, reach);
        const bound = rotationCost(
          { ...policy, onJoin: "ratchet" },
          { members: 13, joinsPerHour: 0, leavesPerHour: 0 },
        );
        expect(leaks(history, bound.leaverExposureMs)).toEqual([]);

        const { uses, given, stays, reachOf } = history;
        const present = uses.at(-1)!;
        for (const [name, spans] of stays) {
          if (spans.at(-1)!.toTs < endTs) continue;
          const held = (given.get(name) ?? []).filter(({ chain }) => chain === present.chain).map(({ step }) => step);
          const newest = Math.max(-Infinity, ...held);
          expect(present.step - newest).toBeGreaterThanOrEqual(0);
          expect(present.step - newest).toBeLessThanOrEqual(reachOf(name));
          if (newest < present.step) seen.followed += 1;
        }
        seen.steps += uses.filter(({ step }) => step > 0).length;
        seen.keys += uses.filter(({ step }) => step === 0).length;
        seen.most = Math.max(seen.most, ...uses.map(({ step }) => step));
      }),
      { numRuns: 10_000 },
    );
    // There was something to follow: steps, new keys, members that derived steps, and a key with all its steps.
    for (const count of [seen.steps, seen.keys, seen.followed]) expect(count).toBeGreaterThan(1_000);
    expect(seen.most).toBe(maxSteps);
  },
);
