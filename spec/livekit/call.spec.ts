import { merge, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { participantIdentity } from "../../src/membership/identity.ts";
import { letter } from "../keys/scene.ts";
import { stickyContent, stickyMember } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";
import { callScene, sendingOf, userOf, wordsNow } from "./call-scene.ts";

/** Says something at a time. */
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe("A call over LiveKit", () => {
  test(
    "connects everybody with the SFU of everybody, and receives what is sent",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice", "sfu1");
      const bob = enter("bob", "sfu2");
      at(2_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
        expect(wordsNow(bob.call.participants$.value)).toBe("alice connected microphone,camera video");
        expect(
          alice.call.connections$.value.map(({ purpose, status, members }) => [purpose, status, members.length]),
        ).toEqual([
          ["publish", "connected", 0],
          ["subscribe", "connected", 1],
        ]);
        expect(alice.call.problems$.value).toEqual([]);
        expect(sfu.open.size).toBe(4);
      });
      flush();
    }),
  );

  test.each([true, false])("leaves no room, no subscription and no item behind (by leaveOn: %s)", (byLeaveOn) =>
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice", "sfu1");
      enter("bob", "sfu1");
      at(2_000, () => (byLeaveOn ? alice.leave() : alice.stop()));
      at(3_000, () => {
        expect(sfu.connected).toBe("sfu1:bob");
        expect(alice.call.participants$.value).toEqual([]);
        expect(alice.call.connections$.value).toEqual([]);
      });
      flush();
      expect(sfu.open.size).toBe(0);
    })(),
  );

  test(
    "has one item for each member: the same object while the member is the same, and its parts speak alone",
    marbles(({ flush }) => {
      const { enter } = callScene(["alice", "bob", "carol"]);
      const alice = enter("alice");
      const bob = enter("bob");
      at(1_000, () => {
        const [, before] = alice.call.participants$.value;
        const heard: string[] = [];
        const listening = merge(before!.connection$, before!.speaking$, before!.quality$).subscribe(() =>
          heard.push("other"),
        );
        listening.add(before!.tracks$.subscribe((tracks) => heard.push(tracks.map(({ muted }) => muted).join())));
        bob.media$.next(sendingOf("bob", "mic! cam"));
        enter("carol");
        at(500, () => {
          expect(alice.call.participants$.value[1]).toBe(before);
          expect(heard).toEqual(["other", "other", "other", "false,false", "true,false"]);
          listening.unsubscribe();
        });
      });
      flush();
    }),
  );

  test(
    "never shows a participant of the SFU that is no member, and receives nothing of it (39)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "mallory"]);
      const alice = enter("alice");
      at(1_000, () => {
        const room = sfu.rooms({ encryption: undefined, repairWaitMs: () => undefined });
        const jwt = `h.${btoa(JSON.stringify({ sub: "@mallory:example.org:X" }))}.s`;
        const listening = room.connect("wss://sfu.example.org", jwt).subscribe((state) => {
          if (state === "connected") room.publish("camera", "mallory camera", false).subscribe();
        });
        at(1_000, () => {
          expect(alice.call.participants$.value).toHaveLength(1);
          expect(sfu.flows()).toBe("");
          listening.unsubscribe();
        });
      });
      flush();
    }),
  );

  test(
    "shows a member whose event we cannot read once its key and its media are there, and until it leaves (E1)",
    marbles(({ flush }) => {
      const { home, sfu, roomId, enter } = callScene(["bob"], { join: { mode: "matrix_2_0" } });
      const [alice, bob] = [userOf("alice"), { userId: userOf("bob"), deviceId: "PHONE", memberId: "id-of-bob" }];
      const identity = participantIdentity("sticky", bob.userId, bob.deviceId, bob.memberId);
      const sends = (content: object) =>
        home.sendSticky(roomId, {
          type: stickyMember,
          sender: bob.userId,
          content: { ...content, msc4354_sticky_key: bob.memberId },
          encryption: "decrypted",
        });
      const member = { id: bob.memberId, user_id: bob.userId, device_id: bob.deviceId };
      sends(stickyContent({ member, sticky_key: bob.memberId }));
      home.client(bob.userId, bob.deviceId);
      home.joinRoom(roomId, alice);
      const guest = enter("alice");
      const others = () => wordsNow(guest.call.participants$.value);
      at(500, () => {
        const room = sfu.rooms({ encryption: guest.session, repairWaitMs: () => undefined });
        const jwt = `h.${btoa(JSON.stringify({ sub: identity }))}.s`;
        room.connect("wss://sfu.example.org", jwt).subscribe((state) => {
          if (state === "connected") room.publish("camera", "bob camera", false).subscribe();
        });
        home.deliver({ userId: alice, deviceId: "PHONE" }, letter({ from: "bob", content: { room_id: roomId } }));
      });
      let shown: unknown;
      at(1_500, () => expect(others()).toBe(""));
      at(4_000, () => {
        expect(others()).toBe("bob connected camera video");
        [, shown] = guest.call.participants$.value;
      });
      at(5_000, () => {
        expect(guest.call.participants$.value[1]).toBe(shown);
        expect(guest.call.problems$.value).toEqual([]);
        sends({});
      });
      at(5_500, () => expect(others()).toBe(""));
      flush();
      expect.assertions(5);
    }),
  );

  test(
    "says that a member is connected when its participant is there, with or without tracks (40)",
    marbles(({ flush }) => {
      const { enter } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      enter("bob", "sfu", {}, "");
      at(1_000, () => expect(wordsNow(alice.call.participants$.value)).toBe("bob connected avatar"));
      flush();
    }),
  );

  test(
    "gives all subscribers the same last value, also when one of them changes something meanwhile (36)",
    marbles(({ flush }) => {
      const { enter } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      const bob = enter("bob");
      const seen: string[][] = [[], []];
      at(1_000, () => {
        const [, item] = alice.call.participants$.value;
        const first = item!.tracks$.subscribe((tracks) => {
          seen[0]!.push(tracks.map(({ source }) => source).join());
          if (tracks.length === 1) bob.media$.next(sendingOf("bob", "mic cam screen"));
        });
        first.add(item!.tracks$.subscribe((tracks) => seen[1]!.push(tracks.map(({ source }) => source).join())));
        bob.media$.next(sendingOf("bob", "mic"));
        at(1_000, () => first.unsubscribe());
      });
      flush();
      expect(seen[0]!.at(-1)).toBe("microphone,camera,screen_share");
      expect(seen[1]!.at(-1)).toBe("microphone,camera,screen_share");
    }),
  );

  test(
    "lets its LiveKit rooms know when a key of ours has reached another device",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      enter("alice");
      let reached = 0;
      timer(500).subscribe(() => {
        const [room] = sfu.open;
        room!.options.encryption!.delivered$!.subscribe(() => (reached += 1));
      });
      timer(1_000).subscribe(() => {
        expect(reached).toBe(0);
        enter("bob");
      });
      timer(2_000).subscribe(() => expect(reached).toBe(1));
      flush();
      expect.assertions(2);
    }),
  );

  test(
    "gives every LiveKit room the keys of everybody (33)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob", "carol"]);
      for (const [at_, name] of ["alice", "bob", "carol"].entries()) enter(name, `sfu${at_}`);
      at(2_000, () => {
        expect(sfu.open.size).toBe(9);
        for (const room of sfu.open) expect(room.installed.size).toBe(3);
      });
      flush();
    }),
  );

  test(
    "writes the intent video into our membership while we send pictures, and audio otherwise",
    marbles(({ flush }) => {
      const { enter } = callScene(["alice"]);
      const alice = enter("alice");
      const intentNow = () => alice.session.membership$.value[0]?.intent;
      at(1_000, () => {
        expect(intentNow()).toBe("video");
        alice.media$.next(sendingOf("alice", "mic cam!"));
      });
      at(2_000, () => expect(intentNow()).toBe("audio"));
      flush();
    }),
  );

  test(
    "publishes nothing in clear in an encrypted room, and everything in a room that is not",
    marbles(({ flush }) => {
      for (const encrypted of [true, false]) {
        const { enter, sfu } = callScene(["alice", "bob"], { encrypted });
        const alice = enter("alice");
        enter("bob");
        at(1_000, () => {
          const sent = [...sfu.open].flatMap((room) => room.sent);
          expect(sent.map((one) => one.encrypted)).toEqual([encrypted, encrypted, encrypted, encrypted]);
          expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
          const [, item] = alice.call.participants$.value;
          expect(item!.encryption$.value.status).toBe(encrypted ? "end-to-end" : "none");
        });
      }
      flush();
    }),
  );

  test(
    "does not receive what a member sends in the clear into an encrypted call, and says so",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      enter("bob", "sfu");
      at(1_000, () => {
        const room = [...sfu.open].find(({ identity }) => identity.startsWith(userOf("bob")))!;
        for (const sent of room.sent) sent.encrypted = false;
        room.server!.changed();
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected not-encrypted");
        expect(sfu.flows()).not.toContain("alice<bob");
      });
      at(2_500, () => expect(alice.call.problems$.value.map(({ code }) => code)).toEqual(["member-not-encrypted"]));
      flush();
    }),
  );
});
