// The virtual homeserver under rxjs-marbles, a common test library for RxJS.
import { map } from "rxjs";
import { configure } from "rxjs-marbles";
import { describe, expect, it } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { assertTimeLines, keyName, memberNames, play, virtualHomeserver } from "matrixrtc-rx/testing";

const { marbles } = configure({
  run: true,
  frameworkMatcher: true,
  assertDeepEqual: (actual, expected) => expect(actual).toEqual(expected),
});

const [alice, bob] = ["@alice:example.org", "@bob:example.org"] as const;

describe("Under rxjs-marbles", () => {
  it(
    "the members of a call can be drawn",
    marbles((m) => {
      const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
      const options = { roomId: home.createRoom({ members: [alice, bob] }), slot: "m.call#ROOM" };
      const watched = encryptedSession(home.client(alice, "PHONE"), options);
      const joining = encryptedSession(home.client(bob, "LAPTOP"), options);
      joining.join({ leaveOn: m.cold("1s x") }).subscribe();
      const names$ = watched.membership$.pipe(map(memberNames));
      const subs = "  ^ 5s !";
      const expected = "n 10ms b 991ms n";
      m.expect(names$, subs).toBeObservable(expected, { n: "", b: "bob" });
    }),
  );

  it(
    "a key rotation can be drawn: Bob leaves, and Alice then has a new key at once",
    marbles((m) => {
      const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
      const options = { roomId: home.createRoom({ members: [alice, bob], encrypted: true }), slot: "m.call#ROOM" };
      const [ours, theirs] = [
        encryptedSession(home.client(alice, "PHONE"), options),
        encryptedSession(home.client(bob, "LAPTOP"), options),
      ];
      theirs.join({ leaveOn: m.cold("3s x") }).subscribe();
      ours.join({ leaveOn: m.cold("8s x") }).subscribe();
      const keys$ = ours.encryptionKey$.pipe(map(keyName));
      const subs = "  ^ 9s !";
      const expected = "a 13ms b 2988ms c";
      m.expect(keys$, subs).toBeObservable(expected, { a: "alice#0", b: "bob#0", c: "alice#1" });
    }),
  );

  it(
    "a play can be drawn",
    marbles((m) => {
      const cast = play(m, { alice: "j 9s l", bob: "1s j 3s l" });
      m.expect(cast.alice.members$, "  ^ 9s !").toBeObservable("n 10ms a 999ms b 2992ms a", {
        n: "",
        a: "alice",
        b: "alice bob",
      });
    }),
  );

  it("assertTimeLines shows a difference as two time lines", () => {
    const { marbles: drawn } = configure({ run: true, frameworkMatcher: true, assertDeepEqual: assertTimeLines });
    const test = drawn((m) => m.expect(m.cold("a|")).toBeObservable("-a|"));
    expect(test).toThrow("expected  1ms a  2ms |\nactual    0 a    1ms |");
  });
});
