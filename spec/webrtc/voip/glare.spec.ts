// Two people call each other at the same time: to both it is one call.
import { Observable, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { OutgoingMedia } from "../../../src/media/outgoing.ts";
import { marbles } from "../../support/marbles.ts";
import { sending } from "../scene.ts";
import { rawParty } from "./raw-party.ts";
import { statusOf, voipScene, wordsOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

type Call = ReturnType<ReturnType<ReturnType<typeof voipScene>["enter"]>["call"]>;

const full = ["alice>bob camera", "alice>bob microphone", "bob>alice camera", "bob>alice microphone"];

/** Alice calls at 1 s, and Bob `gapMs` later. What is there 4 s later. */
function crossing(gapMs: number, options: { readonly invitee?: boolean; readonly answers?: boolean } = {}) {
  const result = {
    words: [] as string[],
    flows: [] as readonly string[],
    open: 0,
    statuses: [] as string[],
    sameCall: false,
  };
  marbles(({ flush }) => {
    const scene = voipScene(["alice", "bob"]);
    const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
    let [ofAlice, ofBob]: (Call | undefined)[] = [];
    if (options.answers)
      for (const person of [alice, bob])
        person.calls.incoming$.subscribe(([call]) => call?.answer({ media: person.media$ }));
    at(1_000, () => (ofAlice = alice.call(options.invitee ? "@bob:example.org" : undefined)));
    at(1_000 + gapMs, () => {
      if (!options.answers || bob.calls.calls$.value.length === 0)
        ofBob = bob.call(options.invitee ? "@alice:example.org" : undefined);
      else ofBob = bob.first();
    });
    at(5_000 + gapMs, () => {
      result.flows = scene.peers.flows();
      result.open = scene.peers.open.length;
      result.statuses = [alice, bob].flatMap(({ calls }) => calls.calls$.value.map(statusOf));
      result.sameCall = alice.calls.calls$.value[0] === ofAlice && bob.calls.calls$.value[0] === ofBob;
      ofAlice?.hangUp();
    });
    flush();
    result.words.push(...wordsOf(scene.sent));
  })();
  return result;
}

describe("Two calls that cross", () => {
  it("are one call, whatever lies between them: also when the other one rings already (voip 45, 46, 48)", () => {
    const gaps = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 50, 130, 160, 362, 400, 441, 2_000];
    for (const gapMs of gaps)
      for (const options of [{}, { invitee: true }, { answers: true }]) {
        const { flows, open, statuses, sameCall } = crossing(gapMs, options);
        expect({ gapMs, flows, open, statuses, sameCall }).toEqual({
          gapMs,
          flows: full,
          open: 2,
          statuses: ["connected", "connected"],
          sameCall: true,
        });
      }
  });

  it("send no invite for a call that was still being prepared: theirs is accepted at once (voip 45)", () => {
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice", "mic");
      const bob = rawParty(scene, "bob", "b1");
      let call: Call | undefined;
      at(1_000, () => bob.invite());
      // Alice's client learns of it at 1,005 ms.
      at(1_004, () => (call = alice.call()));
      const seen: string[] = [];
      at(1_200, () => seen.push(statusOf(call!)));
      at(2_000, () => call!.hangUp());
      flush();
      expect(seen).toEqual(["connecting"]);
      expect(wordsOf(scene.sent)).toEqual(["bob invite", "alice answer", "alice hangup"]);
    })();
  });

  it("keep the smaller call id once both were sent; the greater one is hung up as replaced (voip 46)", () => {
    for (const [theirs, isKept] of [
      ["a", false],
      ["z", true],
    ] as const)
      marbles(({ flush }) => {
        const scene = voipScene(["alice", "bob"]);
        const alice = scene.enter("alice", "mic");
        const bob = rawParty(scene, "bob", "b1");
        let call: Call | undefined;
        at(1_000, () => (call = alice.call()));
        at(1_500, () => bob.invite({ call_id: theirs }));
        const seen: string[] = [];
        at(2_000, () => seen.push(statusOf(call!), String(alice.calls.incoming$.value.length)));
        at(2_100, () => bob.send("hangup", { call_id: theirs, reason: "replaced" }));
        at(5_000, () => call!.hangUp());
        flush();
        expect(seen).toEqual([isKept ? "calling" : "connecting", "0"]);
        const expected = isKept
          ? ["alice invite", "bob invite", "bob hangup", "alice hangup"]
          : ["alice invite", "bob invite", "alice hangup", "alice answer", "bob hangup"];
        expect(wordsOf(scene.sent)).toEqual(expected);
        const hangup = scene.sent.find(({ word }) => word === "alice hangup");
        expect(hangup?.content["reason"]).toBe(isKept ? "user_hangup" : "replaced");
      })();
  });

  it("become one in the end even if the other client does not know the rule", () => {
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice", "mic");
      const bob = rawParty(scene, "bob", "b1");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(1_500, () => bob.invite({ call_id: "z" }));
      const seen: string[] = [];
      at(4_000, () => seen.push(statusOf(call!)));
      at(5_000, () => seen.push(statusOf(call!)));
      at(6_000, () => call!.hangUp());
      flush();
      expect(seen).toEqual(["calling", "connecting"]);
      expect(wordsOf(scene.sent)).toEqual([
        "alice invite",
        "bob invite",
        "alice hangup",
        "alice answer",
        "alice hangup",
      ]);
    })();
  });

  it("become one also if the other side drops ours before its own invite is here", () => {
    for (const comes of [true, false])
      marbles(({ flush }) => {
        const scene = voipScene(["alice", "bob"]);
        const alice = scene.enter("alice", "mic");
        const bob = rawParty(scene, "bob", "b1");
        let call: Call | undefined;
        at(1_000, () => (call = alice.call()));
        const callId = () => String(scene.sent[0]?.content["call_id"]);
        at(1_500, () => bob.send("hangup", { call_id: callId(), reason: "replaced" }));
        if (comes) at(2_000, () => bob.invite({ call_id: "z" }));
        const seen: string[] = [];
        at(1_900, () => seen.push(statusOf(call!)));
        at(3_000, () => seen.push(statusOf(call!)));
        at(12_000, () => seen.push(statusOf(call!)));
        at(13_000, () => call!.hangUp());
        flush();
        const last = comes ? ["connecting", "connecting"] : ["calling", "ended rejected by them"];
        expect(seen).toEqual(["calling", ...last]);
      })();
  });

  it("use the media that is there: it is not asked for again (voip 47)", () => {
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice", "mic");
      let [opened, closed] = [0, 0];
      const counted = new Observable<OutgoingMedia>((subscriber) => {
        opened += 1;
        subscriber.next(sending("mic"));
        return () => (closed += 1);
      });
      let call: Call | undefined;
      at(1_000, () => (call = alice.calls.call(scene.roomId, { media: counted })));
      at(1_500, () => rawParty(scene, "bob", "b1").invite({ call_id: "a" }));
      const seen: unknown[] = [];
      at(2_000, () => seen.push(opened, closed, statusOf(call!)));
      at(3_000, () => call!.hangUp());
      flush();
      expect([...seen, opened, closed]).toEqual([1, 0, "connecting", 1, 1]);
    })();
  });

  it("count only between the same two users: a call of a third user rings beside ours", () => {
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const alice = scene.enter("alice", "mic");
      at(1_000, () => alice.call("@bob:example.org"));
      at(1_500, () => rawParty(scene, "carl", "c1").invite({ call_id: "a" }));
      const seen: string[] = [];
      at(2_000, () => seen.push(...alice.calls.calls$.value.map(statusOf)));
      at(3_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual(["calling", "ringing"]);
    })();
  });
});
