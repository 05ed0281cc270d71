// The room around the call, on a real homeserver: matrix-js-sdk on one side, ours on the other, and the reverse.
import { EventType, type MatrixEvent, MsgType, Preset, type Room } from "matrix-js-sdk";
import { firstValueFrom, lastValueFrom, map, type Observable, timeout } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { type CallReaction, type MatrixRoom, matrixRoom, presenceOf, type RoomMessage } from "matrixrtc-rx/room";
import { device, first, type RealDevice, roomOf, until } from "./device.ts";
import { SetPresence } from "matrix-js-sdk/lib/sync.js";
import { sdkSession } from "./watch.ts";

const slot = "m.call#ROOM";

/** Subscribes until the spec is over, so that values are kept in step. */
function keep(...streams: readonly Observable<unknown>[]): void {
  for (const each$ of streams) {
    const subscription = each$.subscribe();
    onTestFinished(() => subscription.unsubscribe());
  }
}

const sdkRoom = ({ client }: RealDevice, roomId: string): Room => client.getRoom(roomId)!;

/** The events of the room that a matrix-js-sdk client has received, decrypted. */
async function sdkReads(
  { client }: RealDevice,
  roomId: string,
  fits: (event: MatrixEvent) => boolean,
): Promise<MatrixEvent> {
  const find = () =>
    client
      .getRoom(roomId)
      ?.getLiveTimeline()
      .getEvents()
      .find((event) => event.getId()?.startsWith("$") && fits(event));
  await until(() => {
    for (const event of client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
      void client.decryptEventIfNeeded(event);
    return find() !== undefined;
  });
  return find()!;
}

const inWords = (message: RoomMessage) => (message.status === "readable" ? message.content.body : message.status);

describe("A room on a real homeserver", () => {
  it("is made, named, given a topic and a picture, and filled by matrix-js-sdk, as ours shows it", async () => {
    const [alice, bob, carol] = [await device("alice"), await device("bob"), await device("carol")];
    const { room_id: roomId } = await alice.client.createRoom({ name: "Kitchen", invite: [bob.userId] });
    await bob.client.joinRoom(roomId);
    await until(() => bob.matrix.stateEvent(roomId, "m.room.member", bob.userId) !== undefined);
    const room = matrixRoom(bob.matrix, roomId);
    keep(room.name$, room.topic$, room.avatar$, room.members$, room.joinRule$, room.aliases$);
    expect(await first(room.name$, (name) => name === "Kitchen")).toBe("Kitchen");
    expect(room.joinRule$.value).toBe("invite");
    expect(room.state$("m.room.create").value?.room_version).toMatch(/^\d+$/);

    await alice.client.setRoomName(roomId, "The kitchen");
    await alice.client.setRoomTopic(roomId, "Food and drink");
    await alice.client.sendStateEvent(roomId, EventType.RoomAvatar, { url: "mxc://example.org/kitchen" });
    await alice.client.createAlias(`#kitchen-${crypto.randomUUID()}:${alice.client.getDomain()}`, roomId);
    await alice.client.sendStateEvent(roomId, EventType.RoomJoinRules, { join_rule: "knock" } as never);
    await first(room.joinRule$, (rule) => rule === "knock");
    expect([room.name$.value, room.topic$.value, room.avatar$.value]).toEqual([
      "The kitchen",
      "Food and drink",
      "mxc://example.org/kitchen",
    ]);

    const membershipOf = (userId: string) =>
      first(room.profile$(userId).pipe(map(({ membership }) => membership)), () => true);
    const carols$ = room.profile$(carol.userId).pipe(map(({ membership }) => membership));
    await alice.client.invite(roomId, carol.userId);
    await first(carols$, (membership) => membership === "invite");
    await carol.client.joinRoom(roomId);
    await first(carols$, (membership) => membership === "join");
    await carol.client.setDisplayName("Caroline");
    await first(room.members$, (members) => members.some(({ name }) => name === "Caroline"));
    await bob.client.setDisplayName("Caroline");
    const shared = await first(
      room.members$,
      (members) => members.filter(({ displayName }) => displayName === "Caroline").length === 2,
    );
    expect(
      shared
        .map(({ name }) => name)
        .filter((name) => name.startsWith("Caroline"))
        .toSorted(),
    ).toEqual([`Caroline (${bob.userId})`, `Caroline (${carol.userId})`].toSorted());
    await alice.client.kick(roomId, carol.userId, "too loud");
    await first(carols$, (membership) => membership === "leave");
    await alice.client.ban(roomId, carol.userId);
    await first(carols$, (membership) => membership === "ban");
    expect(await membershipOf(alice.userId)).toBe("join");
  });

  it("is named, given a topic, and emptied by ours, as matrix-js-sdk shows it; a user without power gets the reason", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const [room, bobs] = [matrixRoom(alice.matrix, roomId), matrixRoom(bob.matrix, roomId)];
    await lastValueFrom(room.sendState("m.room.name", { name: "Cellar" }));
    await lastValueFrom(room.sendState("m.room.topic", { topic: "Wine" }));
    const topicOf = (of: Room) => of.currentState.getStateEvents("m.room.topic", "")?.getContent().topic;
    await until(() => sdkRoom(bob, roomId).name === "Cellar" && topicOf(sdkRoom(bob, roomId)) === "Wine");

    const action = { kind: "state", type: "m.room.topic" } as const;
    expect(bobs.permissions$(bob.userId).value.denial(action)).toMatchObject({ reason: "power-level", level: 0 });
    await expect(lastValueFrom(bobs.sendState("m.room.topic", { topic: "Beer" }))).rejects.toMatchObject({
      code: "forbidden",
    });

    await lastValueFrom(room.sendState("m.room.member", { membership: "leave", reason: "over" }, bob.userId));
    await until(() => sdkRoom(bob, roomId).getMyMembership() === "leave");
    await expect(lastValueFrom(bobs.sendMessage("still here?"))).rejects.toMatchObject({ name: "RtcError" });
  });

  it("older messages are read back page by page until the room begins, with their edits", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const { room_id: roomId } = await alice.client.createRoom({ preset: Preset.PublicChat });
    const bodies = Array.from({ length: 30 }, (_, n) => `message ${n}`);
    const sent: string[] = [];
    for (const body of bodies) sent.push((await alice.client.sendTextMessage(roomId, body)).event_id);
    await lastValueFrom(matrixRoom(alice.matrix, roomId).sendMessage("edited", { edits: sent[3]! }));
    await bob.client.joinRoom(roomId);
    await until(() => bob.matrix.hasRoom(roomId));
    const room = matrixRoom(bob.matrix, roomId);
    keep(room.messages$);
    expect(room.messages$.value.length).toBeLessThan(bodies.length);
    while (await lastValueFrom(room.readOlder(10)));
    expect(room.messages$.value.map(inWords)).toEqual(bodies.with(3, "edited"));
  });
});

const info = { mimetype: "image/png", size: 4, w: 2, h: 1 };
const url = "mxc://example.org/file";

/** A message of every type of the specification. */
const messages: readonly (readonly [kind: string, content: Record<string, unknown> & { body: string }])[] = [
  ["text", { msgtype: MsgType.Text, body: "plain" }],
  [
    "text",
    { msgtype: MsgType.Text, body: "*rich*", format: "org.matrix.custom.html", formatted_body: "<em>rich</em>" },
  ],
  ["emote", { msgtype: MsgType.Emote, body: "waves" }],
  ["notice", { msgtype: MsgType.Notice, body: "beep" }],
  ["image", { msgtype: MsgType.Image, body: "cat.png", url, info }],
  ["audio", { msgtype: MsgType.Audio, body: "song", url, info: { mimetype: "audio/ogg", size: 5, duration: 6 } }],
  ["video", { msgtype: MsgType.Video, body: "film", url, info: { ...info, mimetype: "video/mp4", duration: 7 } }],
  ["file", { msgtype: MsgType.File, body: "text", filename: "a.txt", url, info: { mimetype: "text/plain", size: 8 } }],
  ["location", { msgtype: MsgType.Location, body: "Big Ben", geo_uri: "geo:51.5008,0.1247" }],
  ["other", { msgtype: "org.example.dance", body: "dances" }],
];

describe("In an encrypted room on a real homeserver", () => {
  it("messages of every type that matrix-js-sdk sends are read by ours, edited, answered, reacted to and redacted", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const room = matrixRoom(bob.matrix, roomId);
    keep(room.messages$);
    const sent: string[] = [];
    for (const [, content] of messages) {
      const { event_id } = await alice.client.sendMessage(roomId, content as never);
      sent.push(event_id);
      // Each message waits for the one before. Many messages in one sync response would leave a gap.
      await first(room.messages$, (list) => list.at(-1)?.eventId === event_id && list.at(-1)?.status === "readable");
    }
    const read = await first(
      room.messages$,
      (list) => list.length === messages.length && list.every(({ status }) => status === "readable"),
    );
    expect(read.map((message) => (message.status === "readable" ? message.content : message))).toEqual(
      messages.map(([kind, content]) => Object.assign({ kind }, content)),
    );
    expect(read.map((message) => message.status === "readable" && message.isAutomated)).toEqual(
      messages.map(([kind]) => kind === "notice"),
    );

    await alice.client.sendMessage(roomId, {
      msgtype: MsgType.Text,
      body: "* plainer",
      "m.new_content": { msgtype: MsgType.Text, body: "plainer" },
      "m.relates_to": { rel_type: "m.replace", event_id: sent[0] },
    } as never);
    await first(room.messages$, ([message]) => message !== undefined && inWords(message) === "plainer");
    await alice.client.sendEvent(roomId, EventType.Reaction, {
      "m.relates_to": { rel_type: "m.annotation", event_id: sent[1], key: "👍" },
    } as never);
    await first(room.messages$, (list) => list[1]?.reactions[0]?.senders[0] === alice.userId);
    await alice.client.redactEvent(roomId, sent[2]!, undefined, { reason: "rude" });
    const redacted = await first(room.messages$, (list) => list[2]?.status === "redacted");
    expect(redacted[2]).toMatchObject({ redaction: { sender: alice.userId, reason: "rude" } });
  });

  it("messages of every type that ours sends are read by matrix-js-sdk, edits, answers, reactions and redactions too", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const room = matrixRoom(alice.matrix, roomId);
    for (const [, content] of messages) {
      const eventId = await lastValueFrom(room.sendMessage(content));
      const event = await sdkReads(
        bob,
        roomId,
        (each) => each.getId() === eventId && each.getType() === "m.room.message",
      );
      expect(event.getWireType()).toBe("m.room.encrypted");
      expect(event.getContent()).toEqual(content);
    }
    const original = await lastValueFrom(room.sendMessage("frist"));
    await lastValueFrom(room.sendMessage("first", { edits: original }));
    await until(() => sdkRoom(bob, roomId).findEventById(original)?.getContent().body === "first");
    const answer = await lastValueFrom(room.sendMessage("indeed", { replyTo: original }));
    const answered = await sdkReads(
      bob,
      roomId,
      (event) => event.getId() === answer && event.getType() === "m.room.message",
    );
    expect(answered.replyEventId).toBe(original);
    const reactionId = await lastValueFrom(room.sendReaction(original, "🎉"));
    const reaction = await sdkReads(bob, roomId, (event) => event.getId() === reactionId);
    expect([reaction.getWireType(), reaction.getRelation()?.key]).toEqual(["m.reaction", "🎉"]);
    await lastValueFrom(room.redact(answer, "on second thought"));
    await until(() => answered.isRedacted());
    expect(answered.getUnsigned().redacted_because?.content?.["reason"]).toBe("on second thought");
  });

  it("typing and read receipts are seen in both directions", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const room = matrixRoom(alice.matrix, roomId);
    keep(room.typing$, room.receipts$);
    await bob.client.sendTyping(roomId, true, 20_000);
    await first(room.typing$, (users) => users.includes(bob.userId));
    await bob.client.sendTyping(roomId, false, 0);
    await first(room.typing$, (users) => users.length === 0);
    await lastValueFrom(room.sendTyping(true), { defaultValue: undefined });
    await until(() => sdkRoom(bob, roomId).getMember(alice.userId)?.typing === true);

    const eventId = await lastValueFrom(room.sendMessage("read this"));
    const event = await sdkReads(bob, roomId, (each) => each.getId() === eventId);
    await bob.client.sendReadReceipt(event);
    await first(room.receipts$, (receipts) =>
      receipts.some((each) => each.userId === bob.userId && each.eventId === eventId),
    );
    const { event_id: theirs } = await bob.client.sendTextMessage(roomId, "and this");
    await until(() => sdkRoom(alice, roomId).findEventById(theirs) !== undefined);
    await lastValueFrom(room.sendFeedback("read", theirs), { defaultValue: undefined });
    await until(() => sdkRoom(bob, roomId).getEventReadUpTo(alice.userId) === theirs);
  });

  it("what is said before ours listens is there, and what is said during an outage comes after it", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    await alice.client.sendTextMessage(roomId, "early");
    await until(() =>
      sdkRoom(bob, roomId)
        .getLiveTimeline()
        .getEvents()
        .some((event) => event.isEncrypted()),
    );
    const room = matrixRoom(bob.matrix, roomId);
    keep(room.messages$);
    await first(room.messages$, (list) => list.map(inWords).join() === "early");
    bob.cutOff();
    await alice.client.sendTextMessage(roomId, "meanwhile");
    bob.reconnect();
    bob.client.retryImmediately();
    await first(room.messages$, (list) => list.map(inWords).join() === "early,meanwhile");
  });
});

/** What Element Call accepts: the event relates to the membership event that its SDK session has for the sender. */
async function elementCallAccepts(observer: RealDevice, roomId: string, event: MatrixEvent): Promise<boolean> {
  const session = await sdkSession(observer, roomId);
  const target = event.getContent()["m.relates_to"]?.event_id;
  await until(() => session.memberships.some(({ eventId }) => eventId === target));
  return session.memberships.some(({ eventId, userId }) => eventId === target && userId === event.getSender());
}

describe.each(["compatibility", "matrix_2_0"] as const)("In a call in mode %s", (mode) => {
  it("reactions and raised hands as Element Call sends and reads them are seen in both directions", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const transports = [{ type: "livekit", livekit_service_url: "https://rtc.example.org" }];
    const join = (who: RealDevice) => {
      const session = encryptedSession(who.matrix, { roomId, slot });
      keep(session.join({ mode, transports, keys: { enabled: false } } as never), session.membership$);
      return session;
    };
    const [alices, bobs] = [join(alice), join(bob)];
    const both = (members: readonly unknown[]) => members.length === 2;
    await Promise.all([first(alices.membership$, both), first(bobs.membership$, both)]);
    const room: MatrixRoom = matrixRoom(alice.matrix, roomId);
    const call = room.inCall(alices);
    keep(call.raisedHands$);

    // Bob as Element Call does it, with matrix-js-sdk alone.
    const own = bobs.membership$.value.find(({ userId }) => userId === bob.userId)!.eventId;
    const floating: Promise<CallReaction> = firstValueFrom(call.reactions$.pipe(timeout(20_000)));
    await bob.client.sendEvent(
      roomId,
      "io.element.call.reaction" as never,
      {
        "m.relates_to": { rel_type: "m.reference", event_id: own },
        emoji: "🎉",
        name: "party",
      } as never,
    );
    expect(await floating).toMatchObject({ emoji: "🎉", name: "party", member: { userId: bob.userId } });
    const { event_id: hand } = await bob.client.sendEvent(roomId, EventType.Reaction, {
      "m.relates_to": { rel_type: "m.annotation", event_id: own, key: "🖐️" },
    } as never);
    const [up] = await first(call.raisedHands$, (hands) => hands.length === 1);
    expect(up).toMatchObject({ eventId: hand, member: { userId: bob.userId, deviceId: bob.deviceId } });
    await bob.client.redactEvent(roomId, hand);
    await first(call.raisedHands$, (hands) => hands.length === 0);

    // Ours, as Element Call reads it.
    const ours = await lastValueFrom(call.react("👏", "clapping"));
    const reaction = await sdkReads(
      bob,
      roomId,
      (event) => event.getId() === ours && event.getType() === "io.element.call.reaction",
    );
    expect(reaction.getContent()).toMatchObject({ emoji: "👏", name: "clapping" });
    expect(await elementCallAccepts(bob, roomId, reaction)).toBe(true);
    const raised = await lastValueFrom(call.raiseHand());
    const event = await sdkReads(bob, roomId, (each) => each.getId() === raised);
    expect(event.getContent()["m.relates_to"]).toMatchObject({ rel_type: "m.annotation", key: "🖐️" });
    expect(await elementCallAccepts(bob, roomId, event)).toBe(true);
    await lastValueFrom(call.lowerHand());
    await until(() => event.isRedacted());
    await first(call.raisedHands$, (hands) => hands.length === 0);
  });
});

describe("The presence of a user on a real homeserver", () => {
  it("is seen, and so is a new name, in the room and out of it", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const room = matrixRoom(alice.matrix, roomId);
    const bobs$ = presenceOf(alice.matrix, bob.userId);
    keep(bobs$, room.members$);
    await bob.client.setPresence({ presence: "online", status_msg: "cooking" });
    await first(bobs$, ({ presence, statusMessage }) => presence === "online" && statusMessage === "cooking");
    await bob.client.setDisplayName("Bobby");
    await first(bobs$, ({ displayName }) => displayName === "Bobby");
    await first(room.members$, (members) => members.some(({ name }) => name === "Bobby"));
    // Else his next sync says that he is online.
    await bob.client.setSyncPresence(SetPresence.Unavailable);
    await bob.client.setPresence({ presence: "unavailable" });
    await first(bobs$, ({ presence }) => presence === "unavailable");
    expect(bobs$.value).toMatchObject({ userId: bob.userId, displayName: "Bobby" });
  });
});
