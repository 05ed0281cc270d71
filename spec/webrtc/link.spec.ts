// Links: two sides that negotiate, connect, change and recover, in virtual time.
import { filter, map, type Observable, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { LinkState } from "../../src/webrtc/link.ts";
import { marbles } from "../support/marbles.ts";
import { callTiming, meshTiming } from "../../src/webrtc/timing.ts";
import type { NegotiationTiming } from "../../src/webrtc/negotiation-model.ts";
import { sending, twoLinks, words } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

const sourcesOf = (state$: Observable<LinkState>) =>
  state$.pipe(map(({ tracks }) => tracks.map(({ source, muted }) => `${source}${muted ? "!" : ""}`).join(" ")));

const connectionsOf = (state$: Observable<LinkState>) =>
  state$.pipe(
    map(({ connection }) => connection),
    filter((connection, index) => index === 0 || connection !== "new"),
  );

const everything = ["alice>bob camera", "alice>bob microphone", "bob>alice camera", "bob>alice microphone"];

describe("Two links", () => {
  it(
    "describe themselves, send their candidates with an end, and media flows both ways",
    marbles(({ expectObservable, flush }) => {
      const { alice, bob, peers } = twoLinks();
      const [o, a, c] = ["offer", "answer", "ccend"];
      expectObservable(words(alice.said$), "^ 1s !").toBe("--o 59ms c             ", { o, c });
      expectObservable(words(bob.said$), "  ^ 1s !").toBe("---------------- a 59ms c", { a, c });
      let flows: readonly string[] = [];
      at(1_000, () => (flows = peers.flows()));
      flush();
      expect(flows).toEqual(everything);
    }),
  );

  it(
    "send candidates after 200 ms, then every 2 s until there is an answer, and the rest at once when all are gathered (voip 16)",
    marbles(({ expectObservable }) => {
      const gathering = (gatherMs: number) => twoLinks({ lose: () => true, peerTiming: { gatherMs } }).alice;
      const word = { o: "offer", c: "c", e: "cend" };
      expectObservable(words(gathering(180).said$), "^ 6s !").toBe("  --o 199ms  c 339ms e             ", word);
      expectObservable(words(gathering(900).said$), "^ 6s !").toBe("  --o 899ms  c 1799ms e            ", word);
      const slowly = { ...word, e: "end" };
      expectObservable(words(gathering(1_900).said$), "^ 6s !").toBe("--o 1899ms c 1999ms c 1799ms e", slowly);
    }),
  );

  it(
    "send the end of their candidates even if they have none (voip 17)",
    marbles(({ expectObservable }) => {
      const { alice } = twoLinks({ relayOnly: true });
      expectObservable(words(alice.said$), "^ 1s !").toBe("--o 19ms e", { o: "offer", e: "end" });
    }),
  );

  it(
    "mute with a message alone, and share a screen with another offer (voip 41)",
    marbles(({ expectObservable }) => {
      const { alice, bob } = twoLinks();
      at(1_000, () => alice.media$.next(sending("mic! cam")));
      at(2_000, () => alice.media$.next(sending("mic! cam screen")));
      at(3_000, () => alice.media$.next(sending("mic! cam")));
      const said$ = alice.said$.pipe(filter(({ kind }) => kind !== "candidates"));
      const said = { m: "metadata", o: "offer", x: "offer" };
      expectObservable(words(said$), "^ 4s !").toBe("--x 997ms m 1001ms o 997ms m-o", said);
      const seen = {
        a: "microphone camera",
        b: "microphone! camera",
        c: "microphone! camera screen_share",
        d: "microphone! camera",
      };
      const sources$ = sourcesOf(bob.state$).pipe(filter((word, index) => index === 0 || word !== ""));
      expectObservable(changesOf(sources$), "^ 4s !").toBe("-------------- a 995ms b 1003ms c 995ms d", seen);
    }),
  );

  it(
    "hold by their directions, either or both of them (voip 36)",
    marbles(({ expectObservable, flush }) => {
      const { alice, bob, peers } = twoLinks();
      const flows: string[] = [];
      const look = (ms: number) => at(ms, () => flows.push(peers.flows().join(", ")));
      at(1_000, () => bob.isHolding$.next(true));
      look(1_500);
      at(2_000, () => alice.isHolding$.next(true));
      at(3_000, () => bob.isHolding$.next(false));
      look(3_500);
      at(4_000, () => alice.isHolding$.next(false));
      look(4_500);
      const holds = ({ isHolding, isHeld }: LinkState) => `${isHolding ? "h" : "-"}${isHeld ? "H" : "-"}`;
      const marks = { n: "--", h: "h-", H: "-H", b: "hH" };
      expectObservable(changesOf(alice.state$.pipe(map(holds))), "^ 5s !").toBe(
        "28ms n 985ms H 985ms b 1013ms h 985ms n",
        marks,
      );
      expectObservable(changesOf(bob.state$.pipe(map(holds))), "  ^ 5s !").toBe(
        "--------------n 985ms h 1999ms n 27ms H 985ms n",
        marks,
      );
      flush();
      expect(flows).toEqual(["", "", everything.join(", ")]);
    }),
  );

  it(
    "agree on the same when both change something at once: the called side takes its offer back (mesh 11, voip 35)",
    marbles(({ flush }) => {
      const { alice, bob, peers } = twoLinks();
      at(1_000, () => {
        alice.media$.next(sending("mic cam screen"));
        bob.media$.next(sending("mic cam screen"));
      });
      let flows: readonly string[] = [];
      const rounds: string[] = [];
      words(alice.said$).subscribe((word) => rounds.push(`alice ${word}`));
      words(bob.said$).subscribe((word) => rounds.push(`bob ${word}`));
      at(2_000, () => {
        flows = peers.flows();
        const [first, second] = peers.open.map(({ session }) => session);
        expect(first?.local).toEqual(second?.remote);
        expect(first?.remote).toEqual(second?.local);
      });
      flush();
      expect(rounds.filter((word) => /offer|answer/.test(word))).toEqual([
        "alice offer",
        "bob answer",
        "alice offer",
        "bob offer",
        "bob answer",
        "bob offer",
        "alice answer",
      ]);
      expect(flows).toEqual([...everything, "alice>bob screen_share", "bob>alice screen_share"].toSorted());
    }),
  );

  it(
    "restart ICE 2 s after an interruption, once, and go on when the network is back",
    marbles(({ expectObservable, flush }) => {
      const { alice, bob, peers } = twoLinks();
      at(1_000, () => peers.cut("bob"));
      at(11_000, () => peers.heal("bob"));
      const states = { o: "connecting", c: "connected", r: "reconnecting" };
      const ofAlice = "28ms o 75ms c 5895ms r 4999ms c";
      expectObservable(changesOf(connectionsOf(alice.state$)), "^ 15s !").toBe(ofAlice, states);
      const offers: number[] = [];
      words(bob.said$).subscribe((word) => word === "offer" && offers.push(1));
      flush();
      expect(offers).toEqual([]);
    }),
  );

  it(
    "end with ice_timeout when an interruption lasts, and with ice_failed when they never connected (voip 29)",
    marbles(({ expectObservable }) => {
      const lasting = twoLinks();
      at(1_000, () => lasting.peers.cut("bob"));
      const never = twoLinks({ relayOnly: true });
      const failureOf = ({ alice }: typeof lasting) =>
        alice.state$.pipe(
          map(({ failure }) => failure),
          filter(Boolean),
        );
      expectObservable(failureOf(lasting)).toBe("21s (f|)", { f: "ice_timeout" });
      expectObservable(failureOf(never)).toBe("20028ms (f|)", { f: "ice_failed" });
    }),
  );

  it(
    "wait for the answer to a later offer for as long as it takes, or fail where messages may be lost",
    marbles(({ expectObservable, flush }) => {
      const failureOf = (timing: NegotiationTiming) => {
        let isLost = false;
        const { alice, peers } = twoLinks({ lose: () => isLost, timing });
        at(1_000, () => {
          isLost = true;
          alice.media$.next(sending("mic cam screen"));
        });
        at(60_000, () => flows.push(peers.flows().join()));
        return alice.state$.pipe(
          map(({ failure }) => failure),
          filter(Boolean),
        );
      };
      const flows: string[] = [];
      expectObservable(failureOf(callTiming)).toBe("120s |");
      expectObservable(failureOf(meshTiming)).toBe("16002ms (f|)", { f: "signalling_timeout" });
      flush();
      expect(flows).toEqual([everything.join(), ""]);
    }),
  );

  it(
    "close their peer connections when nobody listens any longer",
    marbles(({ flush }) => {
      const { peers } = twoLinks({ endMs: 1_000 });
      let open = 0;
      at(500, () => (open = peers.open.length));
      flush();
      expect([open, peers.open.length]).toEqual([2, 0]);
    }),
  );
});

function changesOf<T>(values$: Observable<T>): Observable<T> {
  let last: T | undefined;
  return values$.pipe(filter((value) => value !== last && ((last = value), true)));
}
