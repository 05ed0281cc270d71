import { describe, expect, it } from "vitest";
import type { Denial, RoomMessage } from "../../src/room/index.ts";
import { denialWords, messageWords, typingWords, unreadCount } from "../../examples/call/src/room/room-words.ts";

const [me, bob] = ["@me:example.org", "@bob:example.org"];
const readable = (eventId: string, sender = bob, more: object = {}) =>
  ({
    eventId,
    sender,
    ts: 0,
    reactions: [],
    status: "readable",
    content: { kind: "text", msgtype: "m.text", body: eventId },
    editedTs: undefined,
    replyTo: undefined,
    threadId: undefined,
    isAutomated: false,
    ...more,
  }) as RoomMessage;
const redacted = (eventId: string, redaction = {}) =>
  ({ ...readable(eventId), status: "redacted", redaction }) as RoomMessage;

describe("The count of unread messages", () => {
  const messages = [readable("$1"), readable("$2", me), readable("$3"), redacted("$4"), readable("$5")];

  it.each<[string, string | undefined, number]>([
    ["is that of the others since the last one that was seen, without redacted ones", "$1", 2],
    ["is 0 when the last one was seen", "$5", 0],
    ["is that of all others when none was seen", undefined, 3],
    ["is that of all others when the one that was seen has dropped out", "$0", 3],
  ])("%s", (_, seen, count) => expect(unreadCount(messages, seen, me)).toBe(count));
});

describe("The call app says in words", () => {
  it.each<[Denial, string]>([
    [{ reason: "not-in-room" }, "You are not in this room."],
    [{ reason: "power-level", needed: 50, level: 0 }, "This room asks for power level 50 here. You have 0."],
    [{ reason: "not-owner", ownerId: "@bob:example.org" }, "Only @bob:example.org may change this."],
    [{ reason: "outranked", level: 50, otherLevel: 100 }, "They have power level 100, and you have 50."],
  ])("why a button is disabled: %j", (denial, words) => expect(denialWords(denial)).toBe(words));

  it.each<[readonly string[], string]>([
    [[], ""],
    [["Ann"], "Ann is typing…"],
    [["Ann", "Bob"], "Ann and Bob are typing…"],
  ])("who is typing: %j", (names, words) => expect(typingWords(names)).toBe(words));

  it.each<[RoomMessage, string]>([
    [readable("hi"), "hi"],
    [readable("hi", bob, { editedTs: 5 }), "hi (edited)"],
    [readable("cat.png", bob, { content: { kind: "image", msgtype: "m.image", body: "cat.png" } }), "[image] cat.png"],
    [redacted("x"), "deleted"],
    [redacted("x", { reason: "rude" }), "deleted: rude"],
    [{ ...readable("x"), status: "undecryptable" } as RoomMessage, "cannot be decrypted"],
    [{ ...readable("x"), status: "malformed", path: "body" } as RoomMessage, "cannot be read"],
  ])("what a message says: %#", (message, words) => expect(messageWords(message)).toBe(words));
});
