// What each party may do in a call: the caller, the users who may answer, the chosen party, strangers.
import { timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../../support/marbles.ts";
import { rawParty } from "./raw-party.ts";
import { type Sent, statusOf, voipScene, wordsOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

type Call = ReturnType<ReturnType<ReturnType<typeof voipScene>["enter"]>["call"]>;

const callIdOf = (sent: readonly Sent[]) => String(sent[0]?.content["call_id"]);

describe("A call of ours", () => {
  it(
    "chooses the first answer, announces the choice, and ignores later answers (voip 21, 22)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(2_000, () => rawParty(scene, "bob", "b1").answer(callIdOf(scene.sent)));
      at(3_000, () => rawParty(scene, "carl", "c1").answer(callIdOf(scene.sent)));
      at(4_000, () => expect(call!.state$.value.opponent).toEqual({ userId: "@bob:example.org", partyId: "b1" }));
      at(5_000, () => call!.hangUp());
      flush();
      const selections = scene.sent.filter(({ word }) => word === "alice select_answer");
      expect(selections.map(({ content }) => content["selected_party_id"])).toEqual(["b1"]);
    }),
  );

  it(
    "ends when somebody rejects it, and announces that too (voip 22)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(2_000, () => rawParty(scene, "bob", "b1").send("reject", { call_id: callIdOf(scene.sent) }));
      flush();
      expect(statusOf(call!)).toBe("ended rejected by them");
      expect(scene.sent.at(-1)).toMatchObject({ word: "alice select_answer", content: { selected_party_id: "b1" } });
    }),
  );

  it(
    "goes on if another device rejects it after an answer (voip 24)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(2_000, () => rawParty(scene, "bob/PHONE", "b1").answer(callIdOf(scene.sent)));
      at(2_500, () => rawParty(scene, "bob/TABLET", "b2").send("reject", { call_id: callIdOf(scene.sent) }));
      const seen: string[] = [];
      at(3_000, () => seen.push(statusOf(call!)));
      at(4_000, () => call!.hangUp());
      flush();
      expect(seen).toEqual(["connecting"]);
    }),
  );

  it(
    "accepts an answer, a reject or a hangup only from the user who was called (voip 25)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call("@bob:example.org")));
      const carl = rawParty(scene, "carl", "c1");
      at(2_000, () => carl.answer(callIdOf(scene.sent)));
      at(2_100, () => carl.send("reject", { call_id: callIdOf(scene.sent) }));
      at(2_200, () => carl.send("hangup", { call_id: callIdOf(scene.sent), reason: "user_hangup" }));
      const seen: string[] = [];
      at(3_000, () => seen.push(statusOf(call!)));
      at(4_000, () => call!.hangUp());
      flush();
      expect(seen).toEqual(["calling"]);
      const ignored = alice.trace.filter(({ kind }) => kind === "event-ignored");
      expect(ignored).toHaveLength(3);
    }),
  );

  it(
    "is hung up by the chosen party alone, once one is chosen (voip 30)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      const hangup = () => ({ call_id: callIdOf(scene.sent), reason: "user_hangup" });
      at(1_000, () => (call = alice.call()));
      at(2_000, () => rawParty(scene, "bob/PHONE", "b1").answer(callIdOf(scene.sent)));
      at(3_000, () => rawParty(scene, "bob/TABLET", "b2").send("hangup", hangup()));
      const seen: string[] = [];
      at(4_000, () => seen.push(statusOf(call!)));
      at(5_000, () => rawParty(scene, "bob/PHONE", "b1").send("hangup", hangup()));
      flush();
      expect([...seen, statusOf(call!)]).toEqual(["connecting", "ended hung-up by them"]);
    }),
  );

  it(
    "names itself, its version and its party in every event, and gives a reason in each hangup (voip 2, 28)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      at(1_000, () => alice.call());
      at(2_000, () => bob.answer());
      at(3_000, () => bob.first().hold(true));
      at(4_000, () => bob.first().hangUp());
      at(5_000, () => alice.call());
      at(6_000, () => alice.first().hangUp());
      flush();
      const ids = scene.sent.map(({ content }) => [
        typeof content["call_id"],
        content["version"],
        typeof content["party_id"],
      ]);
      expect(new Set(ids.map((id) => id.join()))).toEqual(new Set(["string,1,string"]));
      const reasons = scene.sent.flatMap(({ word, content }) => (word.endsWith("hangup") ? [content["reason"]] : []));
      expect(reasons).toEqual(["user_hangup", "user_hangup"]);
      const parties = scene.sent.map(({ content }) => String(content["party_id"]));
      for (const party of parties) expect(party).toMatch(/^[0-9a-zA-Z._~-]{8,255}$/);
      expect(parties).not.toContain("PHONE");
    }),
  );
});

describe("A call of theirs", () => {
  it(
    "ends, and sends nothing, when the caller chose another party (voip 23)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      const alice = rawParty(scene, "alice", "a1");
      at(1_000, () => alice.invite());
      let call: Call | undefined;
      at(2_000, () => {
        call = bob.first();
        bob.answer();
      });
      at(3_000, () => alice.send("select_answer", { selected_party_id: "somebody" }));
      flush();
      expect(statusOf(call!)).toBe("ended answered-elsewhere by them");
      expect(wordsOf(scene.sent).at(-1)).toBe("alice select_answer");
    }),
  );

  it(
    "is chosen by its caller's party alone (voip 25)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const bob = scene.enter("bob");
      at(1_000, () => rawParty(scene, "alice", "a1").invite());
      at(2_000, () => bob.answer());
      const chosen = { selected_party_id: "somebody" };
      at(3_000, () => rawParty(scene, "carl", "a1").send("select_answer", chosen));
      at(3_100, () => rawParty(scene, "alice", "a2").send("select_answer", chosen));
      const seen: string[] = [];
      at(4_000, () => seen.push(statusOf(bob.first())));
      at(5_000, () => bob.first().hangUp());
      flush();
      expect(seen).toEqual(["connecting"]);
    }),
  );

  it(
    "is rejected by m.call.reject, or by m.call.hangup if the caller has version 0 (voip 27)",
    marbles(({ flush }) => {
      for (const version of ["1", 0] as const) {
        const scene = voipScene(["alice", "bob"]);
        const bob = scene.enter("bob");
        at(1_000, () => rawParty(scene, "alice", "a1", version).invite());
        at(2_000, () => bob.first().reject());
        at(3_000, () => {
          expect(wordsOf(scene.sent)).toEqual(["alice invite", version === "1" ? "bob reject" : "bob hangup"]);
          expect(scene.sent.at(-1)?.content["reason"]).toBe(version === "1" ? undefined : "user_hangup");
        });
      }
      flush();
    }),
  );

  it(
    "is rejected with user_busy only if the app asks for that (voip 31)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      const calls: Call[] = [];
      at(1_000, () => calls.push(alice.call()));
      at(2_000, () => bob.first().reject({ isBusy: true }));
      at(3_000, () => calls.push(alice.call()));
      at(4_000, () => bob.first().reject());
      flush();
      expect(calls.map(statusOf)).toEqual(["ended busy by them", "ended rejected by them"]);
      const rejects = scene.sent.filter(({ word }) => word === "bob reject");
      expect(rejects.map(({ content }) => content["reason"])).toEqual(["user_busy", undefined]);
    }),
  );
});

describe("In a call", () => {
  it(
    "only the chosen party of two that know version 1 may negotiate, and only in time (voip 32, 33)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const bob = scene.enter("bob", "mic");
      const negotiate = { lifetime: 60_000, description: { type: "offer", sdp: "v=0" } };
      at(1_000, () => rawParty(scene, "alice", "a1").invite());
      at(2_000, () => bob.answer());
      at(3_000, () => rawParty(scene, "carl", "a1").send("negotiate", negotiate));
      at(3_100, () => rawParty(scene, "alice", "a2").send("negotiate", negotiate));
      at(3_200, () => rawParty(scene, "alice", "a1").send("negotiate", { ...negotiate, lifetime: 1 }));
      at(5_000, () => bob.first().hangUp());
      at(6_000, () => rawParty(scene, "alice", "a1", 0).invite({ call_id: "old" }));
      at(7_000, () => bob.answer());
      at(8_000, () => rawParty(scene, "alice", "a1", 0).send("negotiate", { ...negotiate, call_id: "old" }));
      at(9_000, () => bob.first().hangUp());
      flush();
      const reasons = bob.trace.flatMap((entry) => (entry.kind === "event-ignored" ? [entry.reason] : []));
      expect(reasons).toEqual(["wrong-party", "wrong-party", "expired", "out-of-turn"]);
      expect(wordsOf(scene.sent).filter((word) => word === "bob negotiate")).toEqual([]);
    }),
  );

  it(
    "an offer is answered by a negotiate of type answer (voip 34)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const [alice, bob] = [scene.enter("alice"), scene.enter("bob")];
      at(1_000, () => alice.call());
      at(2_000, () => bob.answer());
      at(3_000, () => alice.first().hold(true));
      at(4_000, () => alice.first().hangUp());
      flush();
      const types = scene.sent.flatMap(({ word, content }) =>
        word.endsWith("negotiate") ? [`${word} ${(content["description"] as { type: string }).type}`] : [],
      );
      expect(types).toEqual(["alice negotiate offer", "bob negotiate answer"]);
    }),
  );

  it(
    "with a client of version 0, nothing is sent but invite, candidates, answer and hangup",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      const bob = rawParty(scene, "bob", "", 0);
      at(1_000, () => alice.call());
      at(2_000, () => bob.answer(callIdOf(scene.sent)));
      at(3_000, () => alice.first().hold(true));
      at(3_500, () => alice.media$.next({}));
      const seen: unknown[] = [];
      at(4_000, () => {
        const state = alice.first().state$.value;
        seen.push(state.opponent, state.status);
      });
      at(5_000, () => alice.first().hangUp());
      flush();
      expect(seen).toEqual([{ userId: "@bob:example.org", partyId: undefined }, "connecting"]);
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "bob answer", "alice hangup"]);
    }),
  );

  it(
    "a hangup of a client of version 0 rejects our call",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      let call: Call | undefined;
      at(1_000, () => (call = alice.call()));
      at(2_000, () => rawParty(scene, "bob", "", 0).send("hangup", { call_id: callIdOf(scene.sent) }));
      flush();
      expect(statusOf(call!)).toBe("ended rejected by them");
    }),
  );

  it(
    "the identity that the chosen party asserts is shown, and that of others is not (voip 43)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const bob = scene.enter("bob");
      const identity = (name: string) => ({ asserted_identity: { display_name: name } });
      at(1_000, () => rawParty(scene, "alice", "a1").invite());
      at(2_000, () => bob.answer());
      at(3_000, () => rawParty(scene, "alice", "a1").send("asserted_identity", identity("the bank")));
      at(3_100, () => rawParty(scene, "carl", "a1").send("asserted_identity", identity("carl")));
      const seen: unknown[] = [];
      at(4_000, () => seen.push(bob.first().state$.value.identity));
      at(5_000, () => bob.first().hangUp());
      flush();
      expect(seen).toEqual([{ displayName: "the bank" }]);
    }),
  );

  it(
    "events that are not understood change nothing (voip 44)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      const alice = rawParty(scene, "alice", "a1");
      at(1_000, () => alice.invite());
      at(2_000, () => bob.answer());
      at(3_000, () => alice.send("replaces", { replacement_id: "x", target_room: "!x", create_call: "y" }));
      at(3_100, () => alice.send("negotiate", { description: 7 }));
      const seen: string[] = [];
      at(4_000, () => seen.push(statusOf(bob.first())));
      at(5_000, () => bob.first().hangUp());
      flush();
      expect(seen).toEqual(["connecting"]);
      const malformed = bob.trace.flatMap((entry) => (entry.kind === "event-malformed" ? [entry.path] : []));
      expect(malformed).toEqual(["description"]);
    }),
  );
});
