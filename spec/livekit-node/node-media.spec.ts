// The media of a call in Node: who is received, what a member's item says, and what is sent.
import { DisconnectReason, EncryptionType, RoomEvent, TrackSource } from "@livekit/rtc-node";
import { BehaviorSubject, NEVER, of, ReplaySubject, Subject } from "rxjs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { LivekitTransport } from "../../src/livekit/livekit-transport.ts";
import { nodeMedia, type NodeOutgoingMedia } from "../../src/livekit-node/index.ts";
import type { EncryptionKey, JoinState, MemberEncryption, Membership } from "../../src/index.ts";
import { membersNamed } from "../../src/testing/index.ts";
import { type FakeRtcNode, fakeRtcNode } from "./fake-rtc-node.ts";

const transport: LivekitTransport = { type: "livekit", livekit_service_url: "https://a.example.org" };

/** Members by name, on the server a, or on another one: `bob@b`. */
const members = (text: string): readonly Membership[] =>
  membersNamed(text.replaceAll(/@\w+/g, "")).map((member, at) => {
    const server = /@(\w+)/.exec(text.split(" ")[at]!)?.[1] ?? "a";
    const transports = [{ type: "livekit", livekit_service_url: `https://${server}.example.org` }];
    return { ...member, kind: "state" as const, focusSelection: "multi_sfu", transports };
  });

const identityOf = (name: string): string => membersNamed(name)[0]!.participantIdentity;
const own = membersNamed("alice")[0]!;
const member = { ...own, kind: "state" as const };

const joined: JoinState = {
  status: "joined",
  member,
  sinceTs: 0,
  delayedLeave: { status: "unsupported" },
  probablyLeft: false,
};

const keyOf = (name: string, keyIndex = 0): EncryptionKey => ({
  ...membersNamed(name)[0]!,
  keyIndex,
  key: new Uint8Array(16),
  own: name === "alice",
  sinceTs: 0,
});

const answer = (url: string) => {
  const payload = btoa(JSON.stringify({ sub: own.participantIdentity, video: { room: "alias" } }));
  return Response.json({ url: `wss://sfu-of-${new URL(url).hostname}`, jwt: `h.${payload}.s` });
};

/** A call that alice is in, with its media subscribed to. */
function call(text: string, options: { isEncrypted?: boolean; rtc?: FakeRtcNode } = {}) {
  const rtc = options.rtc ?? fakeRtcNode();
  const membership$ = new BehaviorSubject(members(text));
  const encryptionKey$ = new ReplaySubject<EncryptionKey>();
  const encryptionStatus$ = new BehaviorSubject<ReadonlyMap<string, MemberEncryption>>(new Map());
  const state$ = new BehaviorSubject<JoinState>(joined);
  const outgoing$ = new BehaviorSubject<NodeOutgoingMedia>({});
  const openId = { access_token: "oid", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3600 };
  const media = nodeMedia(
    {
      roomId: "!r:example.org",
      slot: "m.call#ROOM",
      membership$,
      encryptionKey$,
      encryptionStatus$,
      decryption: new Subject(),
    },
    {
      backend: { openIdToken: () => of(openId), changes$: NEVER },
      state$,
      transport$: of(transport),
      outgoing$,
      isEncrypted: options.isEncrypted ?? true,
      rtc,
      fetch: async (url) => answer(url),
    },
  );
  const subscription = media.participants$.subscribe();
  onTestFinished(() => subscription.unsubscribe());
  const participant = (name: string) =>
    media.participants$.value.find(({ member: { participantIdentity } }) => participantIdentity === identityOf(name))!;
  const room = (at = 0) => rtc.rooms[at]!;
  return {
    ...media,
    rtc,
    membership$,
    encryptionKey$,
    encryptionStatus$,
    state$,
    outgoing$,
    subscription,
    participant,
    room,
  };
}

/** Until tokens were fetched and tracks were published. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("A member's media", () => {
  test("is received once its key is installed, and not before", async () => {
    const { room, encryptionKey$, participant } = call("alice bob");
    await settled();
    const publication = room().publish(identityOf("bob"));
    expect(publication.subscribed).toBe(false);
    expect(participant("bob").tracks$.value).toEqual([{ source: "microphone", muted: false }]);
    encryptionKey$.next(keyOf("bob"));
    expect(publication.subscribed).toBe(true);
    expect(participant("bob").tracks$.value).toEqual([
      { source: "microphone", muted: false, track: publication.track },
    ]);
  });

  test("is received at once in a call that is not encrypted", async () => {
    const { room } = call("alice bob", { isEncrypted: false });
    await settled();
    expect(room().publish(identityOf("bob"), TrackSource.SOURCE_CAMERA, EncryptionType.NONE).subscribed).toBe(true);
  });

  test("is never received in the clear in an encrypted call", async () => {
    const { room, encryptionKey$, participant } = call("alice bob");
    await settled();
    encryptionKey$.next(keyOf("bob"));
    expect(room().publish(identityOf("bob"), TrackSource.SOURCE_CAMERA, EncryptionType.NONE).subscribed).toBe(false);
    expect(participant("bob").tracks$.value).toEqual([]);
  });

  test("is not received from who is no member, until it is one", async () => {
    const { room, encryptionKey$, membership$, participants$ } = call("alice");
    await settled();
    encryptionKey$.next(keyOf("mallory"));
    const publication = room().publish(identityOf("mallory"));
    expect(publication.subscribed).toBe(false);
    expect(participants$.value).toHaveLength(1);
    membership$.next(members("alice mallory"));
    expect(publication.subscribed).toBe(true);
    membership$.next(members("alice"));
    expect(publication.subscribed).toBe(false);
  });

  test("is not received from a server that it does not name", async () => {
    const { rtc, encryptionKey$ } = call("alice bob@b carl");
    await settled();
    encryptionKey$.next(keyOf("bob"));
    const [atA, atB] = rtc.rooms;
    expect(atA!.publish(identityOf("bob")).subscribed).toBe(false);
    expect(atB!.publish(identityOf("bob")).subscribed).toBe(true);
  });
});

describe("A participant", () => {
  test("is the same object while its membership does not change, with one item for each member", async () => {
    const { participants$, membership$, room } = call("alice bob");
    await settled();
    const before = participants$.value;
    room().publish(identityOf("bob"));
    expect(participants$.value[1]).toBe(before[1]);
    const [alice, bob] = membership$.value;
    membership$.next([alice!, { ...bob!, eventId: "$refreshed" }]);
    expect(participants$.value[0]).toBe(before[0]);
    expect(participants$.value[1]).not.toBe(before[1]);
    expect(participants$.value[1]!.tracks$).toBe(before[1]!.tracks$);
  });

  test("says how it is connected and why it is not", async () => {
    const { participant, room, membership$ } = call("alice bob");
    expect(participant("bob").connection$.value).toBe("connecting");
    await settled();
    expect(participant("bob").problem$.value?.code).toBe("waiting-for-other-side");
    room().publish(identityOf("bob"));
    expect(participant("bob").connection$.value).toBe("connected");
    expect(participant("bob").problem$.value).toBeUndefined();
    room().emit(RoomEvent.Reconnecting);
    expect(participant("bob").connection$.value).toBe("reconnecting");
    membership$.next(members("alice bob").map((one) => ({ ...one, transports: [] })));
    expect(participant("bob").problem$.value?.code).toBe("no-common-transport");
  });

  test("says who speaks", async () => {
    const { participant, room } = call("alice bob");
    await settled();
    room().publish(identityOf("bob"));
    room().emit(RoomEvent.ActiveSpeakersChanged, [{ identity: identityOf("bob") }]);
    expect(participant("bob").speaking$.value).toBe(true);
    room().emit(RoomEvent.ActiveSpeakersChanged, []);
    expect(participant("bob").speaking$.value).toBe(false);
  });
});

describe("Our own media", () => {
  const source = {} as never;

  test("is published once we can encrypt, muted as it is asked for, and unpublished", async () => {
    const { rtc, room, encryptionKey$, outgoing$ } = call("alice");
    outgoing$.next({ microphone: { source, muted: true } });
    await settled();
    expect(room().localParticipant.trackPublications.size).toBe(0);
    encryptionKey$.next(keyOf("alice", 3));
    await settled();
    expect([...room().localParticipant.trackPublications.keys()]).toEqual(["own-2"]);
    outgoing$.next({ microphone: { source } });
    await settled();
    outgoing$.next({});
    await settled();
    expect(room().localParticipant.trackPublications.size).toBe(0);
    expect(rtc.log.slice(1)).toEqual(
      ["setKey", "mute", "useKeyIndex own-2 3", "unmute"].map((line) =>
        line === "setKey" ? `setKey ${own.participantIdentity} 3` : line,
      ),
    );
  });

  test("ends as soon as we begin to leave, and when nobody is subscribed any more", async () => {
    const { rtc, state$, subscription, participants$ } = call("alice");
    await settled();
    state$.next({ status: "leaving", member, sinceTs: 0 });
    expect(rtc.log.at(-1)).toMatch(/^disconnect/);
    state$.next(joined);
    await settled();
    expect(rtc.rooms).toHaveLength(2);
    subscription.unsubscribe();
    expect(rtc.log.at(-1)).toMatch(/^disconnect/);
    expect(participants$.value).toEqual([]);
  });
});

describe("The problems of a call", () => {
  test("are ordered: our membership, our own server, other servers, keys, members", async () => {
    const { problems$, state$, encryptionStatus$, rtc } = call("alice bob@b carl");
    await settled();
    const codes = () =>
      problems$.value.map((problem) => ("url" in problem ? `${problem.code} ${problem.url}` : problem.code));
    rtc.rooms[1]!.emit(RoomEvent.Disconnected, DisconnectReason.SERVER_SHUTDOWN);
    rtc.rooms[0]!.emit(RoomEvent.Reconnecting);
    state$.next({ ...joined, probablyLeft: true });
    const [, bob] = members("alice bob");
    encryptionStatus$.next(new Map([[bob!.participantIdentity, { ...bob!, status: "waiting", reason: "no-key" }]]));
    expect(codes()).toEqual([
      "probably-left",
      "reconnecting https://a.example.org",
      "no-connection https://b.example.org",
      "cannot-decrypt",
    ]);
    expect(problems$.value[2]).toMatchObject({ reason: "server-shutdown", isPublishing: false });
  });

  test("keep their time while they last", async () => {
    const { problems$, state$, room } = call("alice bob");
    await settled();
    const [before] = problems$.value;
    expect(before?.code).toBe("no-media");
    state$.next({ ...joined, probablyLeft: true });
    expect(problems$.value[1]).toBe(before);
    room().publish(identityOf("bob"));
    expect(problems$.value.map(({ code }) => code)).toEqual(["probably-left"]);
  });
});
