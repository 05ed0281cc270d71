// Sending: what goes out, how often it is tried, and how it fails.
import { map, type Observable, of, throwError } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { type Matrix, MatrixError, type MatrixErrorKind, type OutgoingEvent } from "../../../src/matrix.ts";
import { matrixRoom, type MatrixRoom } from "../../../src/room/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, scene, words } from "./scene.ts";

/** What a room sends through a port that accepts everything. */
function sentBy(act: (room: MatrixRoom) => { subscribe(): unknown }) {
  const client: Matrix = new FakeClient();
  const sent: object[] = [];
  Object.assign(client, {
    hasRoom: () => true,
    send: (event: OutgoingEvent) => {
      sent.push({ ...event, roomId: undefined, txnId: undefined });
      return of("$1");
    },
  });
  act(matrixRoom(client, "!room:example.org")).subscribe();
  return sent;
}

describe("A message", () => {
  it.each<[string, Parameters<MatrixRoom["sendMessage"]>, object]>([
    ["is text unless it says otherwise", ["hi"], { msgtype: "m.text", body: "hi" }],
    [
      "has the fields that it is given",
      [{ msgtype: "m.notice", body: "hi", format: "x" }],
      { msgtype: "m.notice", body: "hi", format: "x" },
    ],
    [
      "answers another",
      ["hi", { replyTo: "$0" }],
      { msgtype: "m.text", body: "hi", "m.relates_to": { "m.in_reply_to": { event_id: "$0" } } },
    ],
    [
      "replaces another, with an asterisk for clients that know no edits",
      ["hi", { edits: "$0" }],
      {
        msgtype: "m.text",
        body: "* hi",
        "m.new_content": { msgtype: "m.text", body: "hi" },
        "m.relates_to": { rel_type: "m.replace", event_id: "$0" },
      },
    ],
  ])("%s", (_, args, content) =>
    expect(sentBy((room) => room.sendMessage(...args))).toEqual([
      { type: "m.room.message", content, isCleartext: false },
    ]),
  );

  it.each([[undefined], [5], [{}], [{ body: 5 }]])("%j is a bad argument", (message) => {
    const { room } = scene();
    expect(() => room.sendMessage(message as never)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});

describe("What else is sent", () => {
  it("a reaction goes in the clear, as every client sends it", () =>
    expect(sentBy((room) => room.sendReaction("$0", "👍"))).toEqual([
      {
        type: "m.reaction",
        content: { "m.relates_to": { rel_type: "m.annotation", event_id: "$0", key: "👍" } },
        isCleartext: true,
      },
    ]));

  it("state has an empty state key unless given", () => {
    expect(sentBy((room) => room.sendState("m.room.topic", { topic: "x" }))).toEqual([
      { type: "m.room.topic", stateKey: "", content: { topic: "x" } },
    ]);
    expect(sentBy((room) => room.sendState("org.example.x", {}, "key"))).toMatchObject([{ stateKey: "key" }]);
  });

  it.each(["read", "delivered"] as const)("feedback of type %s is an event if the port has no receipts", (type) =>
    expect(sentBy((room) => room.sendFeedback(type, "$0"))).toMatchObject([
      { type: "m.room.message.feedback", content: { type, target_event_id: "$0" } },
    ]),
  );

  test(
    "feedback is a receipt if the port has them",
    marbles(({ expectObservable, flush }) => {
      const { home, bobs, say } = scene();
      expectObservable(bobs.sendFeedback("read", say("hi"))).toBe("----|");
      flush();
      expect(home.requests.map(({ request }) => request)).toEqual(["receipt"]);
    }),
  );
});

describe("A request in a room", () => {
  test(
    "is sent when it is subscribed to, and emits the id of the event",
    marbles(({ expectObservable, flush }) => {
      const { home, room, roomId } = scene();
      const request$ = room.sendMessage("hi");
      flush();
      expect(home.requests).toEqual([]);
      expectObservable(request$.pipe(map((eventId) => eventId === home.events(roomId).at(-1)?.eventId))).toBe(
        "----(t|)",
        { t: true },
      );
    }),
  );

  test(
    "is tried again, as the same request, when the connection fails or the server asks to wait",
    marbles(({ expectObservable, flush }) => {
      const { home, room, roomId } = scene();
      home.injectFault({ request: "send" }, { lose: "response", fail: new MatrixError("network", "lost") });
      home.injectFault({ request: "send" }, { fail: new MatrixError("rate-limited", "slow", { retryAfterMs: 50 }) });
      expectObservable(room.sendMessage("hi").pipe(map(() => "e"))).toBe("4ms 1s 4ms 50ms ----(e|)");
      expectObservable(words(room), "^ 2s !").toBe("e----h", { e: "", h: "hi" });
      flush();
      expect(home.events(roomId).filter(({ type }) => type === "m.room.message")).toHaveLength(1);
    }),
  );

  test(
    "fails with request-failed when three more tries have failed",
    marbles(({ expectObservable }) => {
      const { home, room } = scene();
      home.injectFault({ request: "send" }, { fail: new MatrixError("network", "no connection"), times: 9 });
      const failure = expect.objectContaining({ code: "request-failed", message: "no connection" });
      expectObservable(room.sendMessage("hi")).toBe("16ms 7s #", undefined, failure);
    }),
  );

  test(
    "says that an event has arrived by an event, and that we have read it by a receipt",
    marbles(({ flush }) => {
      const { home, roomId, bobs, say } = scene();
      const message = say("hi", alice);
      bobs.sendFeedback("delivered", message).subscribe();
      bobs.sendFeedback("read", message).subscribe();
      flush();
      const feedback = home.events(roomId).filter(({ type }) => type === "m.room.message.feedback");
      expect(feedback.map(({ content }) => content)).toEqual([{ type: "delivered", target_event_id: message }]);
      expect(home.requests.map(({ request }) => request).toSorted()).toEqual(["receipt", "send"]);
    }),
  );

  test(
    "fails with forbidden at once when the server refuses it",
    marbles(({ expectObservable }) => {
      const { bobs, say } = scene();
      const refused = expect.objectContaining({ name: "RtcError", code: "forbidden" });
      expectObservable(bobs.sendState("m.room.topic", { topic: "x" })).toBe("----#", undefined, refused);
      expectObservable(bobs.redact(say("hi", alice))).toBe("----#", undefined, refused);
    }),
  );

  test(
    "may redact one's own event, once for all tries",
    marbles(({ expectObservable, flush }) => {
      const { home, roomId, bobs, say } = scene();
      home.injectFault({ request: "redact" }, { lose: "response", fail: new MatrixError("network", "lost") });
      expectObservable(bobs.redact(say("hi")).pipe(map(() => "r"))).toBe("1004ms ----(r|)");
      flush();
      expect(home.events(roomId).filter(({ type }) => type === "m.room.redaction")).toHaveLength(1);
      expect(home.requests.map(({ request }) => request)).toEqual(["redact", "redact"]);
    }),
  );

  it.each<[string, (room: MatrixRoom) => { subscribe(observer: object): unknown }]>([
    ["redact", (room) => room.redact("$0")],
    ["sendTyping", (room) => room.sendTyping(true)],
  ])("%s fails with unsupported if the port cannot do it", (_, act) => {
    const client = new FakeClient();
    client.enter("!room:example.org", alice, bob);
    const errors: unknown[] = [];
    act(matrixRoom(client, "!room:example.org")).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.objectContaining({ code: "unsupported" })]);
  });

  it.each<[MatrixErrorKind, string]>([
    ["forbidden", "forbidden"],
    ["unsupported", "unsupported"],
    ["not-found", "request-failed"],
    ["other", "request-failed"],
  ])("fails at once with the cause, after a failure of the kind %s with the code %s", (kind, code) => {
    const client: Matrix = new FakeClient();
    const cause = new MatrixError(kind, "no");
    Object.assign(client, { hasRoom: () => true, send: () => throwError(() => cause) });
    const errors: unknown[] = [];
    matrixRoom(client, "!a:b")
      .sendMessage("hi")
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.objectContaining({ code, message: "no", cause })]);
  });

  it("fails with request-failed, and without the words of the error, for an error that no port should give", () => {
    const client: Matrix = new FakeClient();
    Object.assign(client, {
      hasRoom: () => true,
      send: () => {
        throw new Error("secret");
      },
    });
    const errors: unknown[] = [];
    matrixRoom(client, "!a:b")
      .sendMessage("hi")
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.objectContaining({ code: "request-failed", message: "request-failed" })]);
  });
});

describe("A port without the optional abilities", () => {
  it("has rooms whose messages, typing and receipts are empty, and do not complete", () => {
    const client = new FakeClient();
    client.enter("!room:example.org", alice, bob);
    const room = matrixRoom(client, "!room:example.org");
    expect([room.messages$.value, room.typing$.value, room.receipts$.value]).toEqual([[], [], []]);
    let isOver = false;
    const completed = { complete: () => (isOver = true) };
    for (const each$ of [room.messages$, room.typing$, room.receipts$])
      (each$ as Observable<unknown>).subscribe(completed);
    expect(isOver).toBe(false);
  });
});
