import { map, type Observable, switchMap, timer } from "rxjs";
import { describe, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { alice, bob, inWords, marbles, memberType, scene, slot, smooth, stickyType } from "./scene.ts";

const slotType = "org.matrix.msc4143.rtc.slot";
const slotEvent = (status: "open" | "closed") => ({
  type: slotType,
  sender: alice,
  stateKey: slot,
  content: { status, application: { type: "m.call" } },
});
const near = { latencyMs: 2 };
/** Bob created this room, and Alice may not change its slots. */
const bobs = { latencyMs: 2, members: [bob, alice] };
const sticky = { mode: "matrix_2_0" } as const;
const letterOf: Record<string, string> = { [slotType]: "slot", [stickyType]: "member", [memberType]: "state member" };

/** The room as it is known after a sync. */
const afterSync = (join: () => Observable<JoinState>) => timer(2).pipe(switchMap(join));

describe("The slot of the call (protocol.md 8)", () => {
  it(
    "is opened before the membership is written, if `openSlot` is set and we are allowed to",
    marbles(({ expectObservable }) => {
      const { home, requests$, join } = scene({ ...near, encrypted: true });
      const events$ = home.event$.pipe(map(({ type }) => letterOf[type]));
      expectObservable(requests$, " ^ 1s !").toBe("(CO)D---W--R");
      expectObservable(events$, "   ^ 1s !").toBe("--s-------m", { s: "slot", m: "member" });
      expectObservable(inWords(join({ ...sticky, openSlot: true })), "^ 1s !").toBe("a---d---w--j", smooth);
    }),
  );

  it(
    "is left alone if it is open",
    marbles(({ expectObservable }) => {
      const { home, roomId, requests$, join } = scene(near);
      home.setState(roomId, slotEvent("open"));
      const state$ = inWords(afterSync(() => join({ ...sticky, openSlot: true })));
      expectObservable(requests$, "^ 1s !").toBe("--C---D---W--R");
      expectObservable(state$, "   ^ 1s !").toBe("--a---d---w--j", smooth);
    }),
  );

  it(
    "may stay absent if we are not allowed to open it",
    marbles(({ expectObservable }) => {
      const { requests$, join } = scene(bobs);
      expectObservable(requests$, "                                   ^ 1s !").toBe("(CO)D---W--R");
      expectObservable(inWords(join({ ...sticky, openSlot: true })), "^ 1s !").toBe("a---d---w--j", smooth);
    }),
  );

  it(
    "ends a join in matrix_2_0 mode if it is closed and we are not allowed to open it",
    marbles(({ expectObservable }) => {
      const { home, roomId, requests$, join } = scene(bobs);
      home.setState(roomId, slotEvent("closed"));
      const state$ = inWords(afterSync(() => join({ ...sticky, openSlot: true })));
      expectObservable(requests$, "^ 1s !").toBe("--(CO)D---X");
      expectObservable(state$, "   ^ 1s !").toBe("--a---(dl)----#", smooth, "join-refused");
    }),
  );

  it(
    "ends a join in matrix_2_0 mode at once if it is closed without `openSlot`, and no join in other modes",
    marbles(({ expectObservable }) => {
      const { home, roomId, join } = scene(near);
      home.setState(roomId, slotEvent("closed"));
      expectObservable(inWords(afterSync(() => join(sticky))), "^ 1s !").toBe("--(l#)", smooth, "join-refused");
      expectObservable(inWords(afterSync(() => join())), "      ^ 1s !").toBe("--a---d---w--j", smooth);
    }),
  );

  it(
    "makes us leave with that reason when it is closed",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene(near);
      cold("                                  1s x").subscribe(() => home.setState(roomId, slotEvent("closed")));
      expectObservable(requests$, "           ^ 9s !").toBe("C---D---W--R 989ms L---X");
      expectObservable(inWords(join(sticky)), "^ 9s !").toBe("a---d---w--j 989ms l-------#", smooth, "join-refused");
    }),
  );
});
