// Ringing on start: the first member of a call rings once, and takes the ring back if nobody came. protocol.md 7.2.
import { NEVER, Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { ringOnStart } from "../../src/ringing/ring-on-start.ts";
import { membersNamed } from "../../src/testing/index.ts";
import type { Membership } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";

const [alice, bob] = membersNamed("alice bob") as [Membership, Membership];
/** Alice after she has joined again. */
const again: Membership = { ...alice, memberId: "two", participantIdentity: "alice again" };
const lists = { n: [], a: [alice], b: [bob], c: [alice, bob], d: [alice, again], e: [again, bob] };
const state = (status: string, member = alice) => ({ status, member }) as unknown as JoinState;
const states = { j: state("joining"), p: state("joined"), r: state("rejoining", again), l: state("leaving") };

describe("The first member of a call", () => {
  it.each<[string, { join: string; members: string; ring: string; asked: readonly string[] }]>([
    [
      "rings once, as soon as its own membership is in the room",
      { join: " jp------", members: "n--a-a---", ring: "r|", asked: ["3 ring"] },
    ],
    [
      "does not ring if its membership of an earlier join is in the room already",
      { join: " ---j----", members: "a----a---", ring: "r|", asked: [] },
    ],
    [
      "takes its ring back if it has joined again as another member, with nobody else there",
      { join: " jp--r-l-", members: "n--aadd--", ring: "r|", asked: ["3 ring", "6 withdraw"] },
    ],
    [
      "keeps its ring if it has joined again as another member, and somebody came",
      { join: " jp--r-l-", members: "n--aade--", ring: "r|", asked: ["3 ring"] },
    ],
    [
      "does not ring if somebody else is there already",
      { join: " jp------", members: "b--c-a---", ring: "r|", asked: [] },
    ],
    [
      "does not ring if somebody else comes in the same moment",
      { join: " jp------", members: "n--c-a---", ring: "r|", asked: [] },
    ],
    [
      "takes its ring back when it leaves before anybody came",
      { join: " jp---l--", members: "n--a-----", ring: "r|", asked: ["3 ring", "5 withdraw"] },
    ],
    [
      "takes its ring back when the join ends without a leave",
      { join: " jp---|  ", members: "n--a-----", ring: "r|", asked: ["3 ring", "5 withdraw"] },
    ],
    [
      "takes its ring back once, when it leaves and the join ends",
      { join: " jp---l-|", members: "n--a-----", ring: "r|", asked: ["3 ring", "5 withdraw"] },
    ],
    [
      "takes its ring back once it has arrived, if it was on its way",
      { join: " jp---l--", members: "n--a-----", ring: "-----r|", asked: ["3 ring", "9 withdraw"] },
    ],
    [
      "keeps its ring if somebody came and left",
      { join: " jp----l-", members: "n--aca---", ring: "r|", asked: ["3 ring"] },
    ],
    ["does not take back what it has never sent", { join: " jp---l--", members: "n--------", ring: "r|", asked: [] }],
    ["does not ring once it leaves", { join: " jpl-----", members: "n---a----", ring: "r|", asked: [] }],
  ])("%s", (_, { join, members, ring, asked }) =>
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = [];
      const from = (word: string, source$: Observable<unknown>) =>
        new Observable<never>((subscriber) => {
          log.push(word);
          return source$.subscribe(subscriber as never);
        });
      let now = 0;
      cold("0123456789").subscribe((frame) => (now = Number(frame)));
      const join$ = cold(join.trim(), states);
      const state$ = join$.pipe(
        ringOnStart({
          membership$: cold(members, lists),
          ring: () => from(`${now} ring`, cold(ring)),
          withdraw: () => from(`${now} withdraw`, NEVER),
          failed: () => log.push("failed"),
        }),
      );
      expectObservable(state$).toBe(join.trim(), states);
      flush();
      expect(log).toEqual(asked);
    })(),
  );

  it.each<[string, string, string, string]>([
    ["its ring failed, and takes nothing back", "--#", "|", "--n"],
    ["its withdrawal failed", "r|", "-#", "-------n"],
  ])("reports once that %s", (_, ring, withdrawal, reported) =>
    marbles(({ cold, expectObservable, flush }) => {
      const failures: unknown[] = [];
      let withdrawals = 0;
      const state$ = cold("jp----l--", states).pipe(
        ringOnStart({
          membership$: cold("-a-------", lists),
          ring: () => cold(ring),
          withdraw: () => {
            withdrawals += 1;
            return cold<never>(withdrawal);
          },
          failed: (cause) => failures.push(cause),
        }),
      );
      expectObservable(state$).toBe("jp----l--", states);
      flush();
      expect([failures, withdrawals]).toEqual([["error"], reported === "--n" ? 0 : 1]);
    })(),
  );
});
