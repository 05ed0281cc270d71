import { EMPTY, map, NEVER, throwError, timer } from "rxjs";
import { describe, it } from "vitest";
import type { DelegatedLeave } from "../../src/join/options.ts";
import { alice, inWords, marbles, scene, smooth } from "./scene.ts";

describe("Delegating the delayed leave (protocol.md 6.4)", () => {
  it(
    "schedules a long one beside the short one, delegates it, cancels the short one, and leaves by the long one",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene({ latencyMs: 2 });
      const accepted: DelegatedLeave[] = [];
      const delegate = (leave: DelegatedLeave) => {
        accepted.push(leave);
        return EMPTY;
      };
      const state$ = inWords(join({ delegate, leaveOn: cold("600s x") }));
      expectObservable(requests$, "^ 601s !").toBe("C---D---W--(RD)X 299999ms R 299984ms S");
      expectObservable(state$, "   ^ 601s !").toBe("a---d---w--j 599988ms l--|", smooth);
      const held$ = cold("500s x").pipe(map(() => [accepted, home.delayed().map(({ delayMs }) => delayMs)]));
      const memberId = `${alice}:A`;
      const member = { kind: "state", userId: alice, deviceId: "A", memberId, participantIdentity: memberId };
      const long = { member, delayId: "delay-id-2", delayMs: 3_600_000 };
      expectObservable(held$).toBe("500s x", { x: [[long], [3_600_000]] });
    }),
  );

  it(
    "goes on with the short one if the long one is refused",
    marbles(({ expectObservable }) => {
      const { requests$, join } = scene({ latencyMs: 2 });
      const delegate = () => throwError(() => new Error("not here"));
      expectObservable(requests$, "                  ^ 6s !").toBe("C---D---W--(RD)X 4995ms R");
      expectObservable(inWords(join({ delegate })), "^ 6s !").toBe("a---d---w--j", smooth);
    }),
  );

  it(
    "leaves no delayed leave pending when we leave before it is accepted",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene({ latencyMs: 2 });
      const delegate = () => NEVER;
      expectObservable(requests$, "^ 9s !").toBe("C---D---W--(RD) 985ms (XS)");
      expectObservable(inWords(join({ delegate, leaveOn: timer(1_000) })), "^ 9s !").toBe(
        "a---d---w--j 988ms l--|",
        smooth,
      );
      expectObservable(cold("9s x").pipe(map(() => home.delayed()))).toBe("9s x", { x: [] });
    }),
  );

  it(
    "is repeated after the other side has sent our leave and we have joined again",
    marbles(({ cold, expectObservable }) => {
      const { call, requests$, join } = scene({ latencyMs: 2 });
      const delegate = ({ delayId }: DelegatedLeave) => {
        if (delayId === "delay-id-2")
          cold("1s x").subscribe(() => call.matrix.updateDelayedEvent(delayId, "send").subscribe());
        return EMPTY;
      };
      expectObservable(requests$, "^ 3s !").toBe("C---D---W--(RD)X 999ms S--R---D---W--(RD)X");
      expectObservable(inWords(join({ delegate })), "^ 3s !").toBe("a---d---w--j 1006ms v----------j", {
        ...smooth,
        v: "vanished",
      });
    }),
  );
});
