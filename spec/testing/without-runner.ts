// WithoutRunner: tests of an app that uses neither vitest nor jest, but `node:test`, assertions of Node and a bare TestScheduler.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestScheduler, type RunHelpers } from "rxjs/testing";
import { leftoverNames, marbles, memberNames, play, virtualHomeserver } from "../../src/testing/index.ts";
import { encryptedSession } from "../../src/encryption/index.ts";
import { map, timer } from "rxjs";

const bare = (draw: (helpers: RunHelpers) => void) => () =>
  new TestScheduler((actual, expected) => assert.deepEqual(actual, expected)).run(draw);

test(
  "a play under a bare TestScheduler",
  bare((m) => {
    const { alice } = play(m, { alice: "j 9s l", bob: "1s j 3s l" });
    const names = { n: "", a: "alice", b: "alice bob" };
    m.expectObservable(alice.members$, "^ 9s !").toBe("n 10ms a 999ms b 2992ms a", names);
  }),
);

test(
  "a homeserver under a bare TestScheduler",
  bare((m) => {
    const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
    const call = { roomId: home.createRoom({ members: ["@alice:example.org"] }), slot: "m.call#ROOM" };
    const { matrix } = home.device("@alice:example.org", "PHONE");
    const session = encryptedSession(matrix, call);
    session.join({ leaveOn: timer(1_000) }).subscribe();
    m.expectObservable(session.membership$.pipe(map(memberNames)), "^ 5s !").toBe("n 10ms a 991ms n", {
      n: "",
      a: "alice",
    });
    timer(60_000).subscribe(() => assert.equal(leftoverNames(home.leftovers()), "nothing"));
  }),
);

test(
  "marbles under node:test",
  marbles((m) => {
    const { bob } = play(m, { alice: "j 9s l", bob: "1s j 3s l" });
    m.expect(bob.state$, "^ 9s !").toEmit("1s joining", "1.011s joined", "4.001s leaving", "4.004s left");
  }),
);

test("a failure of marbles shows two time lines", () => {
  assert.throws(
    marbles((m) => m.expect(timer(5)).toEmit("6ms 0", "6ms |")),
    /expected {2}6ms 0 {2}6ms \|\nactual {4}5ms 0 {2}5ms \|/,
  );
});
