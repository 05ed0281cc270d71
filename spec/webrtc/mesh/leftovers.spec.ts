// What is left of calls that are over: nothing.
import { interval, take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../../support/marbles.ts";
import { drawnScene, inviteFrom, meshed } from "./drawn-scene.ts";
import { wordOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

const bobsPhone = { userId: "@bob:example.org", deviceId: "PHONE" };

describe("A mesh that goes on", () => {
  it("has no pair, no connection and no item of those who are gone, after an hour of churn (mesh 16)", () => {
    marbles(({ flush }) => {
      const { enter, deliver, peers } = drawnScene(3_700_000);
      const bob = enter("bob", "bob");
      for (let stay = 1; stay <= 360; stay += 1) {
        at(stay * 10_000, () => bob.members$.next(meshed(`alice#${stay} bob`)));
        at(stay * 10_000 + 100, () =>
          deliver(bobsPhone, "m.call.invite", inviteFrom(`alice#${stay}`, "bob", { call_id: `c${stay}` })),
        );
        at(stay * 10_000 + 5_000, () => bob.members$.next(meshed("bob")));
      }
      const left: unknown[] = [];
      at(3_690_000, () => left.push(peers.open.length, ...bob.mesh.participants$.value.map(wordOf)));
      flush();
      expect(left).toEqual([0, "(bob)"]);
      const opened = bob.trace.filter(({ kind }) => kind === "pair-opened").length;
      const closed = bob.trace.filter(({ kind }) => kind === "pair-closed").length;
      expect([opened, closed]).toEqual([360, 360]);
    })();
  });

  it("leaves no peer connection and no listener after 1,000 calls", () => {
    marbles(({ flush }) => {
      const calls = 1_000;
      const { enter, peers, listeners } = drawnScene(calls * 1_000 + 2_000);
      const connected: number[] = [];
      interval(1_000)
        .pipe(take(calls))
        .subscribe((call) => {
          const members = `alice#${call} bob#${call}`;
          const meshes = [enter(`alice#${call}`, members), enter(`bob#${call}`, members)];
          at(500, () => connected.push(peers.flows().length));
          at(900, () => meshes.forEach(({ leave }) => leave()));
        });
      const left: number[] = [];
      at(calls * 1_000 + 1_000, () => left.push(peers.open.length, listeners()));
      flush();
      expect(connected).toEqual(Array.from({ length: calls }, () => 2));
      expect(left).toEqual([0, 0]);
    })();
  }, 180_000);
});
