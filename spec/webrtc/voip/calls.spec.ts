// 1:1 calls from their first sign to their end, as an app sees them.
import { EMPTY, map, NEVER, Subject, throwError, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError } from "../../../src/errors.ts";
import { MatrixError } from "../../../src/matrix.ts";
import type { OutgoingMedia } from "../../../src/media/outgoing.ts";
import { virtualHomeserver, virtualPeers } from "../../../src/testing/index.ts";
import { voipCalls } from "../../../src/webrtc/voip/voip-calls.ts";
import { marbles } from "../../support/marbles.ts";
import { sending } from "../scene.ts";
import { rawParty } from "./raw-party.ts";
import { statusOf, voipScene, wordsOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

type Call = ReturnType<ReturnType<ReturnType<typeof voipScene>["enter"]>["call"]>;

const full = ["alice>bob camera", "alice>bob microphone", "bob>alice camera", "bob>alice microphone"];

describe("A 1:1 call", () => {
  it(
    "rings, is answered, connects, and is hung up",
    marbles(({ expectObservable, flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const call = alice.call();
      at(1_000, () => bob.answer());
      let flows: readonly string[] = [];
      at(2_000, () => (flows = scene.peers.flows()));
      at(3_000, () => bob.first().hangUp());
      const status$ = call.state$.pipe(map(() => statusOf(call)));
      const words = { p: "preparing", c: "calling", o: "connecting", n: "connected", e: "ended hung-up by them" };
      expectObservable(status$).toBe("p-----c 1002ms o 31ms n 1963ms (e|)", words);
      flush();
      expect(flows).toEqual(full);
      expect(scene.peers.open).toHaveLength(0);
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "bob answer", "alice select_answer", "bob hangup"]);
    }),
  );

  it(
    "shows in its state that we hold, that the other side holds, and since when it is connected",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      at(0, () => alice.call());
      at(1_000, () => bob.answer());
      at(2_000, () => alice.first().hold(true));
      const seen: unknown[] = [];
      at(3_000, () => seen.push(alice.first().state$.value, bob.first().state$.value, scene.peers.flows()));
      at(4_000, () => alice.first().hold(false));
      at(5_000, () => seen.push(bob.first().state$.value, scene.peers.flows()));
      at(6_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual([
        expect.objectContaining({
          status: "connected",
          isHolding: true,
          isHeld: false,
          canRenegotiate: true,
          sinceTs: 1_041,
        }),
        expect.objectContaining({ isHolding: false, isHeld: true }),
        [],
        expect.objectContaining({ isHolding: false, isHeld: false }),
        full,
      ]);
    }),
  );

  it(
    "shows what the other side sends: muted pictures are said to be, and received sound is never touched (voip 40)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      at(0, () => alice.call());
      at(1_000, () => bob.answer());
      at(2_000, () => alice.media$.next(sending("mic! cam!")));
      const seen: unknown[] = [];
      at(3_000, () => seen.push(...bob.first().tracks$.value));
      at(4_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual([
        { source: "microphone", muted: true, track: expect.objectContaining({ kind: "audio" }) },
        { source: "camera", muted: true, track: expect.objectContaining({ kind: "video" }) },
      ]);
    }),
  );

  it(
    "offers no picture if the caller sends none, so that it rings as a call for the ear",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice", "mic"), scene.enter("bob", "mic")];
      at(0, () => alice.call());
      const seen: unknown[] = [];
      at(1_000, () => seen.push(bob.first().offers));
      at(1_100, () => bob.answer());
      at(2_000, () => alice.media$.next(sending("mic cam")));
      at(3_000, () => seen.push(scene.peers.flows()));
      at(4_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual([["audio"], ["alice>bob camera", "alice>bob microphone", "bob>alice microphone"]]);
    }),
  );

  it(
    "sends tones over the media and no event about them (voip 42)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const sent: boolean[] = [];
      at(0, () => {
        sent.push(alice.call().sendDtmf("1"));
      });
      at(1_000, () => bob.answer());
      at(2_000, () => sent.push(alice.first().sendDtmf("123#"), alice.first().sendDtmf("x")));
      let tones = "";
      at(3_000, () => {
        tones = scene.peers.open.find(({ device }) => device === "alice")?.tones ?? "";
        alice.first().hangUp();
      });
      flush();
      expect([sent, tones]).toEqual([[false, true, false], "123#"]);
      expect(wordsOf(scene.sent)).not.toContain("alice dtmf");
    }),
  );

  it(
    "that nobody could answer before it was cancelled sends an invite and a hangup, in that order",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(0, () => (call = alice.call()));
      // The invite has left, and is not there yet.
      at(7, () => call!.hangUp());
      let other: Call | undefined;
      at(1_000, () => {
        other = alice.call();
        other.hangUp();
      });
      flush();
      expect([statusOf(call!), statusOf(other!)]).toEqual(["ended cancelled by us", "ended cancelled by us"]);
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "alice hangup"]);
    }),
  );

  it(
    "ends with no-media if the camera cannot be opened, and says so to those who know of it",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const media = throwError(() => new Error("no camera"));
      const placed = [media, EMPTY].map((broken) => alice.calls.call(scene.roomId, { media: broken }));
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(2_000, () => bob.first().answer({ media }));
      flush();
      expect(placed.map(statusOf)).toEqual(["ended no-media by us", "ended no-media by us"]);
      expect(statusOf(call!)).toBe("ended no-media by them");
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "bob reject", "alice select_answer"]);
    }),
  );

  it(
    "waits for its media, and sends nothing before",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      const media$ = new Subject<OutgoingMedia>();
      at(0, () => alice.calls.call(scene.roomId, { media: media$ }));
      at(5_000, () => media$.next(sending("mic")));
      at(6_000, () => alice.first().hangUp());
      flush();
      expect(scene.sent[0]).toMatchObject({ word: "alice invite", ts: 5_004 });
    }),
  );

  it(
    "ends with signalling-failed if its invite is refused, and is tried again after trouble of the network",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      const invite = { request: "send", type: "m.call.invite" } as const;
      let call: Call | undefined;
      at(0, () => {
        scene.home.injectFault(invite, { fail: new MatrixError("forbidden", "no") });
        call = alice.call();
      });
      at(1_000, () => {
        scene.home.injectFault(invite, { fail: new MatrixError("network", "no"), times: 3 });
        alice.call();
      });
      at(9_000, () => alice.first().hangUp());
      flush();
      expect(statusOf(call!)).toBe("ended signalling-failed by us");
      expect(scene.sent[0]).toMatchObject({ word: "alice invite" });
      expect(scene.sent[0]!.ts).toBeGreaterThan(4_500);
    }),
  );

  it(
    "goes on when a message is lost on the way that is no part of its beginning",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      at(0, () => alice.call());
      at(1_000, () => bob.answer());
      at(2_000, () => {
        const metadata = { request: "send", type: "m.call.sdp_stream_metadata_changed" } as const;
        scene.home.injectFault(metadata, { fail: new MatrixError("forbidden", "no") });
        alice.media$.next(sending("mic! cam"));
      });
      const seen: string[] = [];
      at(5_000, () => seen.push(statusOf(alice.first()), statusOf(bob.first())));
      at(6_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual(["connected", "connected"]);
    }),
  );

  it(
    "that loses its network shows that it reconnects, and ends with a reason if that lasts (voip 29)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      let call: Call | undefined;
      at(0, () => (call = alice.call()));
      at(1_000, () => bob.answer());
      at(2_000, () => scene.peers.cut("bob"));
      const seen: string[] = [];
      at(8_000, () => seen.push(statusOf(call!)));
      at(9_000, () => scene.peers.heal("bob"));
      at(10_000, () => seen.push(statusOf(call!)));
      at(11_000, () => scene.peers.cut("bob"));
      flush();
      expect([...seen, statusOf(call!)]).toEqual(["reconnecting", "connected", "ended connection-failed by us"]);
      const reasons = scene.sent.flatMap(({ word, content }) => (word.endsWith("hangup") ? [content["reason"]] : []));
      expect(reasons).toContain("ice_timeout");
    }),
  );

  it(
    "takes candidates that come before their invite, and before their answer is chosen (voip 19)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const alice = scene.enter("alice");
      const bob = rawParty(scene, "bob", "b1");
      const candidates = { candidates: [{ candidate: "candidate:0", sdpMid: "0", usernameFragment: "raw-1" }] };
      at(1_000, () => bob.send("candidates", candidates));
      at(1_100, () => rawParty(scene, "carl", "b1").send("candidates", candidates));
      at(1_200, () => bob.invite());
      at(2_000, () => alice.answer());
      const heard: boolean[] = [];
      at(3_000, () => heard.push(scene.peers.open[0]!.hasRemoteCandidate));
      at(4_000, () => alice.first().hangUp());
      const callId = () => String(scene.sent.find(({ word }) => word === "alice invite")!.content["call_id"]);
      at(5_000, () => alice.call());
      at(6_000, () => bob.send("candidates", { ...candidates, call_id: callId() }));
      at(6_100, () => bob.answer(callId()));
      at(7_000, () => heard.push(scene.peers.open[0]!.hasRemoteCandidate));
      at(8_000, () => alice.first().hangUp());
      flush();
      expect(heard).toEqual([true, true]);
    }),
  );
});

describe("The calls of a client", () => {
  it("need a room that the client knows, options that make sense, and a port that reads timelines", () => {
    const home = virtualHomeserver();
    const matrix = home.client("@alice:example.org", "PHONE");
    const roomId = home.createRoom({ members: ["@alice:example.org"] });
    const peers = virtualPeers().device("alice");
    const codeOf = (act: () => unknown) => {
      try {
        act();
      } catch (error) {
        return error instanceof RtcError ? error.code : error;
      }
      return "none";
    };
    const { timelineEvents: _, ...older } = matrix;
    const calls = voipCalls(matrix, { peers });
    expect([
      codeOf(() => voipCalls(older, { peers })),
      codeOf(() => voipCalls(matrix)),
      codeOf(() => voipCalls(matrix, { peers, lifetimeMs: 1 })),
      codeOf(() => calls.call("!nowhere", { media: {} })),
      codeOf(() => calls.call(roomId, { media: 7 as never })),
    ]).toEqual(["unsupported", "unsupported", "bad-argument", "unknown-room", "bad-argument"]);
  });

  it(
    "are one for each room: a second call in it is refused, and a call that rings in it is answered",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const seen: unknown[] = [];
      at(0, () => {
        alice.calls.call(scene.roomId, { media: NEVER });
        try {
          alice.call();
        } catch (error) {
          seen.push((error as RtcError).code);
        }
        alice.first().hangUp();
      });
      at(1_000, () => alice.call());
      at(2_000, () => {
        const ringing = bob.first();
        seen.push(bob.call() === ringing);
      });
      at(3_000, () => seen.push(statusOf(bob.first())));
      at(4_000, () => bob.first().hangUp());
      flush();
      expect(seen).toEqual(["already-joined", true, "connected"]);
    }),
  );

  it(
    "go on without a listener once placed or answered, and ring only while somebody listens",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      let call: Call | undefined;
      at(0, () => (call = alice.call()));
      at(500, () => alice.stop());
      at(1_000, () => {
        bob.answer();
        bob.stop();
      });
      const seen: string[] = [];
      at(2_000, () => seen.push(statusOf(call!)));
      at(3_000, () => call!.hangUp());
      flush();
      expect(seen).toEqual(["connected"]);
      expect(scene.peers.open).toHaveLength(0);
    }),
  );

  it(
    "leave nothing behind: 1,000 of them, placed, answered, refused, crossed and cancelled",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"], { endMs: 1e9, latencyMs: 1, syncMs: 1 });
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const rounds = 1_000;
      const left: number[] = [];
      const round = (index: number): void => {
        const call = alice.call();
        if (index % 4 === 0) at(100, () => bob.answer());
        if (index % 4 === 1) at(100, () => bob.first().reject());
        if (index % 4 === 2) bob.call();
        at(700, () => call.hangUp());
        at(800, () => bob.calls.calls$.value.forEach((one) => one.hangUp()));
        at(1_000, () => {
          left.push(scene.peers.open.length + alice.calls.calls$.value.length + bob.calls.calls$.value.length);
          if (index + 1 < rounds) round(index + 1);
          else [alice, bob].forEach(({ stop }) => stop());
        });
      };
      at(0, () => round(0));
      flush();
      expect(left).toHaveLength(rounds);
      expect(new Set(left)).toEqual(new Set([0]));
    }),
    180_000,
  );
});
