// When an invite rings, when it does not, and when it stops.
import { timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../../support/marbles.ts";
import { rawParty } from "./raw-party.ts";
import { statusOf, voipScene, wordsOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

type Person = ReturnType<ReturnType<typeof voipScene>["enter"]>;

/** How many calls ring at somebody: at first, and after each change. */
function ringsOf({ calls }: Person): string[] {
  const seen: string[] = [];
  calls.incoming$.subscribe((incoming) => seen.push(String(incoming.length)));
  return seen;
}

const reasonsOf = ({ trace }: Person) =>
  trace.flatMap((entry) => (entry.kind === "invite-ignored" ? [entry.reason] : []));

describe("An invite", () => {
  it(
    "rings at every device of everybody in the room but its sender's (voip 5, 6)",
    marbles(({ flush }) => {
      const { enter } = voipScene(["alice/PHONE", "alice/TABLET", "bob", "carl"]);
      const people = ["alice/PHONE", "alice/TABLET", "bob", "carl"].map((name) => enter(name));
      at(1_000, () => people[0]!.call());
      const ringing: number[] = [];
      at(2_000, () => ringing.push(...people.map(({ calls }) => calls.incoming$.value.length)));
      at(3_000, () => people[0]!.first().hangUp());
      flush();
      expect(ringing).toEqual([0, 0, 1, 1]);
    }),
  );

  it(
    "for another user is ignored, and nothing is sent about it (voip 6, 14)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const [alice, bob, carl] = ["alice", "bob", "carl"].map((name) => scene.enter(name));
      at(1_000, () => alice!.call("@bob:example.org"));
      const ringing: number[] = [];
      at(2_000, () => ringing.push(bob!.calls.incoming$.value.length, carl!.calls.incoming$.value.length));
      at(3_000, () => alice!.first().hangUp());
      flush();
      expect(ringing).toEqual([1, 0]);
      expect(reasonsOf(carl!)).toEqual(["other-invitee"]);
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "alice hangup"]);
    }),
  );

  it(
    "may call another device of the same user (voip 7)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice/PHONE", "alice/TABLET"]);
      const phone = scene.enter("alice/PHONE");
      const tablet = scene.enter("alice/TABLET");
      at(1_000, () => phone.call("@alice:example.org"));
      at(2_000, () => tablet.answer());
      let flows: readonly string[] = [];
      const words: string[] = [];
      at(3_000, () => {
        flows = scene.peers.flows();
        words.push(statusOf(phone.first()), statusOf(tablet.first()));
        tablet.first().hangUp();
      });
      flush();
      expect(words).toEqual(["connected", "connected"]);
      expect(flows).toHaveLength(4);
    }),
  );

  it(
    "rings until its age by the server reaches its lifetime, also on a device that comes late (voip 8, 9)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const raw = rawParty(scene, "alice", "a1");
      at(1_000, () => raw.invite({ lifetime: 30_000 }));
      let late: Person | undefined;
      at(11_000, () => (late = scene.enter("bob")));
      const left: unknown[] = [];
      at(11_001, () => left.push(late!.first().state$.value));
      at(31_001, () => left.push(late!.calls.calls$.value.length));
      at(31_010, () => left.push(late!.calls.calls$.value.length));
      flush();
      // The server took it at 1,002 ms.
      expect(left).toEqual([expect.objectContaining({ status: "ringing", untilTs: 31_002 }), 1, 0]);
    }),
  );

  it(
    "that is too old never rings (voip 9)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      at(1_000, () => rawParty(scene, "alice", "a1").invite({ lifetime: 30_000 }));
      let late: Person | undefined;
      let rings: string[] = [];
      at(31_002, () => {
        late = scene.enter("bob");
        rings = ringsOf(late);
      });
      flush();
      expect(rings).toEqual(["0"]);
    }),
  );

  it(
    "does not ring, not for a moment, if its end comes in the same sync response (voip 10)",
    marbles(({ flush }) => {
      for (const end of ["hangup", "answer", "reject", "select_answer"]) {
        const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET"], { syncMs: 100 });
        const bob = scene.enter("bob/PHONE");
        const rings = ringsOf(bob);
        const ender = end === "hangup" || end === "select_answer" ? "alice" : "bob/TABLET";
        at(1_000, () => {
          rawParty(scene, "alice", "a1").invite();
          const party = rawParty(scene, ender, ender === "alice" ? "a1" : "b2");
          if (end === "answer") party.answer("raw");
          else party.send(end, { reason: "user_hangup", selected_party_id: "b2" });
        });
        at(3_000, () => expect(rings).toEqual(["0"]));
      }
      flush();
    }),
  );

  it(
    "that another device answered before we came does not ring (voip 11)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET"]);
      at(1_000, () => rawParty(scene, "alice", "a1").invite());
      at(2_000, () => rawParty(scene, "bob/TABLET", "b2").answer("raw"));
      let rings: string[] = [];
      at(3_000, () => (rings = ringsOf(scene.enter("bob/PHONE"))));
      flush();
      expect(rings).toEqual(["0"]);
    }),
  );

  it(
    "does not ring in a public room, unless that is wanted (voip 12)",
    marbles(({ flush }) => {
      for (const ringsInPublicRooms of [false, true]) {
        const scene = voipScene(["alice", "bob"], { voip: { ringsInPublicRooms } });
        const rules = { type: "m.room.join_rules", stateKey: "", content: { join_rule: "public" } };
        scene.home.setState(scene.roomId, { sender: "@alice:example.org", ...rules });
        const bob = scene.enter("bob");
        at(1_000, () => rawParty(scene, "alice", "a1").invite());
        at(2_000, () => expect(bob.calls.incoming$.value.length).toBe(ringsInPublicRooms ? 1 : 0));
        at(3_000, () => expect(reasonsOf(bob)).toEqual(ringsInPublicRooms ? [] : ["public-room"]));
      }
      flush();
    }),
  );

  it(
    "of ours rings for 90 s, and says so (voip 13)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      let call: ReturnType<Person["call"]> | undefined;
      at(1_000, () => (call = alice.call()));
      flush();
      expect(scene.sent[0]?.content["lifetime"]).toBe(90_000);
      expect(wordsOf(scene.sent)).toEqual(["alice invite", "alice hangup"]);
      expect(scene.sent.at(-1)).toMatchObject({ ts: 91_004, content: { reason: "invite_timeout" } });
      expect(call && statusOf(call)).toBe("ended no-answer by them");
    }),
  );

  it(
    "stops ringing when its caller hangs up, and not when another party does (voip 3, 25, 30)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob", "carl"]);
      const bob = scene.enter("bob");
      const hangup = { reason: "user_hangup" };
      const [alice, other] = [rawParty(scene, "alice", "a1"), rawParty(scene, "alice", "a2")];
      const carl = rawParty(scene, "carl", "a1");
      at(1_000, () => alice.invite());
      at(2_000, () => carl.send("hangup", hangup));
      at(3_000, () => other.send("hangup", hangup));
      const seen: string[] = [];
      let call: ReturnType<Person["call"]> | undefined;
      at(4_000, () => {
        call = bob.first();
        seen.push(statusOf(call));
      });
      at(5_000, () => alice.send("hangup", hangup));
      flush();
      expect([...seen, statusOf(call!)]).toEqual(["ringing", "ended cancelled by them"]);
    }),
  );

  it(
    "stops ringing when the caller leaves the room (voip 15)",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      at(1_000, () => rawParty(scene, "alice", "a1").invite());
      let call: ReturnType<Person["call"]> | undefined;
      at(2_000, () => (call = bob.first()));
      at(3_000, () => scene.home.leaveRoom(scene.roomId, "@alice:example.org"));
      flush();
      expect(statusOf(call!)).toBe("ended left-room by them");
    }),
  );

  it(
    "stops ringing when another device of the user answers, rejects, or is chosen (voip 26)",
    marbles(({ flush }) => {
      const ends = {
        answer: "ended answered-elsewhere by us",
        reject: "ended rejected-elsewhere by us",
        select_answer: "ended answered-elsewhere by them",
      };
      for (const [type, end] of Object.entries(ends)) {
        const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET"]);
        const bob = scene.enter("bob/PHONE");
        const [alice, tablet] = [rawParty(scene, "alice", "a1"), rawParty(scene, "bob/TABLET", "b2")];
        at(1_000, () => alice.invite());
        let call: ReturnType<Person["call"]> | undefined;
        at(2_000, () => (call = bob.first()));
        at(3_000, () => {
          if (type === "answer") tablet.answer("raw");
          else if (type === "reject") tablet.send("reject");
          else alice.send("select_answer", { selected_party_id: "b2" });
        });
        at(4_000, () => expect(statusOf(call!)).toBe(end));
        at(4_001, () => expect(scene.sent.filter(({ word }) => word.startsWith("bob")).length).toBeLessThan(2));
      }
      flush();
    }),
  );

  it.each([
    ["its caller hangs up", "alice", "a1", "hangup", false],
    ["its caller chooses a device", "alice", "a1", "select_answer", false],
    ["another device of the user answers", "bob/TABLET", "b2", "answer", false],
    ["another device of the user rejects it", "bob/TABLET", "b2", "reject", false],
    ["somebody else rejects it", "carl", "c1", "reject", true],
    ["somebody else hangs up", "carl", "c1", "hangup", true],
  ] as const)("that comes after its end: %s", (_, name, partyId, type, rings) => {
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob/PHONE", "bob/TABLET", "carl"]);
      const bob = scene.enter("bob/PHONE");
      const party = rawParty(scene, name, partyId);
      at(1_000, () => (type === "answer" ? party.answer("raw") : party.send(type, { selected_party_id: "b2" })));
      at(2_000, () => rawParty(scene, "alice", "a1").invite());
      let ringing = -1;
      at(3_000, () => (ringing = bob.calls.incoming$.value.length));
      flush();
      expect(ringing).toBe(rings ? 1 : 0);
      expect(reasonsOf(bob)).toEqual(rings ? [] : ["already-ended"]);
    })();
  });

  it(
    "does not ring again if the same call comes once more",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      const alice = rawParty(scene, "alice", "a1");
      at(1_000, () => alice.invite());
      at(2_000, () => alice.send("hangup", { reason: "user_hangup" }));
      at(3_000, () => alice.invite());
      const ringing: number[] = [];
      at(4_000, () => ringing.push(bob.calls.incoming$.value.length));
      flush();
      expect(ringing).toEqual([0]);
      expect(reasonsOf(bob)).toEqual(["already-ended"]);
    }),
  );

  it(
    "of one user rings three times at the same time at most",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      at(1_000, () => {
        for (let call = 0; call < 10; call += 1) rawParty(scene, "alice", "a1").invite({ call_id: `raw${call}` });
      });
      const ringing: number[] = [];
      at(2_000, () => ringing.push(bob.calls.incoming$.value.length));
      flush();
      expect(ringing).toEqual([3]);
    }),
  );
});
