// No silent death: whatever requests answer for minutes, a join is in the call, or has failed, or says what it waits for.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../support/properties.ts";
import { endpoints, everyRefusal, faults, modes, type Story, troubleMs, World } from "./world.ts";

const staying = { how: "stays", ts: 0 } as const;
const always = 100_000;
const untilMs = fc.constant(troubleMs + 70_000);
const before = fc.constantFrom(undefined, "hung up" as const, "closed" as const);

/** Trouble of one endpoint alone, for minutes, from before the join or from the midst of the call. */
const lasting = (requests: readonly (typeof endpoints)[number][]): fc.Arbitrary<Story> =>
  fc.record({
    mode: modes,
    troubles: fc
      .record({
        ts: fc.constantFrom(0, 3, 5, 10_000),
        request: fc.constantFrom(...requests),
        fault: faults(everyRefusal),
        times: fc.constant(always),
      })
      .map((trouble) => [trouble]),
    before,
    untilMs,
    ending: fc.constant(staying),
  });

/** Trouble of several endpoints, for moments and for minutes. */
const mixed: fc.Arbitrary<Story> = fc.record({
  mode: modes,
  troubles: fc.array(
    fc.record({
      ts: fc.integer({ min: 0, max: troubleMs }),
      request: fc.constantFrom(...endpoints),
      fault: faults(everyRefusal),
      times: fc.constantFrom(1, 2, 5, always),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  latencyMs: fc.constantFrom(1, 400, 2_200, 5_100),
  before,
  untilMs,
  ending: fc.constant(staying),
});

const check = (stories: fc.Arbitrary<Story>, property: (world: World) => void, usualRuns = 60) =>
  fc.assert(
    fc.property(stories, (story) => property(new World(story))),
    { numRuns: runs(usualRuns) },
  );

/** A minute after the last trouble: in the call as the member of its state, or ended by an error that has a code. */
function expectWell({ end, calm }: World): void {
  if (end) {
    expect(end.how).toMatch(/^[a-z]+(-[a-z]+)*$/);
    return;
  }
  const state = calm?.state;
  expect(state).toMatchObject({ status: "joined", probablyLeft: false });
  expect(calm?.entries.map(({ memberId }) => memberId)).toEqual([state?.member.memberId]);
}

describe("A join, with any trouble of its requests,", () => {
  it("is in the call or has failed within a minute after the trouble of one endpoint has ended", () => {
    check(lasting(endpoints), expectWell);
  });

  it("is in the call or has failed within a minute after the trouble of several endpoints has ended", () => {
    check(mixed, expectWell);
  });

  it("says at each moment what it does and, between two tries, when the next one begins", () => {
    check(mixed, ({ snapshots }) => {
      for (const { ts, state } of snapshots) {
        if (state?.status !== "joining" && state?.status !== "rejoining") continue;
        expect(state.step).not.toBe("");
        if (state.nextTryTs !== undefined) expect(state.nextTryTs).toBeLessThanOrEqual(ts + 60_000);
      }
    });
  });

  it("is never out of the call for longer than five seconds while scheduling and writing work", () => {
    const useful = ["restart", "send-delayed", "cancel", "delayed-events"] as const;
    const isShort = (world: World) => void expect(world.longestAbsenceMs).toBeLessThanOrEqual(5_000);
    check(lasting(useful), isShort, 150);
  });
});
