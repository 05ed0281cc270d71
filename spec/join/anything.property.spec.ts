// Anything: with any answers of the server and any acts of the user, the server's view of us is true in the end.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../support/properties.ts";
import { endpoints, faults, happenings, modes, type Story, troubleMs, World } from "./world.ts";

const delayMs = 18_000;
/** Two ways to the server, and two syncs. */
const headroomMs = 10;

const troubleTs = fc.integer({ min: 0, max: troubleMs });
const story: fc.Arbitrary<Story> = fc.record({
  mode: modes,
  delegate: fc.constantFrom(undefined, "refuses", "is silent"),
  troubles: fc.array(
    fc.record({
      ts: troubleTs,
      request: fc.constantFrom(...endpoints),
      fault: faults(),
      times: fc.integer({ min: 1, max: 5 }),
    }),
    { maxLength: 8 },
  ),
  happenings: fc.array(fc.record({ ts: troubleTs, what: fc.constantFrom(...happenings) }), { maxLength: 5 }),
  ending: fc.record({
    how: fc.constantFrom("stays", "leaveOn", "unsubscribes", "is killed"),
    ts: fc.integer({ min: 0, max: troubleMs * 2 }),
  }),
});

const check = (property: (world: World, story: Story) => void, like: Partial<Story["ending"]> = {}) =>
  fc.assert(
    fc.property(story, (any) => {
      const changed = { ...any, ending: { ...any.ending, ...like } };
      property(new World(changed), changed);
    }),
    { numRuns: runs(40) },
  );

describe("A join, with any answers of the server and any acts of the user,", () => {
  it("is shown once if the user stays: as the member of its state, with a delayed leave unless its state is `unsupported`", () => {
    check(
      ({ end, healed }) => {
        if (end) return;
        const state = healed?.state;
        expect(state?.status).toBe("joined");
        expect(healed?.entries.map(({ memberId }) => memberId)).toEqual([state?.member.memberId]);
        if (state?.status !== "joined" || state.delayedLeave.status === "unsupported") return;
        expect(healed?.leaveDueTs).toBeLessThan(Infinity);
      },
      { how: "stays" },
    );
  });

  it("is not shown after it has completed", () => {
    check(
      (world) => {
        const { end, snapshots } = world;
        if (end?.how !== "completed") return;
        const later = snapshots.filter(({ ts }) => ts > end.ts + headroomMs);
        expect([world.seenAt(end.ts + headroomMs), ...later.map(({ entries }) => entries)].flat()).toEqual([]);
      },
      { how: "leaveOn" },
    );
  });

  it.each(["is killed", "unsubscribes"] as const)(
    "is not shown after its delayed leave is due, if the device %s",
    (how) => {
      check(
        (world, { happenings: acts = [] }) => {
          const { cut, end } = world;
          if (!cut || cut.leaveDueTs > cut.ts + delayMs || (end && end.ts < cut.ts)) return;
          // Without a delayed leave of this member, it stays until it expires.
          if (cut.state?.status === "joined" && cut.state.delayedLeave.status === "unsupported") return;
          if (acts.some(({ ts, what }) => what === "delayed leave lost" && ts >= cut.ts)) return;
          // An earlier instance whose delayed leave was lost stays until it expires, too.
          const present = cut.state?.member.memberId;
          const seen = world.seenAt(Math.max(cut.ts, troubleMs) + delayMs + headroomMs);
          expect(seen.filter(({ memberId }) => memberId === present)).toEqual([]);
        },
        { how },
      );
    },
  );

  it("leaves no ghost at the end of time", () => {
    check(({ snapshots }) => expect(snapshots.at(-1)?.entries).toEqual([]));
  });
});
