// Set clocks: a wall clock that is set during a call, at any moment and by any amount, delays nothing, and no key is used early.
import fc from "fast-check";
import { asyncScheduler } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../src/port/index.ts";
import { play, runOn } from "../src/testing/index.ts";
import { marbles } from "./support/marbles.ts";
import { runs } from "./support/properties.ts";

const dayMs = 86_400_000;
/** All clocks begin here, so that one can be set back by a day: virtual time begins at 0. */
const beginsTs = dayMs;
/** Where the call ends. It is long enough for a renewal of the membership. */
const callMs = 420_000;
const useDelayMs = 5_000;
/** A clock that is set back by less than this may go unnoticed, so this much can be lost. */
const lostMs = 250;

/** The clock of Bob is set. */
interface Setting {
  readonly ts: number;
  readonly byMs: number;
}

/** What Bob does, each with its time: a request, or an entry of the trace. */
type Act = readonly [what: string, ts: number];

/**
 * What Bob does in a call. Alice and Carl are in it, Carl leaves, and others come: new keys. Requests of Bob fail now and
 * then, he loses a delayed leave, and he renews his membership.
 */
function bobIn(settings: readonly Setting[], expiryMs = 600_000): readonly Act[] {
  const acts: Act[] = [];
  const lines = {
    alice: "j 10m l",
    bob: "  1s j 10m l",
    carl: " 2s j 20s l 25s j 3m l",
    dora: " 62s j 70s l 120s j",
    eve: "  10s j 5s l",
  };
  marbles((m) => {
    const join = { timing: { expiryMs }, keys: { rotation: { useDelayMs } } };
    const { home, bob, alice, carl, dora, eve } = play(m, lines, { join, home: { clockAheadMs: beginsTs } });
    for (const { device } of [alice, bob, carl, dora, eve]) device.setClock(beginsTs);
    const of = { userId: bob.device.userId };
    const failing = { fail: new MatrixError("network", "unreachable") };
    for (const ts of [7_000, 40_000, 61_000, 200_000, 301_000])
      asyncScheduler.schedule(() => home.injectFault(of, { ...failing, forMs: 4_000 }), ts);
    asyncScheduler.schedule(() => home.loseDelayed(bob.device.userId), 100_000);
    for (const { ts, byMs } of settings)
      asyncScheduler.schedule(() => {
        const aheadMs = Math.max(bob.device.clockAheadMs + byMs, -asyncScheduler.now());
        bob.device.setClock(aheadMs);
      }, ts);
    bob.session.trace$.pipe(runOn(bob.device)).subscribe(({ kind, ...entry }) => {
      const index = "keyIndex" in entry ? ` ${entry.keyIndex}` : "";
      if (kind !== "clocks-disagree") acts.push([`${kind}${index}`, asyncScheduler.now()]);
    });
    asyncScheduler.schedule(() => {
      const ofBob = home.requests.filter(({ userId }) => userId === bob.device.userId);
      acts.push(...ofBob.map(({ request, ts }): Act => [request, ts]));
    }, callMs);
  })();
  return acts.filter(([, ts]) => ts < callMs);
}

const times = (acts: readonly Act[], what: string): readonly number[] =>
  acts.filter(([act]) => act === what).map(([, ts]) => ts);

const moments = fc.integer({ min: 1_000, max: callMs });
const set = (byMs: fc.Arbitrary<number>) => fc.array(fc.record({ ts: moments, byMs }), { minLength: 1, maxLength: 3 });
const amounts = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 60_000 }), fc.constant(3_600_000));

describe("A wall clock that is set during a call", () => {
  const undisturbed = bobIn([]);

  it("is one of a call in which all of this happens: retries, restarts, another delayed leave, a renewal, new keys", () => {
    const count = (what: string) => times(undisturbed, what).length;
    expect(count("request-failed")).toBeGreaterThan(4);
    expect(count("restart")).toBeGreaterThan(50);
    expect(count("schedule")).toBeGreaterThan(1);
    expect(times(undisturbed, "membership-sent").some((ts) => ts > 250_000)).toBe(true);
    expect(undisturbed.filter(([what]) => what.startsWith("key-used")).length).toBeGreaterThan(5);
  });

  it("back: each thing is done as if it had not been set, and no later than 250 ms after that", () => {
    const back = set(amounts.map((ms) => -ms));
    fc.assert(
      fc.property(back, (settings) => {
        const acts = bobIn(settings);
        const whats = new Set([...acts, ...undisturbed].map(([what]) => what));
        for (const what of whats) {
          const [actual, expected] = [times(acts, what), times(undisturbed, what)];
          expect([what, actual.length]).toEqual([what, expected.length]);
          const lateMs = actual.map((ts, nth) => ts - (expected[nth] ?? NaN));
          expect([what, lateMs.filter((ms) => ms < 0 || ms > lostMs)]).toEqual([what, []]);
        }
      }),
      { numRuns: runs(40) },
    );
  });

  it("forward: no key is used before its use delay is over, and no restart is late", () => {
    fc.assert(
      fc.property(set(amounts), (settings) => {
        // No member may expire meanwhile.
        const acts = bobIn(settings, 5 * 3_600_000);
        for (let index = 1; index < 12; index += 1) {
          const createdTs = times(acts, `key-created ${index}`);
          const usedTs = times(acts, `key-used ${index}`);
          expect(usedTs.map((ts, nth) => ts - (createdTs[nth] ?? NaN))).toEqual(usedTs.map(() => useDelayMs));
        }
        const restarts = times(acts, "restart");
        const gaps = restarts.slice(1).map((ts, nth) => ts - (restarts[nth] ?? 0));
        expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000 + lostMs);
      }),
      { numRuns: runs(40) },
    );
  });
});
