// Attacks: members and room members who send what no client sends. A call that works goes on, and costs no more than before.
import { timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { virtualPeers } from "../../src/testing/index.ts";
import type { PeerConnections } from "../../src/webrtc/peer-connection.ts";
import { openDesk } from "../../src/webrtc/voip/desk.ts";
import { outgoingCall } from "../../src/webrtc/voip/ongoing.ts";
import { stepDesk } from "../../src/webrtc/voip/step-desk.ts";
import { marbles } from "../support/marbles.ts";
import { drawnScene, inviteFrom, meshed, sessionOf } from "./mesh/drawn-scene.ts";
import { wordOf } from "./mesh/scene.ts";
import { rawParty } from "./voip/raw-party.ts";
import { voipScene } from "./voip/scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);
const times = (count: number) => Array.from({ length: count }, (_, index) => index);
const megabyte = `v=0\r\n${"a=x\r\n".repeat(200_000)}`;

const candidates = (count: number, from: number) =>
  times(count).map((index) => ({ candidate: `candidate:${from + index} 1 udp 1 192.0.2.1 9 typ host`, sdpMid: "0" }));

/** Peer connections that count the candidates that they are given. */
function counting(connect: PeerConnections) {
  const given = { candidates: 0 };
  const counted: PeerConnections = (options) => {
    const peer = connect(options);
    const add = peer.addCandidate.bind(peer);
    peer.addCandidate = (candidate) => {
      given.candidates += 1;
      return add(candidate);
    };
    return peer;
  };
  return { given, peers: counted };
}

const bobsPhone = { userId: "@bob:example.org", deviceId: "PHONE" };
const alicesPhone = { userId: "@alice:example.org", deviceId: "PHONE" };

describe("A member of a mesh", () => {
  it("that sends one invite a thousand times, and its candidates as often, makes one call", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home } = drawnScene();
      home.client("@alice:example.org", "PHONE");
      const { given, peers } = counting(virtualPeers().device("bob"));
      const bob = enter("bob", "alice bob", { peers });
      at(100, () => {
        for (const _ of times(1_000)) {
          deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob"));
          deliver(bobsPhone, "m.call.candidates", inviteFrom("alice", "bob", { seq: 1, candidates: candidates(1, 0) }));
        }
      });
      flush();
      expect(bob.trace.filter(({ kind }) => kind === "call-opened")).toHaveLength(1);
      expect(given.candidates).toBe(1);
    })();
  });

  it("that sends a thousand invites at once makes one call", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home, peers } = drawnScene();
      home.client("@alice:example.org", "PHONE");
      const bob = enter("bob", "alice bob");
      const open: number[] = [];
      at(100, () => {
        for (const index of times(1_000))
          deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob", { call_id: `c${index}` }));
      });
      at(200, () => open.push(peers.open.length));
      flush();
      expect(bob.trace.filter(({ kind }) => kind === "call-opened")).toHaveLength(1);
      expect(open).toEqual([1]);
    })();
  });

  it("that sends descriptions of a megabyte is not understood, and its call goes on", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home } = drawnScene();
      home.client("@alice:example.org", "PHONE");
      const bob = enter("bob", "alice bob");
      const say = (type: string, changes: object) =>
        deliver(bobsPhone, `m.call.${type}`, inviteFrom("alice", "bob", changes));
      at(100, () => say("invite", {}));
      at(1_000, () => say("negotiate", { seq: 1, description: { type: "offer", sdp: megabyte } }));
      at(1_100, () => say("answer", { seq: 1, answer: { type: "answer", sdp: megabyte } }));
      at(1_200, () => say("invite", { call_id: "c2", offer: { type: "offer", sdp: megabyte } }));
      flush();
      const rejected = bob.trace.flatMap((entry) => (entry.kind === "message-rejected" ? [entry] : []));
      expect(rejected.map(({ reason, path }) => [reason, path])).toEqual([
        ["malformed", "description"],
        ["malformed", "answer"],
        ["malformed", "offer"],
      ]);
      const early = bob.trace.filter(({ kind, ts }) => kind === "call-closed" && ts < 9_000);
      expect(early).toEqual([]);
    })();
  });

  it("that sends 10,000 candidates has 512 of them tried", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home } = drawnScene();
      home.client("@alice:example.org", "PHONE");
      const { given, peers } = counting(virtualPeers().device("bob"));
      enter("bob", "alice bob", { peers });
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob")));
      at(1_000, () => {
        for (const index of times(100)) {
          const changes = { seq: index + 1, candidates: candidates(100, index * 100) };
          deliver(bobsPhone, "m.call.candidates", inviteFrom("alice", "bob", changes));
        }
      });
      flush();
      expect(given.candidates).toBe(512);
    })();
  });

  it("answers no call for another device or another user, and hangs none up", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home } = drawnScene();
      const phone = home.client("@bob:example.org", "PHONE");
      home.client("@bob:example.org", "TABLET");
      home.client("@carl:example.org", "PHONE");
      let callId = "";
      phone.toDevice$.subscribe(({ type, content }) => {
        if (type === "m.call.invite") callId = (content as { call_id: string }).call_id;
      });
      const alice = enter("alice", "alice bob bob/TABLET carl");
      const others = [
        { from: "bob/TABLET", sender: "@bob:example.org", deviceId: "TABLET" },
        { from: "carl", sender: "@carl:example.org", deviceId: "PHONE" },
      ];
      at(1_000, () => {
        for (const { from, sender, deviceId } of others)
          for (const session of [from, "bob"]) {
            const content = {
              ...inviteFrom("alice", "alice", { call_id: callId, party_id: "PHONE", device_id: deviceId }),
              sender_session_id: sessionOf(session),
              answer: { type: "answer", sdp: "v=0\r\n" },
              reason: "user_hangup",
            };
            const message = { sender, proof: { deviceId, crossSigned: true } };
            deliver(alicesPhone, "m.call.answer", content, message);
            deliver(alicesPhone, "m.call.hangup", content, message);
            deliver(alicesPhone, "m.call.reject", content, message);
          }
      });
      const seen: unknown[] = [];
      at(2_000, () => {
        const bob = alice.mesh.participants$.value.find(({ member }) => member === meshed("bob")[0]);
        seen.push(bob && wordOf(bob));
      });
      flush();
      expect(callId).not.toBe("");
      expect(seen).toEqual(["bob connecting"]);
      const early = alice.trace.filter(({ kind, ts }) => kind === "call-closed" && ts < 9_000);
      expect(early).toEqual([]);
    })();
  });
});

describe("A member of a room", () => {
  it(
    "whose invite has a description of a megabyte does not ring",
    marbles(({ flush }) => {
      const scene = voipScene(["alice", "bob"]);
      const bob = scene.enter("bob");
      at(1_000, () => rawParty(scene, "alice", "a1").invite({ offer: { type: "offer", sdp: megabyte } }));
      at(2_000, () => expect(bob.calls.incoming$.value).toEqual([]));
      flush();
      expect(bob.trace.map(({ kind }) => kind)).toEqual(["event-malformed"]);
    }),
  );

  it("that sends 10,000 candidates before the answer has 200 of them kept, and eight parties have their own", () => {
    const base = { roomId: "!r", callId: "ours", partyId: "us", invitee: "@bob:x.org" };
    const call = { ...outgoingCall({ id: "one", ...base }), phase: "calling" as const };
    const desk = openDesk({ userId: "@alice:x.org", lifetimeMs: 90_000, ringsInPublicRooms: false });
    let { state } = stepDesk(desk, { kind: "place", call }, 0);
    for (const index of times(1_000)) {
      const partyId = `p${index % 10}`;
      const body = { kind: "candidates", candidates: candidates(100, index * 100) } as const;
      const message = { ...body, callId: "ours", version: 1, partyId } as const;
      const arrival = { roomId: "!r", eventId: `$${index}`, userId: "@bob:x.org", ageMs: 0, message };
      ({ state } = stepDesk(state, { kind: "arrivals", arrivals: [arrival] }, index));
    }
    const offered = state.calls.get("one")!.offered;
    expect(Array.from(offered.values(), ({ length }) => length)).toEqual(times(8).map(() => 200));
  });
});
