// One join: a client is in a call at most once, and a join waits for the leave before it.
import { ignoreElements, switchMap, timer } from "rxjs";
import { describe, it } from "vitest";
import { rtcSession } from "../../src/index.ts";
import { type JoinMode, resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembership } from "../../src/join/join.ts";
import type { Matrix } from "../../src/matrix.ts";
import { alice, callOf, firstJoin, inWords, marbles, scene, slot, smooth } from "./scene.ts";
import { runOn, virtualHomeserver } from "../../src/testing/index.ts";

const words = { ...smooth, q: "waiting-for-leave" };

describe("A second join of one client, room and slot", () => {
  it(
    "fails with already-joined while the first is in the call",
    marbles(({ cold, expectObservable }) => {
      const { join, requests$ } = scene();
      const second$ = cold("1s a").pipe(switchMap(() => join()));
      expectObservable(requests$, "^ 2s !").toBe("C-D-W-R");
      expectObservable(inWords(join()), "^ 3s !").toBe("a-d-w-j", words);
      expectObservable(inWords(second$), "^ 3s !").toBe("1s #", words, "already-joined");
    }),
  );

  it(
    "fails with already-joined from another session object, too",
    marbles(({ cold, expectObservable }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice] });
      const client = home.client(alice, "A");
      const [first, second] = [rtcSession(client, { roomId, slot }), rtcSession(client, { roomId, slot })];
      const second$ = cold("1s a").pipe(switchMap(() => second.join()));
      const other$ = cold("1s a").pipe(switchMap(() => rtcSession(client, { roomId, slot: "m.call#other" }).join()));
      expectObservable(first.join().pipe(ignoreElements()), "^ 3s !").toBe("");
      expectObservable(inWords(second$), "                   ^ 3s !").toBe("1s #", words, "already-joined");
      expectObservable(firstJoin(other$), "                  ^ 3s !").toBe("1006ms (j|)");
    }),
  );

  it.each<[string, (client: Matrix, again: Matrix) => Matrix]>([
    ["another port of the same client", (_, again) => again],
    ["a copy of the port", (client) => ({ ...client })],
  ])("fails with already-joined by %s, too", (_, other) =>
    marbles(({ cold, expectObservable }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice] });
      const client = home.client(alice, "A");
      const second = rtcSession(other(client, home.client(alice, "A")), { roomId, slot });
      const second$ = cold("1s a").pipe(switchMap(() => second.join()));
      expectObservable(rtcSession(client, { roomId, slot }).join().pipe(ignoreElements()), "^ 3s !").toBe("");
      expectObservable(inWords(second$), "^ 3s !").toBe("1s #", words, "already-joined");
    })(),
  );

  it(
    "joins from another device, and from another page of a device whose first page was killed",
    marbles(({ cold, expectObservable }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice] });
      const join = (deviceId: string) => rtcSession(home.client(alice, deviceId), { roomId, slot }).join();
      const phone = home.device(alice, "A");
      cold("2s a").subscribe(() => phone.kill());
      cold("3s a").subscribe(() => phone.goOnline());
      expectObservable(join("A").pipe(runOn(phone), ignoreElements()), "^ 9s !").toBe("2s |");
      const other$ = cold("1s a").pipe(switchMap(() => join("B")));
      const again$ = cold("4s a").pipe(switchMap(() => join("A")));
      expectObservable(firstJoin(other$), "^ 9s !").toBe("1006ms (j|)");
      expectObservable(firstJoin(again$), "^ 9s !").toBe("4006ms (j|)");
    }),
  );

  it(
    "waits for the leave of the first, and then joins",
    marbles(({ cold, expectObservable }) => {
      const { join, requests$, seen$ } = scene({ latencyMs: 2 });
      const first$ = join({ leaveOn: timer(1_000) });
      const second$ = cold("1001ms a").pipe(switchMap(() => join()));
      expectObservable(requests$, "       ^ 2s !").toBe("C---D---W--R 988ms S--C---D---W--R");
      expectObservable(inWords(first$), " ^ 3s !").toBe("a---d---w--j 988ms l--|", words);
      expectObservable(inWords(second$), "^ 3s !").toBe("1001ms q-a---d---w--j", words);
      expectObservable(seen$, "           ^ 2s !").toBe("n----------a 991ms n----------a", { n: "", a: "alice" });
    }),
  );

  it(
    "fails with already-joined while a join that has waited for the leave of the first is in the call",
    marbles(({ cold, expectObservable }) => {
      const { join } = scene();
      const second$ = cold("1001ms a").pipe(switchMap(() => join()));
      const third$ = cold(" 2s     a").pipe(switchMap(() => join()));
      expectObservable(join({ leaveOn: timer(1_000) }).pipe(ignoreElements()), "^ 9s !").toBe("1002ms |");
      expectObservable(inWords(second$), "^ 9s !").toBe("1001ms qa-d-w-j", words);
      expectObservable(inWords(third$), "   ^ 9s !").toBe("2s #", words, "already-joined");
    }),
  );

  it(
    "stops to wait when the first gives up its leave, and takes over its delayed leave",
    marbles(({ cold, expectObservable }) => {
      const { home, join } = scene();
      const first$ = join({ leaveOn: timer(1_000), timing: { leaveTimeoutMs: 4_000 } });
      cold("900ms a").subscribe(() => home.stop());
      cold("7s    a").subscribe(() => home.start());
      const second$ = cold("2s a").pipe(switchMap(() => join()));
      expectObservable(inWords(first$), "  ^ 9s !").toBe("a-d-w-j 993ms l 3999ms #", words, "leave-timeout");
      expectObservable(firstJoin(second$), "^ 60s !").toBe("7007ms (j|)");
    }),
  );

  it(
    "may leave while it waits, without a request",
    marbles(({ cold, expectObservable }) => {
      const { home, join, requests$ } = scene();
      home.injectFault({ request: "send-delayed" }, { lose: "request" });
      const first$ = join({ leaveOn: timer(1_000) });
      const second$ = cold("1001ms a").pipe(switchMap(() => join({ leaveOn: timer(10) })));
      const third$ = cold(" 1100ms a").pipe(switchMap(() => join()));
      expectObservable(requests$, "                    ^ 3s !").toBe("C-D-W-R 993ms S 1999ms L");
      expectObservable(first$.pipe(ignoreElements()), "^ 9s !").toBe("3004ms |");
      expectObservable(inWords(second$), "             ^ 9s !").toBe("1001ms q 9ms l", words);
      expectObservable(firstJoin(third$), "            ^ 9s !").toBe("3010ms (j|)");
    }),
  );

  it(
    "does not take over the leave of the first, if it has left before that is no longer waited for",
    marbles(({ cold, expectObservable }) => {
      const { home, join, requests$ } = scene();
      home.injectFault({ request: "send-delayed" }, { lose: "request" });
      const first$ = join({ leaveOn: timer(1_000) });
      const second$ = cold("1001ms a").pipe(switchMap(() => join({ leaveOn: timer(10) })));
      expectObservable(requests$, "                    ^ 4s !").toBe("C-D-W-R 993ms S 1999ms L-X");
      expectObservable(first$.pipe(ignoreElements()), "^ 2s !").toBe("");
      expectObservable(inWords(second$), "             ^ 4s !").toBe("1001ms q 9ms l", words);
    }),
  );
});

describe("A join whose state key is longer than Matrix allows", () => {
  it(
    "fails before the first request",
    marbles(({ expectObservable }) => {
      const { call, requests$ } = scene();
      const longSlot = `m.call#${"x".repeat(240)}`;
      const context = { ...callOf(call.matrix, call.roomId), slot: longSlot };
      const join = (mode: "compatibility" | "matrix_2_0") =>
        ownMembership(context, resolveJoinOptions(longSlot, { mode }));
      expectObservable(requests$, "                     ^ 9s !").toBe("");
      expectObservable(inWords(join("compatibility")), "^ 9s !").toBe("#", words, "bad-argument");
    }),
  );
});

describe("A join of a device whose id readers of state memberships ignore", () => {
  it.each(["", "A:B", ":"])("fails before the first request, but joins in matrix_2_0 if it has an id: %j", (deviceId) =>
    marbles(({ expectObservable }) => {
      const { call, roomId, requests$ } = scene();
      const context = callOf({ ...call.matrix, deviceId }, roomId);
      const join = (mode: JoinMode) => ownMembership(context, resolveJoinOptions(slot, { mode }));
      expectObservable(requests$, "^ 9s !").toBe(deviceId === "" ? "" : "C-D-W-(RS)");
      expectObservable(inWords(join("compatibility")), "^ 9s !").toBe("#", words, "bad-argument");
      expectObservable(inWords(join("legacy")), "       ^ 9s !").toBe("#", words, "bad-argument");
      if (deviceId !== "") expectObservable(firstJoin(join("matrix_2_0")), "^ 9s !").toBe("------(j|)");
    })(),
  );
});
