// messages$: what is said in a room, with edits, redactions and reactions.
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import type { TimelineEvent } from "../../../src/matrix.ts";
import { matrixRoom, type RoomMessage } from "../../../src/room/index.ts";
import { decoder } from "../../../src/room/streams/state-reader.ts";
import { TimelineWindow } from "../../../src/room/streams/timeline-window.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, carl, scene, wordOf, words } from "./scene.ts";

const edit = (body: string, target: string, more: object = {}) => ({
  msgtype: "m.text",
  body: `* ${body}`,
  "m.new_content": { msgtype: "m.text", body },
  "m.relates_to": { rel_type: "m.replace", event_id: target },
  ...more,
});

describe("messages$", () => {
  test(
    "has what the client holds, then what comes, oldest first",
    marbles(({ cold, expectObservable }) => {
      const { room, say } = scene();
      say("early");
      cold("                                  -----a------b").subscribe((body) => say(body));
      expectObservable(words(room), "     ----^ 50ms !").toBe("----e---a------b", {
        e: "early",
        a: "early|a",
        b: "early|a|b",
      });
    }),
  );

  test(
    "has no message of another room",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix, room, say } = scene();
      const other = home.createRoom({ members: [alice, bob] });
      const content = { msgtype: "m.text", body: "elsewhere" };
      cold("                      -----a------b------c", {
        a: () => say("here"),
        b: () => home.sendEvent(other, { type: "m.room.message", sender: bob, content }),
        c: () => say("here again"),
      }).subscribe((act) => act());
      expectObservable(words(room), "^ 50ms !").toBe("e-------a-------------c", {
        e: "",
        a: "here",
        c: "here|here again",
      });
      const others$ = words(matrixRoom(matrix, other, { awaitRoom: true }));
      expectObservable(others$, "    ^ 50ms !").toBe("e--------------b", { e: "", b: "elsewhere" });
    }),
  );

  test(
    "shows an edit of the same user in place of the message, the latest of several, and what was before when it is redacted",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room, say } = scene();
      const first = say("frist");
      let last = "";
      const write = (body: string, sender = bob) =>
        home.sendEvent(roomId, { type: "m.room.message", sender, content: edit(body, first) });
      cold("                      -----a------b------c------d", {
        a: () => write("forst"),
        b: () => (last = write("first")),
        c: () => write("mine now", alice),
        d: () => home.redact(roomId, last),
      }).subscribe((act) => act());
      expectObservable(words(room), "^ 50ms !").toBe("e--f----a------b-------------a", {
        e: "",
        f: "frist",
        a: "forst",
        b: "first",
      });
    }),
  );

  test(
    "keeps the place of a redacted message, and says who redacted it and why",
    marbles(({ cold, expectObservable }) => {
      const { room, say } = scene();
      const eventId = say("bad");
      say("good");
      cold("                     -----r").subscribe(() => room.redact(eventId, "rude").subscribe());
      const told$ = room.messages$.pipe(
        map(([message]) => (message?.status === "redacted" ? message.redaction : message && wordOf(message))),
      );
      expectObservable(told$, "^ 50ms !").toBe("u--b------r", {
        u: undefined,
        b: "bad",
        r: { sender: alice, reason: "rude" },
      });
    }),
  );

  test(
    "counts reactions to a message by key, each user once, and takes them away when they are redacted",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room, say, react } = scene();
      const message = say("hi");
      let thumb = "";
      cold("                     -----a------b------c------d------e", {
        a: () => (thumb = react(message, "👍", bob)),
        b: () => react(message, "🎉", bob),
        c: () => react(message, "👍", bob),
        d: () => react(message, "🎉", alice),
        e: () => home.redact(roomId, thumb),
      }).subscribe((act) => act());
      const told$ = room.messages$.pipe(
        map(([first]) => first?.reactions.map(({ key, senders }) => `${key}${senders.length}`).join("")),
      );
      expectObservable(told$, "^ 60ms !").toBe("u--n----a------b-------------d------e", {
        u: undefined,
        n: "",
        a: "👍1",
        b: "👍1🎉1",
        d: "👍1🎉2",
        e: "🎉2👍1",
      });
    }),
  );

  test(
    "marks what programs send, what answers, and what cannot be read",
    marbles(({ flush }) => {
      const { home, roomId, room, say } = scene();
      const question = say("how late is it?");
      say("half past nine", alice, {
        msgtype: "m.notice",
        "m.relates_to": { "m.in_reply_to": { event_id: question } },
      });
      home.sendEvent(roomId, { type: "m.room.message", sender: bob, content: { msgtype: "m.image" } });
      flush();
      expect(room.messages$.value).toEqual([
        expect.objectContaining({ status: "readable", sender: bob, isAutomated: false, replyTo: undefined }),
        expect.objectContaining({ status: "readable", sender: alice, isAutomated: true, replyTo: question }),
        expect.objectContaining({ status: "malformed", sender: bob, path: "url" }),
      ]);
    }),
  );

  test(
    "does not let an edit hide that a message was sent by a program",
    marbles(({ flush }) => {
      const { home, roomId, room, say } = scene();
      const notice = say("beep", bob, { msgtype: "m.notice" });
      home.sendEvent(roomId, { type: "m.room.message", sender: bob, content: edit("hello", notice) });
      flush();
      expect(room.messages$.value).toMatchObject([{ content: { body: "hello", kind: "text" }, isAutomated: true }]);
    }),
  );

  test(
    "holds the newest messages, at most `messageCount`",
    marbles(({ flush }) => {
      const { room, say } = scene({ room: { messageCount: 3 } });
      for (const body of ["a", "b", "c", "d", "e"]) say(body);
      flush();
      expect(room.messages$.value.map(wordOf)).toEqual(["c", "d", "e"]);
    }),
  );

  test(
    "says that a message is undecryptable to one who came later, and reads what is sent from then on",
    marbles(({ cold, flush }) => {
      const { home, roomId, bobs } = scene({ encrypted: true });
      const room = matrixRoom(home.client(carl, "C"), roomId, { awaitRoom: true });
      cold("a----b----c", {
        a: () => bobs.sendMessage("before").subscribe(),
        b: () => home.joinRoom(roomId, carl),
        c: () => bobs.sendMessage("after").subscribe(),
      }).subscribe((act) => act());
      flush();
      expect(room.messages$.value.map(wordOf)).toEqual(["undecryptable", "after"]);
      expect(bobs.messages$.value.map(wordOf)).toEqual(["before", "after"]);
    }),
  );

  test(
    "keeps every message that has not changed, and the list if none has",
    marbles(({ cold, flush }) => {
      const { room, say, react } = scene();
      const lists: (readonly RoomMessage[])[] = [];
      const first = say("a");
      say("b");
      cold("          -----a----b", {
        a: () => react(first, "👍"),
        b: () => react("$nothing", "👍"),
      }).subscribe((act) => act());
      room.messages$.subscribe((messages) => lists.push(messages));
      flush();
      expect(lists).toHaveLength(3);
      expect(lists[2]?.[1]).toBe(lists[1]?.[1]);
      expect(lists[2]?.[0]).not.toBe(lists[1]?.[0]);
      expect(room.messages$.value).toBe(lists[2]);
      expect(room.messages$.value).toBe(room.messages$.value);
    }),
  );
});

let count = 0;
const event = (content: object, changes: Partial<TimelineEvent> = {}): TimelineEvent => ({
  type: "m.room.message",
  sender: bob,
  eventId: `$${String((count += 1)).padStart(6, "0")}`,
  originServerTs: count,
  encryption: "cleartext",
  content,
  ...changes,
});
const text = (body: string, changes?: Partial<TimelineEvent>) => event({ msgtype: "m.text", body }, changes);
const reaction = (target: string, key: string, changes: Partial<TimelineEvent> = {}) =>
  event({ "m.relates_to": { rel_type: "m.annotation", event_id: target, key } }, { type: "m.reaction", ...changes });
const windowOf = (size: number, ...events: readonly TimelineEvent[]) => {
  const window = new TimelineWindow(
    decoder(() => {}),
    size,
  );
  for (const each of events) window.accept(each);
  return window;
};

describe("The window of a timeline", () => {
  const unreadable = { type: "m.room.encrypted", encryption: "undecryptable", content: { algorithm: "x" } } as const;

  it("shows a message that is decrypted late in its place", () => {
    const secret = text("secret", { encryption: "decrypted" });
    const window = windowOf(9, { ...secret, ...unreadable }, text("later"));
    expect(window.messages.map(wordOf)).toEqual(["undecryptable", "later"]);
    window.accept(secret);
    expect(window.messages.map(wordOf)).toEqual(["secret", "later"]);
    window.accept({ ...secret, ...unreadable });
    expect(window.messages.map(wordOf)).toEqual(["secret", "later"]);
  });

  it("drops what turns out to be no message when it is decrypted", () => {
    const other = event({}, { type: "org.example.other", encryption: "decrypted" });
    const window = windowOf(9, { ...other, ...unreadable });
    expect(window.messages.map(wordOf)).toEqual(["undecryptable"]);
    window.accept(other);
    expect(window.messages).toEqual([]);
  });

  it("knows by their relation, which is in the clear, that encrypted edits and reactions are no messages", () => {
    const content = { algorithm: "x", "m.relates_to": { rel_type: "m.replace", event_id: "$1" } };
    expect(windowOf(9, event({}, { ...unreadable, content })).messages).toEqual([]);
  });

  it("takes an encrypted answer in a thread for a message", () => {
    const content = { algorithm: "x", "m.relates_to": { rel_type: "m.thread", event_id: "$1" } };
    expect(windowOf(9, event({}, { ...unreadable, content })).messages.map(wordOf)).toEqual(["undecryptable"]);
  });

  it.each<[string, Partial<TimelineEvent>]>([
    ["with an empty content", { content: {} }],
    ["with a redaction, and a content that this has left", { unsigned: { redacted_because: { sender: alice } } }],
  ])("takes a message %s for redacted, and shows no reactions to it", (_, changes) => {
    const message = { ...text("a"), ...changes };
    const window = windowOf(9, message, reaction(message.eventId, "👍"));
    expect(window.messages).toMatchObject([{ status: "redacted", reactions: [] }]);
  });

  it("shows no reactions to a message that was only edited", () => {
    const message = text("a");
    const window = windowOf(9, message, event(edit("b", message.eventId)));
    expect(window.messages).toMatchObject([{ reactions: [] }]);
  });

  it("says that a message is automated once an edit says so", () => {
    const message = text("a");
    const beep = event(edit("beep", message.eventId, { "m.new_content": { msgtype: "m.notice", body: "beep" } }));
    expect(windowOf(9, message).messages).toMatchObject([{ isAutomated: false }]);
    expect(windowOf(9, message, beep).messages).toMatchObject([{ isAutomated: true }]);
  });

  it("takes no reaction to a message for a raised hand", () => {
    const message = text("a");
    const window = windowOf(9, message, reaction(message.eventId, "🖐️"));
    expect([window.hands, window.messages[0]?.reactions.length]).toEqual([[], 1]);
  });

  it.each<[string, object, string]>([
    ["a reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: 5, key: "👍" } }, "m.reaction"],
    ["an edit", { "m.relates_to": { rel_type: "m.replace", event_id: "$1" } }, "m.room.message"],
    ["feedback", { type: "seen", target_event_id: "$1" }, "m.room.message.feedback"],
    ["a redaction", { redacts: {} }, "m.room.redaction"],
  ])("leaves out %s that is malformed", (_, content, type) => {
    const message = text("a", { eventId: "$1" });
    const window = windowOf(9, message, event(content, { type }));
    expect(window.messages).toMatchObject([{ status: "readable", reactions: [] }]);
    expect([...window.feedback, ...window.hands]).toEqual([]);
  });

  it("takes no event of another type for feedback", () => {
    const window = windowOf(9, event({ type: "read", target_event_id: "$1" }, { type: "org.example.other" }));
    expect([...window.feedback]).toEqual([]);
  });

  it("says of a message that refers to another without a thread what it answers, and no thread", () => {
    const relation = { rel_type: "m.reference", event_id: "$other", is_falling_back: true };
    const message = event({
      msgtype: "m.text",
      body: "a",
      "m.relates_to": { ...relation, "m.in_reply_to": { event_id: "$last" } },
    });
    expect(windowOf(9, message).messages).toMatchObject([{ threadId: undefined, replyTo: "$last" }]);
  });

  it("takes the edit with the greater event id of two at one time, whatever their order", () => {
    const message = text("a");
    const edits = ["b", "c", "d"].map((body) =>
      event(edit(body, message.eventId), { originServerTs: 500, eventId: `$edit-${body}` }),
    );
    for (const order of [edits, edits.toReversed()])
      expect(windowOf(9, message, ...order).messages.map(wordOf)).toEqual(["d"]);
  });

  it("does not take an edit in the clear for an encrypted message", () => {
    const secret = text("yes", { encryption: "decrypted" });
    const forged = event(edit("no", secret.eventId));
    const window = windowOf(9, secret, forged);
    expect(window.messages.map(wordOf)).toEqual(["yes"]);
    window.accept(event(edit("perhaps", secret.eventId), { encryption: "decrypted" }));
    expect(window.messages.map(wordOf)).toEqual(["perhaps"]);
  });

  it("takes the latest of several edits, whatever their order", () => {
    const message = text("a");
    const early = event(edit("b", message.eventId), { originServerTs: 500 });
    const late = event(edit("c", message.eventId), { originServerTs: 501 });
    expect(windowOf(9, message, late, early).messages.map(wordOf)).toEqual(["c"]);
  });

  it("is the same for events that come twice", () => {
    const message = text("a");
    const events = [message, reaction(message.eventId, "👍"), event(edit("b", message.eventId))];
    expect(windowOf(9, ...events, ...events).messages).toEqual(windowOf(9, ...events).messages);
  });

  it("forgets what is attached to a message that drops out", () => {
    const [old, young] = [text("old"), text("young")];
    const window = windowOf(1, old, reaction(old.eventId, "👍"), young, reaction(old.eventId, "🎉"));
    window.accept(old);
    expect(window.messages).toMatchObject([{ reactions: [] }]);
  });

  it("keeps twenty reactions of one user at a message, the newest, and those of others beside them", () => {
    const message = text("a");
    const thumb = reaction(message.eventId, "👍", { sender: alice });
    const flood = Array.from({ length: 5_000 }, (_, n) => reaction(message.eventId, `${n}`));
    const keys = windowOf(9, message, thumb, ...flood).messages[0]?.reactions.map(({ key }) => key);
    expect([keys?.slice(0, 2), keys?.length]).toEqual([["👍", "4980"], 21]);
  });

  it("keeps five hundred reactions at a message, the newest", () => {
    const message = text("a");
    const all = Array.from({ length: 550 }, (_, n) => reaction(message.eventId, "👍", { sender: `@user${n}:x` }));
    const senders = windowOf(9, message, ...all).messages[0]?.reactions[0]?.senders;
    expect([senders?.length, senders?.[0]]).toEqual([500, "@user50:x"]);
  });

  it("keeps twenty raised hands of one user, and two thousand in all, the newest", () => {
    const hands = (length: number, sender: (n: number) => string) =>
      Array.from({ length }, (_, n) => reaction(`$member${n}`, "🖐️", { sender: sender(n) }));
    const targets = ({ hands: all }: TimelineWindow) => all.map(({ target }) => target);
    expect(targets(windowOf(9, ...hands(30, () => bob)))).toEqual(
      Array.from({ length: 20 }, (_, n) => `$member${n + 10}`),
    );
    const all = targets(windowOf(9, ...hands(2_050, (n) => `@user${n}:x`)));
    expect([all.length, all[0]]).toEqual([2_000, "$member50"]);
  });

  describe("keeps what its room has agreed on, whatever comes later:", () => {
    const message = text("typo");
    const fixed = event(edit("fixed", message.eventId));
    const hand = reaction("$member", "🖐️");
    const others = Array.from({ length: 150 }, () => text("x"));
    it.each<[string, readonly TimelineEvent[]]>([
      ["reactions of its sender to other messages", others.map(({ eventId }) => reaction(eventId, "👍"))],
      ["reactions of its sender to it", others.map((_, n) => reaction(message.eventId, `${n}`))],
      ["edits of other messages by its sender", others.map(({ eventId }) => event(edit("y", eventId)))],
      [
        "reactions of 2,500 users",
        Array.from({ length: 2_500 }, (_, n) => reaction(message.eventId, "👍", { sender: `@user${n}:x` })),
      ],
      [
        "edits of others",
        Array.from({ length: 50 }, (_, n) => event(edit("forged", message.eventId), { sender: `@user${n}:x` })),
      ],
    ])("an edit and a raised hand, after %s", (_, flood) => {
      const window = windowOf(500, message, fixed, hand, ...others, ...flood);
      expect(wordOf(window.messages[0]!)).toBe("fixed");
      expect(window.hands.map(({ event: { eventId } }) => eventId)).toEqual([hand.eventId]);
    });
  });

  it("keeps a hand that was raised at a membership before that was decrypted", () => {
    const membership = event({}, { type: "m.rtc.member", encryption: "decrypted" });
    const window = windowOf(9, { ...membership, ...unreadable }, reaction(membership.eventId, "🖐️"), membership);
    expect(window.hands).toMatchObject([{ target: membership.eventId }]);
  });

  it("keeps the twenty latest edits of a message", () => {
    const message = text("a");
    const edits = Array.from({ length: 22 }, (_, n) => event(edit(`${n}`, message.eventId)));
    const window = windowOf(9, message, ...edits);
    const redact = (eventId: string) => {
      window.accept(event({}, { type: "m.room.redaction", redacts: eventId }));
      return wordOf(window.messages[0]!);
    };
    const before = edits.toReversed().map(({ eventId }) => redact(eventId));
    expect([before.slice(0, 2), before.slice(18)]).toEqual([
      ["20", "19"],
      ["2", "a", "a", "a"],
    ]);
  });

  it("takes an edit that comes again after its redaction for gone", () => {
    const message = text("a");
    const fixed = event(edit("b", message.eventId));
    const window = windowOf(9, message, fixed, { ...fixed, content: {}, unsigned: { redacted_because: {} } });
    expect(window.messages.map(wordOf)).toEqual(["a"]);
  });

  it("takes no edit of an edit, and no edit of what is no message", () => {
    const message = text("a");
    const fixed = event(edit("b", message.eventId));
    const self = event(edit("d", `$${String(count + 1).padStart(6, "0")}`));
    const window = windowOf(9, message, fixed, event(edit("c", fixed.eventId)), self, event(edit("e", "$nothing")));
    expect(window.messages.map(wordOf)).toEqual(["b"]);
  });

  it("says in which thread a message is, and takes no reply that is there for clients without threads for one", () => {
    const relation = { rel_type: "m.thread", event_id: "$root", "m.in_reply_to": { event_id: "$last" } };
    const inThread = (more: object) =>
      event({ msgtype: "m.text", body: "a", "m.relates_to": { ...relation, ...more } });
    expect(windowOf(9, inThread({ is_falling_back: true }), inThread({}), text("b")).messages).toMatchObject([
      { threadId: "$root", replyTo: undefined },
      { threadId: "$root", replyTo: "$last" },
      { threadId: undefined, replyTo: undefined },
    ]);
  });

  it("reads the same from a timeline as a client holds it after a redaction", () => {
    const because = { sender: alice, content: { reason: "rude" } };
    const [bad, good] = [text("bad"), text("good")];
    const live = windowOf(
      9,
      bad,
      good,
      event({ redacts: bad.eventId, reason: "rude" }, { type: "m.room.redaction", sender: alice }),
    );
    const fresh = windowOf(9, { ...bad, content: {}, unsigned: { redacted_because: because } }, good);
    expect(live.messages).toEqual(fresh.messages);
  });

  it("keeps the messages that are still there when it is read again", () => {
    const [one, two] = [text("one"), text("two")];
    const window = windowOf(9, one, two, reaction(two.eventId, "👍"));
    const [, before] = window.messages;
    window.reset([two, reaction(two.eventId, "👍")]);
    expect(window.messages).toHaveLength(1);
    expect(window.messages[0]).toBe(before);
  });

  it("takes feedback for receipts, the last of each sort for each user", () => {
    const feedback = (type: string, target: string) =>
      event({ type, target_event_id: target }, { type: "m.room.message.feedback" });
    const window = windowOf(9, feedback("delivered", "$1"), feedback("read", "$1"), feedback("read", "$2"));
    expect([...window.feedback].map(({ type, eventId }) => `${type} ${eventId}`)).toEqual(["delivered $1", "read $2"]);
  });
});
