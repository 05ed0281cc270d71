import { filter, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inWords, marbles, scene, smooth, toTheEnd } from "./scene.ts";

/** The part of a page that a join uses. */
const page = new EventTarget();
let listeners = 0;
const hide = () => page.dispatchEvent(new Event("pagehide"));

beforeEach(() => {
  listeners = 0;
  vi.stubGlobal("addEventListener", (type: string, listener: EventListener) => {
    listeners += 1;
    page.addEventListener(type, listener);
  });
  vi.stubGlobal("removeEventListener", (type: string, listener: EventListener) => {
    listeners -= 1;
    page.removeEventListener(type, listener);
  });
});
afterEach(() => vi.unstubAllGlobals());

describe("A page that is being closed", () => {
  it(
    "leaves at once, and joins again if it lives on",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      cold("1s x").subscribe(hide);
      // The cancel of the delayed leave that was sent comes to nothing.
      const needed$ = requests$.pipe(filter((letter) => letter !== "X"));
      expectObservable(needed$, "        ^ 3s !").toBe("C-D-W-R 993ms S-D-W-R");
      expectObservable(seen$, "          ^ 3s !").toBe("n-----a 995ms n---a", { n: "", a: "alice" });
      expectObservable(inWords(join()), "^ 3s !").toBe("a-d-w-j 993ms p-v---j", { ...smooth, v: "vanished" });
    }),
  );

  it("asks the browser to let the request outlive it", () => {
    const asked: unknown[] = [];
    toTheEnd(() => {
      const { call, join } = scene();
      const { updateDelayedEvent } = call.matrix;
      Object.assign(call.matrix, {
        updateDelayedEvent: ((delayId, action, options) => {
          asked.push([action, options]);
          return updateDelayedEvent(delayId, action, options);
        }) satisfies typeof updateDelayedEvent,
      });
      const joined = join().subscribe();
      timer(100).subscribe(hide);
      timer(101).subscribe(() => joined.unsubscribe());
    });
    expect(asked).toContainEqual(["send", { keepalive: true }]);
  });

  it("is listened to only while we are in the call", () => {
    const during: number[] = [];
    toTheEnd(() => {
      const { join } = scene();
      timer(50).subscribe(() => during.push(listeners));
      join({ leaveOn: timer(100) }).subscribe();
    });
    expect([during, listeners]).toEqual([[2], 0]);
  });
});
