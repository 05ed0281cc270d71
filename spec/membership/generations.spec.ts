// Both generations of names in one call: nobody is lost, doubled, or decoded under the wrong identity. protocol.md 1.1, 6.1.
import { firstDraft } from "../../src/history/index.ts";
import { NEVER, of, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError, watchSession } from "../../src/index.ts";
import { encryptedSession, type EncryptedJoinOptions } from "../../src/encryption/index.ts";
import { sfuToken } from "../../src/livekit/index.ts";
import { hashOf } from "../../src/membership/identity.ts";
import { names, stateMemberType } from "../../src/room/names.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import type { Membership } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";

const users = { alice: "@alice:example.org", bob: "@bob:example.org" } as const;
const service = "https://rtc.example.org/jwt";
const sfu = "wss://rtc.example.org";

type Kind = "state" | "deployed" | "stable";
const kinds: readonly Kind[] = ["state", "deployed", "stable"];

const optionsOf = (kind: Kind): EncryptedJoinOptions => {
  if (kind === "stable")
    return { mode: "matrix_2_0", generation: "stable", transports: [{ type: "m.livekit", url: sfu }], intent: "audio" };
  const transports = [{ type: "livekit", livekit_service_url: service }];
  return { mode: kind === "state" ? "compatibility" : "matrix_2_0", transports, intent: "audio" };
};

/** The identity that the service of the member's generation gives it. */
const identityOf = (kind: Kind, { userId, memberId }: Membership, deviceId: string): string => {
  if (kind === "state") return `${userId}:${deviceId}`;
  return hashOf(kind === "stable" ? [userId, memberId] : [userId, deviceId, memberId]);
};

const pairs = kinds.flatMap((first) => kinds.map((second) => [first, second] as const));

describe.each([true, false])("In a room with encryption: %s", (encrypted) => {
  it.each(pairs)("a %s member and a %s member see each other once, under the right identity", (first, second) =>
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: Object.values(users), encrypted });
      const [a, b] = [home.client(users.alice, "A"), home.client(users.bob, "B")];
      const join = (matrix: typeof a, kind: Kind, slot: string) => {
        const session = encryptedSession(matrix, { roomId, slot });
        session
          .join(optionsOf(kind))
          .pipe(takeUntil(timer(5_000)))
          .subscribe();
        return session;
      };
      // The two slot ids of the room's call are one call.
      const sessions = [join(a, first, "m.call#ROOM"), join(b, second, "m.call#room")];
      const seen: (readonly Membership[])[] = [];
      timer(2_000).subscribe(() => seen.push(...sessions.map(({ membership$ }) => membership$.value)));
      const keys: string[] = [];
      timer(4_000).subscribe(() => keys.push(...sessions[0]!.keys$.value.map((key) => key.participantIdentity)));
      flush();

      const [ofAlice, ofBob] = seen;
      expect(ofAlice!.map(({ userId }) => userId).toSorted()).toEqual([users.alice, users.bob]);
      const identities = (members: readonly Membership[]) => members.map((each) => each.participantIdentity).toSorted();
      expect(identities(ofBob!)).toEqual(identities(ofAlice!));
      const expected = ofAlice!.map((each) =>
        each.userId === users.alice ? identityOf(first, each, "A") : identityOf(second, each, "B"),
      );
      expect(ofAlice!.map((each) => each.participantIdentity)).toEqual(expected);
      expect(ofAlice!.every(({ intent }) => intent === "audio")).toBe(true);
      // Each has the media keys of both.
      if (encrypted) expect([...new Set(keys)].toSorted()).toEqual(identities(ofAlice!));
    })(),
  );
});

describe("The option generation", () => {
  it("writes the names of the stable generation, and a slot that readers of both accept", () =>
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: [users.alice], encrypted: true });
      const matrix = home.client(users.alice, "A");
      const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
      session
        .join({ ...optionsOf("stable"), openSlot: true })
        .pipe(takeUntil(timer(1_000)))
        .subscribe();
      let status: string | undefined;
      timer(500).subscribe(() => (status = watchSession(matrix, { roomId, slot: "m.call#ROOM" }).slot$.value.status));
      flush();
      const join = home.events(roomId).find(({ sticky }) => sticky);
      expect(join).toMatchObject({
        type: "m.rtc.member",
        content: {
          slot_id: "m.call#room",
          application: { type: "m.call", intent: "audio" },
          member: { membership: "join" },
          transports: { published: [{ type: "m.livekit", url: sfu }], can_subscribe: ["m.livekit"] },
        },
      });
      expect(Object.keys((join!.content as { member: object }).member)).toEqual(["id", "membership"]);
      expect(home.events(roomId).find(({ type }) => type === "m.rtc.slot")).toMatchObject({
        stateKey: "m.call#room",
        content: { status: "open", encryption: { type: "m.per_member" } },
      });
      expect(status).toBe("open");
    })());

  it.each<[string, EncryptedJoinOptions]>([
    ["generation stable needs the mode matrix_2_0", { generation: "stable" }],
    [
      "a transport of the type livekit does not go with the generation stable",
      { mode: "matrix_2_0", generation: "stable", transports: [{ type: "livekit" }] },
    ],
    [
      "a transport of the type m.livekit does not go with the generation deployed",
      { transports: [{ type: "m.livekit" }] },
    ],
  ])("is checked at once: %s", (message, options) => {
    const home = virtualHomeserver();
    const roomId = home.createRoom({ members: [users.alice] });
    const session = encryptedSession(home.client(users.alice, "A"), { roomId, slot: "m.call#ROOM" });
    expect(() => session.join(options)).toThrow(message);
  });
});

describe("A slot event", () => {
  it.each([
    ["deployed", "deployed"],
    ["deployed", "stable"],
    ["stable", "deployed"],
    ["stable", "stable"],
  ] as const)(
    "with the type of %s and the slot id of %s closes the call, and of several the newest counts",
    (type, id) => {
      const home = virtualHomeserver();
      const roomId = home.createRoom({ members: [users.alice] });
      const set = (eventType: string, stateKey: string, status: string, originServerTs: number) =>
        home.setState(roomId, {
          type: eventType,
          sender: users.alice,
          stateKey,
          content: { status, application: { type: "m.call" } },
          originServerTs,
        });
      set(names[type].slot, names[id].roomCall, "closed", 2);
      const status = (slot: string) =>
        watchSession(home.client(users.alice, slot), { roomId, slot }).slot$.value.status;
      expect([status("m.call#ROOM"), status("m.call#room")]).toEqual(["closed", "closed"]);
      set(names.deployed.slot, "m.call#ROOM", "open", 3);
      expect(watchSession(home.client(users.alice, "later"), { roomId, slot: "m.call#room" }).slot$.value.status).toBe(
        "open",
      );
    },
  );
});

describe("A member of the first draft of 2024", () => {
  it("is live with the option firstDraft alone", () => {
    const home = virtualHomeserver();
    const roomId = home.createRoom({ members: [users.alice, users.bob] });
    home.setState(roomId, {
      type: "m.rtc.member",
      sender: users.bob,
      stateKey: JSON.stringify([users.bob, "B"]),
      content: { "m.application": "m.call", "m.call_id": "", focus_active: { type: "livekit" }, foci_preferred: [] },
    });
    const matrix = home.client(users.alice, "A");
    const members = (reader?: typeof firstDraft) =>
      watchSession(matrix, { roomId, slot: "m.call#ROOM", firstDraft: reader }).membership$.value;
    expect(members()).toEqual([]);
    expect(members(firstDraft)).toMatchObject([{ userId: users.bob, deviceId: "B", kind: "state" }]);
  });

  it("is live beside a state member in use", () => {
    const home = virtualHomeserver();
    const roomId = home.createRoom({ members: [users.alice, users.bob] });
    home.setState(roomId, {
      type: "m.rtc.member",
      sender: users.bob,
      stateKey: JSON.stringify([users.bob, "B"]),
      content: { "m.application": "m.call", "m.call_id": "" },
    });
    const content = { application: "m.call", call_id: "", device_id: "A", focus_active: { type: "livekit" } };
    home.setState(roomId, { type: stateMemberType, sender: users.alice, stateKey: "a", content });
    const session = watchSession(home.client(users.alice, "A"), { roomId, slot: "m.call#ROOM", firstDraft });
    expect(session.membership$.value.map(({ userId }) => userId).toSorted()).toEqual([users.alice, users.bob]);
  });
});

describe("A token for a transport of the stable generation", () => {
  const participantIdentity = hashOf([users.alice, "one"]);
  const member = { kind: "sticky", userId: users.alice, deviceId: "A", memberId: "one", participantIdentity } as const;
  const request = {
    transport: { type: "m.livekit", url: sfu },
    roomId: "!kitchen:example.org",
    slot: "m.call#room",
    member,
    purpose: "publish",
  } as const;
  const backendFor = (sub: string) => ({
    openIdToken: () => NEVER,
    livekitToken: (asked: unknown) => {
      expect(asked).toEqual({ url: sfu, roomId: request.roomId, slot: "m.call#room", memberId: "one", deviceId: "A" });
      return of({ jwt: `h.${btoa(JSON.stringify({ sub, video: { room: "alias" } }))}.s` });
    },
  });

  it("comes from the homeserver, and gives the identity without the device", () => {
    const identity = hashOf([users.alice, "one"]);
    let token: unknown;
    sfuToken(backendFor(identity), request).subscribe((one) => (token = one));
    expect(token).toMatchObject({ url: sfu, identity });
  });

  it("with the identity of the other generation is refused", () => {
    let error: unknown;
    sfuToken(backendFor(hashOf([users.alice, "A", "one"])), request).subscribe({ error: (cause) => (error = cause) });
    expect(error).toBeInstanceOf(RtcError);
  });
});
