// Anything: with any answers of the server and any acts of the user, the server's view of us is true in the end.
import fc from "fast-check";
import { asyncScheduler, NEVER, Subject, throwError, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import type { JoinMode } from "../../src/join/options.ts";
import type { JoinState } from "../../src/join/state.ts";
import { MatrixError } from "../../src/matrix.ts";
import type { Membership } from "../../src/types.ts";
import type { Fault, VirtualRequest } from "../../src/testing/index.ts";
import { runs } from "../support/properties.ts";
import { alice, bob, memberType, scene } from "./scene.ts";

const delayMs = 18_000;
/** Things go wrong until this time, and never later. */
const troubleMs = 120_000;
/** After this time without trouble everything was tried again: the longest wait is ten minutes. */
const healMs = 700_000;
/** Two ways to the server, and two syncs. */
const headroomMs = 10;

const kinds = ["not-found", "conflict", "forbidden", "rate-limited", "network", "timeout", "other"] as const;
const fail = fc.constantFrom(...kinds).map((kind) => new MatrixError(kind, kind));
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ fail }),
  fc.record({ fail, lose: fc.constant("response" as const) }),
  fc.constantFrom<Fault>({ lose: "request" }, { lose: "response" }),
  fc.integer({ min: 1, max: 30_000 }).map((lateMs) => ({ lateMs })),
);
const requests = ["send", "schedule", "restart", "send-delayed", "cancel", "delayed-events"] as const;

const refusal = fc.record({
  ts: fc.integer({ min: 0, max: troubleMs }),
  request: fc.constantFrom<VirtualRequest["request"]>(...requests),
  fault,
  times: fc.integer({ min: 1, max: 5 }),
});
const happening = fc.record({
  ts: fc.integer({ min: 0, max: troubleMs }),
  what: fc.constantFrom("delayed leave lost", "overwritten", "offline", "online", "down", "up", "new intent"),
});
const ending = fc.record({
  how: fc.constantFrom("stays", "leaveOn", "unsubscribes", "is killed"),
  ts: fc.integer({ min: 0, max: troubleMs * 2 }),
});
const story = fc.record({
  mode: fc.constantFrom<JoinMode>("legacy", "compatibility", "matrix_2_0"),
  delegate: fc.constantFrom(undefined, "refuses", "is silent"),
  refusals: fc.array(refusal, { maxLength: 8 }),
  happenings: fc.array(happening, { maxLength: 5 }),
  ending,
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

interface View {
  readonly ts: number;
  /** Alice's entries, as Bob sees them. */
  readonly entries: readonly Membership[];
  /** When the server will send the first delayed leave of hers that it holds; one that was handed over is an hour away. */
  readonly leaveDueTs: number;
  readonly state: JoinState | undefined;
}

interface Outcome {
  /** When and how the stream ended by itself. */
  readonly end: (View & { readonly completed: boolean }) | undefined;
  /** When the user unsubscribed or died. */
  readonly cut: View | undefined;
  /** What Bob saw at every change, and at the end of time. */
  readonly views: readonly View[];
  /** When all had been well for long enough. */
  readonly healed: View;
}

function tell({ mode, delegate, refusals, happenings, ending: { how, ts: endTs } }: Story): Outcome {
  let end: Outcome["end"];
  let cut: View | undefined;
  let healed: View | undefined;
  const views: View[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    const { home, roomId, membership$, join } = scene();
    let state: JoinState | undefined;
    let entries: readonly Membership[] = [];
    const view = (): View => {
      const ofAlice = home.delayed().filter(({ userId }) => userId === alice);
      const leaveDueTs = Math.min(...ofAlice.map(({ dueTs }) => dueTs));
      return { ts: asyncScheduler.now(), entries, leaveDueTs, state };
    };
    const at = (ts: number, act: () => void) => timer(ts).subscribe(act);
    const device = { userId: alice, deviceId: "A" };
    const overwrite = () =>
      home.setState(roomId, { type: memberType, sender: bob, stateKey: `_${alice}_A_m.call`, content: {} });
    const intent$ = new Subject<string>();
    let isAlive = true;

    for (const { ts, request, fault: spoiled, times } of refusals) {
      at(ts, () => {
        const disarm = home.injectFault({ request, userId: alice }, { ...spoiled, times });
        at(troubleMs - ts, disarm);
      });
    }
    for (const { ts, what } of happenings) {
      at(ts, () => {
        if (what === "delayed leave lost") home.loseDelayed(alice);
        else if (what === "overwritten") overwrite();
        else if (what === "down") home.stop();
        else if (what === "up") home.start();
        else if (what === "new intent") intent$.next(String(ts));
        else if (isAlive) home.adjust(device, { connection: what as "online" | "offline" });
      });
    }
    at(troubleMs, () => {
      home.start();
      if (isAlive) home.adjust(device, { connection: "online" });
    });

    const watching = membership$.subscribe((members) => {
      entries = members.filter(({ userId }) => userId === alice);
      views.push(view());
    });
    const leaveOn = how === "leaveOn" ? timer(endTs) : undefined;
    const delegates = { refuses: () => throwError(() => new Error("no")), "is silent": () => NEVER };
    const joined = join({
      mode,
      delegate: delegate && delegates[delegate],
      leaveOn,
      intent: intent$,
      transports: [],
    }).subscribe({
      next: (next) => (state = next),
      error: () => (end = { ...view(), completed: false }),
      complete: () => (end = { ...view(), completed: true }),
    });
    intent$.next("video");
    if (how === "unsubscribes" || how === "is killed") {
      at(endTs, () => {
        cut = view();
        isAlive = how === "unsubscribes";
        if (!isAlive) home.adjust(device, { connection: "offline" });
        joined.unsubscribe();
      });
    }
    at(troubleMs * 2 + healMs, () => {
      healed = view();
      joined.unsubscribe();
    });
    at(24 * 3_600_000, () => {
      views.push(view());
      watching.unsubscribe();
    });
    flush();
  });
  if (!healed) throw new Error("time stood still");
  return { end, cut, views, healed };
}

const seenAt = ({ views }: Outcome, ts: number): readonly Membership[] =>
  views.findLast((view) => view.ts <= ts)?.entries ?? [];

const check = (property: (outcome: Outcome, story: Story) => void, like: Partial<Story["ending"]> = {}) =>
  fc.assert(
    fc.property(story, (told) => {
      const changed = { ...told, ending: { ...told.ending, ...like } };
      property(tell(changed), changed);
    }),
    { numRuns: runs(40) },
  );

describe("A join, with any answers of the server and any acts of the user,", () => {
  it("is shown once if the user stays: as the member of its state, with a delayed leave", () => {
    check(
      ({ end, healed }) => {
        if (end) return;
        expect(healed.state?.status).toBe("joined");
        expect(healed.entries.map(({ memberId }) => memberId)).toEqual([healed.state?.member.memberId]);
        expect(healed.leaveDueTs).toBeLessThan(Infinity);
      },
      { how: "stays" },
    );
  });

  it("is not shown after it has completed", () => {
    check(
      (outcome) => {
        const { end } = outcome;
        if (end?.completed !== true) return;
        const later = outcome.views.filter(({ ts }) => ts > end.ts + headroomMs);
        expect([seenAt(outcome, end.ts + headroomMs), ...later.map(({ entries }) => entries)].flat()).toEqual([]);
      },
      { how: "leaveOn" },
    );
  });

  it.each(["is killed", "unsubscribes"] as const)(
    "is not shown after its delayed leave is due, if the device %s",
    (how) => {
      check(
        (outcome, { happenings }) => {
          const { cut, end } = outcome;
          if (!cut || cut.leaveDueTs > cut.ts + delayMs || (end && end.ts < cut.ts)) return;
          if (happenings.some(({ ts, what }) => what === "delayed leave lost" && ts >= cut.ts)) return;
          expect(seenAt(outcome, Math.max(cut.ts, troubleMs) + delayMs + headroomMs)).toEqual([]);
        },
        { how },
      );
    },
  );

  it("leaves no ghost at the end of time", () => {
    check((outcome) => expect(outcome.views.at(-1)?.entries).toEqual([]));
  });
});
