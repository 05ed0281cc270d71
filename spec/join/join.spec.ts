import { ignoreElements, map } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import { resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembership } from "../../src/join/join.ts";
import type { Matrix } from "../../src/matrix.ts";
import { inWords, marbles, scene } from "./scene.ts";

describe("A join", () => {
  it(
    "fails with an error that nobody has foreseen",
    marbles(({ cold, expectObservable }) => {
      const { join } = scene();
      const keysUnanswered$ = cold<void>("1s #", {}, new RtcError("unsupported", "no keys"));
      expectObservable(inWords(join({}, keysUnanswered$)).pipe(ignoreElements()), "^ 9s !").toBe(
        "1s #",
        {},
        "unsupported",
      );
    }),
  );

  it(
    "schedules the delayed leave first, restarts it after the write and then every five seconds",
    marbles(({ expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      expectObservable(requests$, "^ 12s !").toBe("C-D-W-R 4999ms R 4999ms R");
      expectObservable(seen$, "^ 12s !").toBe("n-----a", { n: "", a: "alice" });
      expectObservable(inWords(join()), "^ 12s !").toBe("a-b-c-d", {
        a: "checking-support",
        b: "scheduling-leave",
        c: "sending-membership",
        d: "joined, armed",
      });
    }),
  );

  it.each(["legacy", "compatibility", "matrix_2_0"] as const)(
    "writes the membership and the leave in %s mode",
    (mode) => {
      marbles(({ cold, expectObservable }) => {
        const { requests$, join, seen$ } = scene();
        const leaveOn = cold("         -------x");
        expectObservable(requests$).toBe("C-D-W-RS");
        expectObservable(seen$, "^ 1m !").toBe("n-----a--n", { n: "", a: "alice" });
        expectObservable(join({ mode, leaveOn }).pipe(map(({ status }) => status))).toBe("a-a-a-bc-|", {
          a: "joining",
          b: "joined",
          c: "leaving",
        });
      })();
    },
  );

  it(
    "leaves when unsubscribed from",
    marbles(({ expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      expectObservable(requests$).toBe("C-D-W-R 4999ms R 2999ms S");
      expectObservable(seen$, "^ 1m !").toBe("n-----a 8001ms n", { n: "", a: "alice" });
      expectObservable(inWords(join()), "^ 8005ms !").toBe("a-b-c-d", {
        a: "checking-support",
        b: "scheduling-leave",
        c: "sending-membership",
        d: "joined, armed",
      });
    }),
  );

  it.each([
    ["a request that outlives the page when it is unsubscribed from", "^ 99ms !", "", true],
    ["an ordinary request when leaveOn emits", "^", "100ms x", undefined],
  ] as const)("leaves by %s", (_, subs, leave, lasting) => {
    marbles(({ cold, expectObservable, flush }) => {
      const { call } = scene();
      const asked: unknown[] = [];
      const updateDelayedEvent: Matrix["updateDelayedEvent"] = (delayId, action, options) => {
        asked.push([action, options?.keepalive || undefined]);
        return call.matrix.updateDelayedEvent(delayId, action, options);
      };
      const alone = { ...call, matrix: { ...call.matrix, updateDelayedEvent } };
      const options = resolveJoinOptions(call.slot, leave ? { leaveOn: cold(leave) } : {});
      expectObservable(ownMembership(alone, options).pipe(ignoreElements()), subs).toBe(leave ? "102ms |" : "");
      flush();
      expect(asked).toEqual([
        ["restart", undefined],
        ["send", lasting],
      ]);
    })();
  });
});
