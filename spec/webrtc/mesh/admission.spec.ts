// Which messages a mesh takes: encrypted, from the proven device of a member, for this stay of ours, and when.
import { timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../../support/marbles.ts";
import { drawnScene, inviteFrom, meshed } from "./drawn-scene.ts";
import { wordOf } from "./scene.ts";

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

const bobsPhone = { userId: "@bob:example.org", deviceId: "PHONE" };

/** What Bob, in a call with Alice who sends nothing by herself, does with a message that says it is hers. */
function bobsReaction(content: object, message: object = {}, options: object = {}) {
  const reasons: string[] = [];
  let calls = 0;
  marbles(({ flush }) => {
    const { enter, deliver, home } = drawnScene();
    home.client("@alice:example.org", "PHONE");
    const bob = enter("bob", "alice bob", options);
    at(100, () => deliver(bobsPhone, "m.call.invite", content, message));
    flush();
    for (const entry of bob.trace) {
      if (entry.kind === "message-rejected") reasons.push(entry.reason);
      if (entry.kind === "call-opened") calls += 1;
    }
  })();
  return { calls, reasons };
}

describe("A message for the mesh", () => {
  it("is taken if all is right", () => {
    expect(bobsReaction(inviteFrom("alice", "bob"))).toEqual({ calls: 1, reasons: [] });
  });

  it("changes nothing if it is for another stay of ours, and is dropped after a while (mesh 3)", () => {
    marbles(({ flush }) => {
      const { enter, deliver } = drawnScene(100_000);
      const bob = enter("bob", "alice bob");
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob#2")));
      const words: (string | undefined)[] = [];
      at(200, () => words.push(...bob.mesh.participants$.value.map(wordOf)));
      flush();
      expect(words).toEqual(["alice waiting waiting-for-other-side", "(bob)"]);
      expect(bob.trace.map(({ kind }) => kind)).toEqual([
        "pair-opened",
        "message-early",
        "message-rejected",
        "pair-closed",
      ]);
      expect(bob.trace[2]).toMatchObject({ reason: "too-late", ts: 60_103 });
    })();
  });

  it("is dropped if it came in the clear (mesh 9)", () => {
    expect(bobsReaction(inviteFrom("alice", "bob"), { proof: undefined })).toEqual({
      calls: 0,
      reasons: ["cleartext"],
    });
  });

  it("is dropped if its device is not proven, or is another than it says (mesh 10)", () => {
    const unproven = { proof: { crossSigned: false } };
    const other = { proof: { deviceId: "TABLET", crossSigned: true } };
    expect(bobsReaction(inviteFrom("alice", "bob"), unproven)).toEqual({ calls: 0, reasons: ["unproven-device"] });
    expect(bobsReaction(inviteFrom("alice", "bob"), other)).toEqual({ calls: 0, reasons: ["forged-device"] });
  });

  it("is dropped if another device of the user than the member's has sent it", () => {
    const content = inviteFrom("alice", "bob", { device_id: undefined });
    const { calls } = bobsReaction(content, { proof: { deviceId: "TABLET", crossSigned: true } });
    expect(calls).toBe(0);
  });

  it("is dropped if another user has sent it under the session of a member", () => {
    expect(bobsReaction(inviteFrom("alice", "bob"), { sender: "@carl:example.org" }).calls).toBe(0);
  });

  it("is dropped from a device that is not cross-signed, where that is required", () => {
    const unsigned = { proof: { deviceId: "PHONE", crossSigned: false } };
    expect(bobsReaction(inviteFrom("alice", "bob"), unsigned).calls).toBe(1);
    const strict = bobsReaction(inviteFrom("alice", "bob"), unsigned, { requireCrossSigned: true });
    expect(strict).toEqual({ calls: 0, reasons: ["not-cross-signed"] });
  });

  it("is not even sent to a device that is not cross-signed, where that is required, until it is", () => {
    marbles(({ flush }) => {
      const { enter, home } = drawnScene(100_000);
      const device = { userId: "@bob:example.org", deviceId: "PHONE" };
      home.client(device.userId, device.deviceId);
      home.adjust(device, { crossSigned: false });
      const alice = enter("alice", "alice bob", { requireCrossSigned: true });
      const sent: number[] = [];
      home.request$.subscribe(({ request, ts }) => request === "to-device" && sent.push(ts));
      const seen: unknown[] = [];
      at(10_000, () => {
        seen.push(alice.mesh.participants$.value[1]?.problem$.value?.code, sent.length);
        home.adjust(device, { crossSigned: true });
      });
      at(40_000, () => seen.push(sent.length > 0));
      flush();
      expect(seen).toEqual(["not-cross-signed", 0, true]);
    })();
  });

  it("is dropped with the field that is wrong", () => {
    const wrong = [{ seq: -1 }, { seq: "0" }, { call_id: "" }, { offer: { type: "offer", sdp: "x".repeat(300_000) } }];
    for (const change of wrong)
      expect(bobsReaction(inviteFrom("alice", "bob", change))).toEqual({ calls: 0, reasons: ["malformed"] });
  });

  it("is passed over if it is for another call", () => {
    const others = [{ conf_id: "m.call#other" }, { conf_id: undefined }, { room_id: "!elsewhere" }];
    for (const change of others)
      expect(bobsReaction(inviteFrom("alice", "bob", change))).toEqual({ calls: 0, reasons: [] });
  });

  it("is answered only once its sender is a member, and then at once (mesh 6)", () => {
    marbles(({ flush }) => {
      const { enter, deliver, peers } = drawnScene();
      const bob = enter("bob", "bob");
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob")));
      const open: number[] = [];
      at(4_999, () => open.push(peers.open.length));
      at(5_000, () => bob.members$.next(meshed("alice bob")));
      at(5_001, () => open.push(peers.open.length));
      flush();
      expect(open).toEqual([0, 1]);
    })();
  });

  it("waits for our own membership too", () => {
    marbles(({ flush }) => {
      const { enter, deliver, peers } = drawnScene();
      const bob = enter("bob", "alice");
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob")));
      at(1_000, () => bob.members$.next(meshed("alice bob")));
      const open: number[] = [];
      at(999, () => open.push(peers.open.length));
      at(1_001, () => open.push(peers.open.length));
      flush();
      expect(open).toEqual([0, 1]);
    })();
  });

  it("is dropped if its user is not in the room, and at most 64 messages of a device are kept", () => {
    marbles(({ flush }) => {
      const { enter, deliver } = drawnScene();
      const bob = enter("bob", "bob");
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob"), { sender: "@eve:example.org" }));
      at(200, () => {
        for (let seq = 0; seq < 70; seq += 1)
          deliver(bobsPhone, "m.call.candidates", inviteFrom("alice", "bob", { seq, candidates: [] }));
      });
      flush();
      const reasons = bob.trace.flatMap((entry) => (entry.kind === "message-rejected" ? [entry.reason] : []));
      expect(reasons).toEqual(["not-in-room", ...Array.from({ length: 6 }, () => "too-many")]);
    })();
  });

  it("changes only the pair of its own device, never that of another device of the user (mesh 15)", () => {
    marbles(({ flush }) => {
      const { enter, deliver, home } = drawnScene();
      for (const deviceId of ["PHONE", "TABLET"]) home.client("@alice:example.org", deviceId);
      const bob = enter("bob", "alice alice/TABLET bob");
      const tablet = { proof: { deviceId: "TABLET", crossSigned: true } };
      at(100, () => deliver(bobsPhone, "m.call.invite", inviteFrom("alice", "bob")));
      at(1_000, () =>
        deliver(bobsPhone, "m.call.invite", inviteFrom("alice/TABLET", "bob", { call_id: "c2" }), tablet),
      );
      at(2_000, () => {
        const hangup = { call_id: "c1", seq: 9, reason: "user_hangup" };
        deliver(bobsPhone, "m.call.hangup", inviteFrom("alice/TABLET", "bob", hangup), tablet);
      });
      flush();
      const closed = bob.trace.filter(({ kind, ts }) => kind === "call-closed" && ts < 9_000);
      expect(closed).toEqual([]);
    })();
  });
});
