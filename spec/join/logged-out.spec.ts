// Logged out: the access token is not valid any more, for good or until the client logs in again.
import { takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { alice, inWords, marbles, scene, smooth, toTheEnd } from "./scene.ts";

const phone = { userId: alice, deviceId: "A" };
const always = { times: 100_000 };

/** From a moment on, each request of Alice fails like this. */
function refuseAll({ home }: ReturnType<typeof scene>, kind: MatrixErrorKind): () => void {
  return home.injectFault({ userId: alice }, { fail: new MatrixError(kind, kind), ...always });
}

describe("A client that was logged out", () => {
  it(
    "leaves a call at once with an error that says so, and asks for nothing more",
    marbles(({ cold, expectObservable }) => {
      const call = scene();
      cold("1s x").subscribe(() => refuseAll(call, "logged-out"));
      expectObservable(call.requests$, "      ^ 60s !").toBe("C-D-W-R 4999ms R");
      expectObservable(inWords(call.join()), "^ 60s !").toBe("a-d-w-j 5001ms   (l#)", smooth, "logged-out");
    }),
  );

  it(
    "does not join",
    marbles(({ expectObservable }) => {
      const call = scene();
      refuseAll(call, "logged-out");
      expectObservable(call.requests$, "      ^ 60s !").toBe("C");
      expectObservable(inWords(call.join()), "^ 60s !").toBe("a-(l#)", smooth, "logged-out");
    }),
  );
});

describe("A client whose access token has expired", () => {
  it(
    "asks for nothing until it is in touch again, then goes on",
    marbles(({ cold, expectObservable }) => {
      const call = scene();
      let end = () => {};
      cold("1s  x").subscribe(() => (end = refuseAll(call, "soft-logged-out")));
      cold("10s x").subscribe(() => call.home.adjust(phone, { connection: "offline" }));
      cold("12s x").subscribe(() => {
        end();
        call.home.adjust(phone, { connection: "online" });
      });
      expectObservable(call.requests$, "      ^ 16s !").toBe("C-D-W-R 4999ms R 6994ms R");
      expectObservable(inWords(call.join()), "^ 16s !").toBe("a-d-w-j", smooth);
    }),
  );

  it("says in its state what it waits for, and that it is probably gone when it is", () => {
    const states: JoinState[] = [];
    toTheEnd(() => {
      const call = scene({ syncMs: 60_000 });
      timer(1_000).subscribe(() => refuseAll(call, "soft-logged-out"));
      call
        .join()
        .pipe(takeUntil(timer(30_000)))
        .subscribe((state) => states.push(state));
    });
    expect(states.at(-1)).toMatchObject({ status: "joined", probablyLeft: true, waitingFor: "login" });
  });

  it("says so while it joins, too", () => {
    const states: JoinState[] = [];
    toTheEnd(() => {
      const call = scene();
      refuseAll(call, "soft-logged-out");
      call
        .join({ leaveOn: timer(30_000) })
        .pipe(takeUntil(timer(29_000)))
        .subscribe((state) => states.push(state));
    });
    expect(states.at(-1)).toMatchObject({ status: "joining", step: "waiting-for-login" });
  });

  it(
    "can still hang up: the leave ends with an error, and the delayed leave stays behind it",
    marbles(({ cold, expectObservable }) => {
      const call = scene();
      cold("1s x").subscribe(() => refuseAll(call, "soft-logged-out"));
      const state$ = inWords(call.join({ leaveOn: timer(8_000) }));
      expectObservable(state$, "     ^ 60s !").toBe("a-d-w-j 7993ms l 9999ms #", smooth, "leave-timeout");
      expectObservable(call.seen$, " ^ 60s !").toBe("n-----a 18001ms n", { n: "", a: "alice" });
    }),
  );
});
