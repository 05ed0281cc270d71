// Whole calls as lines of letters.
import { map, switchMap } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles, play } from "matrixrtc-rx/testing";

describe("A play", () => {
  it(
    "draws who is in the call: one leaves, one is killed and is gone when the server sends the delayed leave",
    marbles((m) => {
      const { alice } = play(m, {
        alice: "j 119s l",
        bob: "  1s j 29s l",
        carl: " 2s j 37s k",
      });
      m.expect(alice.members$, "^ 2m !").toEmit(
        '0 ""',
        "11ms alice",
        "1.011s alice bob",
        "2.011s alice bob carl",
        "30.004s alice carl",
        "55.014s alice",
        '1m59.004s ""',
      );
    }),
  );

  it(
    "draws keys, states of joins and tiles",
    marbles((m) => {
      const { alice, bob, left$ } = play(m, { alice: "j 9s l", bob: "1s j 4s l" });
      m.expect(alice.keys$, "^ 20s !").toEmit("0 alice#0", "1.014s bob#0", "5.004s alice#1");
      m.expect(bob.state$, " ^ 20s !").toEmit("1s joining", "1.011s joined", "5.001s leaving", "5.004s left");
      m.expect(bob.tiles$, " ^ 20s !").toEmit('0 ""', "1.011s alice(missing-key)", "1.014s alice", '5.001s ""');
      m.expect(left$).toEmit("2m9.001s nothing", "2m9.001s |");
    }),
  );

  it("ends a join that nobody ends", () => {
    let left = "";
    marbles((m) => {
      const { left$ } = play(m, { alice: "j", bob: "1s j 1s k", carl: "j 1s s" });
      left$.subscribe((words) => (left = words));
    })();
    expect(left).toBe("nothing");
  });

  it("refuses a letter that means nothing, and says which letters there are", () => {
    const test = marbles((m) => void play(m, { alice: "j 1s q" }));
    expect(test).toThrow("the line of alice has the letter q, which means nothing; known are j l k r s w x o");
  });

  it(
    "has letters of the test",
    marbles((m) => {
      const { alice } = play(
        m,
        { alice: "j 5s l", bob: "1s j 1s b 3s l" },
        { acts: { b: ({ device }, { home, call }) => home.kick(call.roomId, device.userId) } },
      );
      m.expect(alice.members$.pipe(map((names) => names || "nobody")), "^ 5s !").toEmit(
        "0 nobody",
        "11ms alice",
        "1.011s alice bob",
        "2.002s alice",
      );
    }),
  );

  it(
    "can take the network away, the server down, and pages to sleep or to another life",
    marbles((m) => {
      const { alice, bob, carl } = play(m, {
        alice: " j",
        bob: "   j 10s x 60s o",
        carl: "  j 10s s 60s w",
        dora: "  j 10s r",
        server: "100s d 5s u",
      });
      m.expect(alice.members$, "^ 110s !").toEmit(
        '0 ""',
        "11ms alice bob carl dora",
        "23.014s alice",
        "23.021s alice dora",
        "1m10.013s alice dora carl",
        "1m10.081s alice dora carl bob",
      );
      m.expect(bob.state$, "^ 110s !").toEmit(
        "0 joining",
        "11ms joined",
        "23.011s probably-left",
        "1m10.003s rejoining",
        "1m10.081s joined",
      );
      m.expect(carl.state$, "^ 110s !").toEmit("0 joining", "11ms joined", "1m10.006s rejoining", "1m10.013s joined");
    }),
  );

  it(
    "has the session of the page that runs now, for streams of the test",
    marbles((m) => {
      const { bob } = play(m, { alice: "j", bob: "1s j 9s r" });
      const count$ = bob.session$.pipe(switchMap(({ membership$ }) => membership$.pipe(map(({ length }) => length))));
      m.expect(count$, "^ 11s !").toEmit("0 0", "11ms 1", "1.011s 2", "10.001s 2", "10.012s 2");
    }),
  );

  it(
    "begins with the last state of a join for a late subscriber",
    marbles((m) => {
      const { alice } = play(m, { alice: "j 10s l" });
      m.expect(alice.state$, "5s ^ 10s !").toEmit("5s joined", "10.001s leaving", "10.004s left");
    }),
  );

  it("says in a failure what the actors did, and what the stream is called", () => {
    const test = marbles((m) => {
      const { alice, bob } = play(m, { alice: "j 9s l", bob: "1s j" });
      m.expect(alice.members$, "^ 5s !").toEmit('0 ""', "11ms alice");
      m.expect(bob.members$.pipe(map((words) => words.length)), "^ 5s !", "the length of Bob's list").toEmit("0 0");
    });
    expect(test).toThrow(/played {4}0 alice j {2}1s bob j {2}9.001s alice l$/);
    expect(test).toThrow(/the length of Bob's list at /);
  });

  it("says that marbles have no hours", () =>
    expect(marbles((m) => void play(m, { alice: "j 1h l" }))).toThrow("Marbles have no hours: write 60m"));
});
