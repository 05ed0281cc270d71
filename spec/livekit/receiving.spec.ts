import { timer } from "rxjs";
import { describe, expect, test } from "vitest";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import { Receiver } from "../../src/livekit/receiver.ts";
import type { Reception, SfuTrack } from "../../src/livekit/sfu-room.ts";
import type { Membership } from "../../src/types.ts";
import { receptionOf } from "../../src/livekit/wanted-layer.ts";
import type { MediaSource } from "../../src/media/source.ts";
import { marbles } from "../support/marbles.ts";
import { callScene, userOf, wordsNow } from "./call-scene.ts";

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** Whether anything of a user is received by another, or one of its tracks. */
const isReceived = ({ sfu }: ReturnType<typeof callScene>, by: string, of: string, source?: MediaSource): boolean =>
  sfu.flows(source).includes(`${by}<${of}`);

const roomOf = ({ sfu }: ReturnType<typeof callScene>, name: string) =>
  [...sfu.open].find(({ identity }) => identity.startsWith(userOf(name)))!;

describe("A track of an encrypted call", () => {
  test(
    "is received from the moment when its key is installed, and not before",
    marbles(({ flush }) => {
      const scene = callScene(["alice", "bob"]);
      scene.sfu.installMs = 300;
      const log: string[] = [];
      const alice = scene.enter("alice");
      const bob = scene.enter("bob");
      for (let ms = 1; ms < 1_000; ms += 1)
        at(ms, () => {
          const hasKey = roomOf(scene, "alice")?.installed.has(`${userOf("bob")}:PHONE 0`) ?? false;
          if (isReceived(scene, "alice", "bob", "microphone") !== hasKey)
            log.push(`${ms}: received ${!hasKey}, key ${hasKey}`);
        });
      at(1_100, () => {
        expect(log).toEqual([]);
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
        expect(wordsNow(bob.call.participants$.value)).toBe("alice connected microphone,camera video");
      });
      flush();
    }),
  );

  test(
    "is no missing key for the session while all media of its participant waits for its key",
    marbles(({ flush }) => {
      const scene = callScene(["alice", "bob"], { endMs: 20_000 });
      scene.sfu.installMs = 3_000;
      const alice = scene.enter("alice");
      scene.enter("bob");
      const participantIdentity = `${userOf("bob")}:PHONE`;
      const status = () => alice.session.encryptionStatus$.value.get(participantIdentity)?.status;
      const report = () => {
        roomOf(scene, "alice").options.encryption!.decryption.next({
          participantIdentity,
          result: "missing-key",
          keyIndex: 7,
        });
      };
      at(2_000, () => {
        report();
        expect(status()).toBe("ok");
      });
      at(8_000, () => {
        report();
        expect(status()).toBe("waiting");
      });
      flush();
      expect.assertions(2);
    }),
  );

  test(
    "is prepared before its participant is a member, for ten participants at most, and no media of it comes",
    marbles(({ flush }) => {
      const scene = callScene(["alice"]);
      const { session } = scene.enter("alice");
      const strangers = Array.from({ length: 12 }, (_, n) => `@stranger${n}:example.org:X`);
      at(1_000, () => {
        for (const [n, sub] of strangers.entries()) {
          // The first one sends in the clear.
          const room = scene.sfu.rooms({ encryption: n === 0 ? undefined : session, repairWaitMs: () => undefined });
          const jwt = `h.${btoa(JSON.stringify({ sub }))}.s`;
          room.connect("wss://sfu.example.org", jwt).subscribe((state) => {
            if (state === "connected") room.publish("camera", "camera", false).subscribe();
          });
        }
      });
      at(2_000, () => {
        const room = roomOf(scene, "alice");
        const receptions = strangers.map((sub) => room.receptions.get(room.participants.get(sub)!.tracks[0]!.sid));
        expect(receptions.map((one) => one ?? "off")).toEqual(["off", ...Array(9).fill("paused"), "off", "off"]);
        expect(scene.sfu.flows()).not.toContain("alice<");
      });
      flush();
      expect.assertions(2);
    }),
  );

  test(
    "is not received while its key does not come; the session gets a report, and the tile shows the reason",
    marbles(({ flush }) => {
      const scene = callScene(["alice", "bob"], { endMs: 30_000 });
      const disarm = scene.home.injectFault(
        { request: "to-device", userId: userOf("bob") },
        { lose: "request", times: 1_000 },
      );
      const alice = scene.enter("alice");
      scene.enter("bob");
      const asked: number[] = [];
      alice.call.trace$.subscribe(({ kind, ts }) => kind === "key-lacking" && asked.push(ts));
      at(10_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone?,camera? waiting-for-key");
        expect(isReceived(scene, "alice", "bob")).toBe(false);
        expect(asked).toHaveLength(1);
        const [problem] = alice.call.problems$.value;
        expect([problem?.code, problem?.member?.userId]).toEqual(["member-undecryptable", userOf("bob")]);
        disarm();
      });
      at(28_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
        expect(alice.call.problems$.value).toEqual([]);
      });
      flush();
    }),
  );
});

test("A track whose key came first is received once it is there, because the worker decrypts nothing sooner", () => {
  const asked: Reception[] = [];
  const camera = { sid: "TR", kind: "video", source: "camera", muted: false, encrypted: true } as const;
  const bob = { identity: "bob", speaking: false, level: 0, quality: "good" } as const;
  const room = {
    participants: new Map([["bob", { ...bob, tracks: [camera] as SfuTrack<string>[] }]]),
    local: undefined,
    hasKey: () => true,
    receive: (_identity: string, _sid: string, reception: Reception) => void asked.push(reception),
  };
  const receiver = new Receiver<string>(room);
  const input = {
    isEncrypted: true,
    members: new Map([["bob", {} as Membership]]),
    statuses: new Map([["bob", { status: "ok", keyIndex: 0 } as MemberEncryption]]),
    everything: true,
    lowBandwidth: false,
    tilesOf: () => [],
    now: 0,
  };
  receiver.update(input);
  expect(asked).toEqual(["paused"]);
  room.participants.set("bob", { ...bob, tracks: [{ ...camera, track: "picture" }] });
  receiver.update(input);
  expect(asked).toEqual(["paused", { width: Infinity, height: Infinity }]);
});

test.each([
  ["is refreshed once its key is there", true, ["bob"]],
  ["is not refreshed if its sender has left the SFU meanwhile, because a new track begins with a key frame", false, []],
])("A picture that came without its key %s", (_, stays, refreshed) => {
  const bob = { identity: "bob", speaking: false, level: 0, quality: "good", tracks: [] } as const;
  const participants = new Map([["bob", bob]]);
  const receiver = new Receiver<string>({ participants, hasKey: () => true, receive: () => {} });
  const update = (status: object) =>
    receiver.update({
      isEncrypted: true,
      members: new Map([["bob", {} as Membership]]),
      statuses: new Map([["bob", status as MemberEncryption]]),
      everything: true,
      lowBandwidth: false,
      tilesOf: () => [],
      now: 0,
    }).refreshed;
  const waiting = { status: "waiting", reason: "missing-key" };
  update(waiting);
  if (!stays) participants.delete("bob");
  update(waiting);
  participants.set("bob", bob);
  expect(update({ status: "ok", keyIndex: 0 })).toEqual(refreshed);
});

describe("What is received of a video", () => {
  const input = { kind: "video", tiles: [], everything: true, lowBandwidth: false, isSubscribed: false } as const;
  const best = { width: Infinity, height: Infinity };

  test("is the best layer if nothing says how it is shown", () => expect(receptionOf(input)).toEqual(best));

  test("is nothing if only what is shown is received", () => {
    expect(receptionOf({ ...input, everything: false })).toBe("off");
    expect(receptionOf({ ...input, everything: false, isSubscribed: true })).toBe("paused");
  });

  test("is the layer for the largest tile that can be seen", () =>
    expect(
      receptionOf({
        ...input,
        tiles: [
          { width: 160, height: 90 },
          { width: 640.4, height: 360 },
          { width: 1920, height: 1080, visible: false },
        ],
      }),
    ).toEqual({ width: 640, height: 360 }));

  test.each([
    { width: 640, height: 360, visible: false },
    { width: 0, height: 0 },
  ])("is paused for a tile that nobody sees: %j", (tile) => {
    expect(receptionOf({ ...input, tiles: [tile], isSubscribed: true })).toBe("paused");
    expect(receptionOf({ ...input, tiles: [tile] })).toBe("off");
  });

  test("is small with little bandwidth, except in a tile with a high priority", () => {
    const tile = { width: 1280, height: 720 };
    expect(receptionOf({ ...input, lowBandwidth: true })).toEqual({ width: 320, height: 180 });
    expect(receptionOf({ ...input, lowBandwidth: true, tiles: [tile] })).toEqual({ width: 320, height: 180 });
    expect(receptionOf({ ...input, lowBandwidth: true, tiles: [{ ...tile, priority: "high" }] })).toEqual(tile);
  });

  test("never ends the sound", () =>
    expect(receptionOf({ ...input, kind: "audio", everything: false, lowBandwidth: true })).toEqual(best));
});

describe("How tiles show the members", () => {
  const names = Array.from({ length: 20 }, (_, n) => `user${n}`);

  test(
    "decides how many videos come: 9 tiles of a call of 20 receive 9",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", ...names], { encrypted: false });
      const alice = enter("alice", "sfu", { videos: "shown" }, "");
      for (const name of names) enter(name, "sfu", { videos: "shown" }, "cam");
      at(3_000, () => {
        const others = alice.call.participants$.value.filter(({ isLocal }) => !isLocal);
        expect(others).toHaveLength(20);
        const showing = others.slice(0, 9).map((one) => one.show("camera", { width: 320, height: 180 }).subscribe());
        const count = () =>
          sfu
            .flows()
            .split(", ")
            .filter((line) => line.startsWith("alice<")).length;
        expect(count()).toBe(9);
        showing[0]!.unsubscribe();
        expect(count()).toBe(8);
        for (const one of showing) one.unsubscribe();
        expect(count()).toBe(0);
        expect(others[0]!.tracks$.value[0]!.paused).toBe(true);
        // The other eleven were never subscribed to.
        const room = [...sfu.open].find(({ identity }) => identity.includes("alice"))!;
        expect([...room.receptions.values()].filter((reception) => reception !== "off")).toHaveLength(9);
      });
      flush();
    }),
  );

  test(
    "is applied again after a reconnect, and ends with its member, so that its tile does",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { encrypted: false, endMs: 60_000 });
      const alice = enter("alice", "sfu", { videos: "shown" }, "");
      const bob = enter("bob", "sfu", {}, "cam");
      let ended = false;
      const sizes = () =>
        [...sfu.open]
          .filter(({ identity }) => identity.includes("alice"))
          .flatMap(({ receptions, participants }) => {
            const sids = [...participants.values()].flatMap(({ tracks }) => tracks.map(({ sid }) => sid));
            return sids.map((sid) => JSON.stringify(receptions.get(sid)));
          });
      at(1_000, () => {
        const item = alice.call.participants$.value.find(({ isLocal }) => !isLocal)!;
        item.show("camera", { width: 640, height: 360 }).subscribe({ complete: () => (ended = true) });
        expect(sizes()).toEqual(['{"width":640,"height":360}']);
        sfu.server("sfu").drop("connection-lost", `${userOf("alice")}:PHONE`);
      });
      at(5_000, () => {
        expect(sizes()).toEqual(['{"width":640,"height":360}']);
        expect(ended).toBe(false);
        bob.leave();
      });
      at(8_000, () => expect(ended).toBe(true));
      flush();
    }),
  );
});

describe("A key that comes late", () => {
  test(
    "makes the picture go on at once: it is paused for a moment, because it then begins with a key frame; sound goes on",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      enter("bob");
      at(1_000, () => {
        const participantIdentity = `${userOf("bob")}:PHONE`;
        alice.session.decryption.next({ participantIdentity, result: "missing-key", keyIndex: 1 });
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera waiting-for-key");
        expect(sfu.flows()).toContain("alice<bob camera");
        alice.session.decryption.next({ participantIdentity, result: "ok" });
        // A video that was paused begins again with a key frame.
        expect(sfu.flows()).toBe("alice<bob microphone, bob<alice camera, bob<alice microphone");
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
      });
      at(1_149, () => expect(sfu.flows("camera")).toBe("bob<alice camera"));
      at(1_151, () => expect(sfu.flows("camera")).toBe("alice<bob camera, bob<alice camera"));
      flush();
    }),
  );
});
