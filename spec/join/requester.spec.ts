// Requester: what a port may answer, and the end of requests that have no subscriber any more.
import { EMPTY, NEVER, Observable, of, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { resolveJoinOptions } from "../../src/join/options.ts";
import type { Request } from "../../src/join/requests.ts";
import { requester } from "../../src/join/requester.ts";
import { type Matrix, MatrixError, type OutgoingEvent } from "../../src/matrix.ts";
import { names } from "../../src/room/names.ts";
import { membersNamed } from "../../src/testing/index.ts";
import { callOf, scene, slot, toTheEnd } from "./scene.ts";

const [alicesPhone] = membersNamed("alice");
const member = { ...alicesPhone!, kind: "sticky", memberId: "me" } as const;

/** Sends requests to a port of which some abilities are replaced. */
function send(port: Partial<Matrix>, request: Request, options = {}, room = {}) {
  const { call } = scene(room);
  const context = { ...call, matrix: { ...call.matrix, ...port } };
  return requester(context, resolveJoinOptions(slot, options), () => member)(7, request);
}

function answersOf(port: Partial<Matrix>, request: Request, options = {}): unknown[] {
  const seen: unknown[] = [];
  toTheEnd(() =>
    send(port, request, options).subscribe({ next: (value) => seen.push(value), complete: () => seen.push("end") }),
  );
  return seen;
}

const write: Request = {
  kind: "write",
  joinCount: 0,
  txn: 1,
  reason: "join",
  content: { application: { type: "m.call" }, intent: undefined, transports: [] },
  createdTs: undefined,
  firstCreatedTs: undefined,
  lifetimeMs: 60_000,
  ageMs: 0,
};
const restart: Request = { kind: "restart", delayId: "delay-1" };
const ok = (value?: unknown) => [
  { kind: "answer", id: 7, answer: { ok: true, ...(value !== undefined && { value }) } },
  "end",
];
const failed = (kind: string, message: string) => [
  { kind: "answer", id: 7, answer: { ok: false, error: expect.objectContaining({ kind, message }) } },
  "end",
];

describe("A request has one answer", () => {
  it.each<[string, Observable<never> | Observable<string>, unknown[]]>([
    ["the value of the port", of("$1"), ok("$1")],
    ["the first of several values", of("$1", "$2"), ok("$1")],
    ["an error, if the port ends without a value", EMPTY, failed("other", "the request ended without an answer")],
    ["the error of the port", throwError(() => new MatrixError("forbidden", "no")), failed("forbidden", "no")],
    [
      "an unknown error with its name alone, for the message may be a secret",
      throwError(() => new TypeError("secret")),
      failed("other", "TypeError"),
    ],
    [
      "an unknown error, if the port fails with something else",
      throwError(() => "secret"),
      failed("other", "the request failed"),
    ],
  ])("%s, for a write", (_, answer, expected) => {
    expect(answersOf({ send: () => answer }, write)).toEqual(expected);
  });

  it("is an error if the port throws", () => {
    const port = {
      send: () => {
        throw new MatrixError("unsupported", "not here");
      },
    };
    expect(answersOf(port, write)).toEqual(failed("unsupported", "not here"));
  });

  it.each<[string, Observable<never>, unknown[]]>([
    ["its end", EMPTY, ok()],
    ["not its first value", of("a value", "another") as Observable<never>, ok()],
    ["an error", throwError(() => new MatrixError("not-found", "gone")), failed("not-found", "gone")],
  ])("%s, for a restart", (_, answer, expected) => {
    expect(answersOf({ updateDelayedEvent: () => answer }, restart)).toEqual(expected);
  });

  it("is a success for a delegation that nobody is asked for", () => {
    const request: Request = { kind: "delegate", joinCount: 0, delayId: "delay-1", delayMs: 1_000 };
    expect(answersOf({}, request)).toEqual(ok());
  });
});

it.each(["deployed", "stable"] as const)(
  "A sticky membership is written with the names of the generation %s",
  (generation) => {
    const sent: OutgoingEvent[] = [];
    const port = { send: (event: OutgoingEvent) => (sent.push(event), of("$1")) };
    answersOf(port, write, { mode: "matrix_2_0", generation });
    expect(sent).toMatchObject([{ type: names[generation].stickyMember, content: { sticky_key: "me" } }]);
    expect("versions" in sent[0]!.content).toBe(generation === "deployed");
  },
);

describe("A request without a subscriber", () => {
  it.each<[string, Request, boolean]>([
    ["is ended, if it is a write", write, true],
    ["is ended, if it is a restart", restart, true],
    ["goes on, if it is a cancel", { kind: "cancel", delayId: "delay-1" }, false],
    [
      "goes on, if it schedules a delayed leave",
      { kind: "schedule", joinCount: 0, txn: 1, delayMs: 9_000, delegated: false },
      false,
    ],
  ])("%s", (_, request, isEnded) => {
    let hasEnded = false;
    const pending = new Observable<never>(() => () => (hasEnded = true));
    const port = { send: () => pending, updateDelayedEvent: () => pending, schedule: () => pending };
    toTheEnd(() => send(port, request).subscribe().unsubscribe());
    expect(hasEnded).toBe(isEnded);
  });

  it("cancels the delayed leave whose id comes late, every 3 s until that would have been sent", () => {
    let cancels = 0;
    const pending: { next?: (id: string) => void } = {};
    const port: Partial<Matrix> = {
      schedule: () => new Observable((subscriber) => void (pending.next = (id) => subscriber.next(id))),
      updateDelayedEvent: () =>
        new Observable((subscriber) => {
          cancels += 1;
          subscriber.error(new MatrixError("network", "no answer"));
        }),
    };
    toTheEnd(() => {
      send(port, { kind: "schedule", joinCount: 0, txn: 1, delayMs: 18_000, delegated: false })
        .subscribe()
        .unsubscribe();
      pending.next?.("delay-1");
    });
    expect(cancels).toBe(1 + 6);
  });
});

describe("A sticky leave", () => {
  const sticky = { mode: "matrix_2_0" } as const;
  const leave = (reason?: { code: string }): Request => ({ kind: "leave", of: 0, txn: 1, reason });
  const sentTo = (answers: readonly Observable<string>[], request: Request, options: object = sticky) => {
    const sent: OutgoingEvent[] = [];
    const seen: unknown[] = [];
    toTheEnd(() =>
      send({ send: (event) => answers[sent.push(event) - 1] ?? NEVER }, request, options).subscribe((value) =>
        seen.push(value),
      ),
    );
    return { clear: sent.map((event) => "isCleartext" in event && event.isCleartext === true), seen };
  };
  const refused = (kind: "forbidden" | "network") => throwError(() => new MatrixError(kind, kind));

  it.each<[string, Observable<string>[], Request, boolean[]]>([
    ["is in the clear", [of("$1")], leave(), [true]],
    ["is encrypted if it has a reason", [of("$1")], leave({ code: "leave" }), [false]],
    [
      "is sent again, encrypted, if it is forbidden in the clear",
      [refused("forbidden"), of("$1")],
      leave(),
      [true, false],
    ],
    ["is not sent again after another error", [refused("network")], leave(), [true]],
    ["is not sent again if it was encrypted", [refused("forbidden")], leave({ code: "leave" }), [false]],
  ])("%s", (_, answers, request, clear) => {
    expect(sentTo(answers, request).clear).toEqual(clear);
  });

  it("is not what a state member sends", () => {
    expect(sentTo([refused("forbidden")], leave(), {}).clear).toEqual([false]);
  });

  it("has a transaction id that is the same for each try, and differs from those of other joins", () => {
    const ids: (string | undefined)[] = [];
    toTheEnd(() => {
      for (const txns of [[1, 1, 2], [1]]) {
        const { call } = scene();
        const matrix = {
          ...call.matrix,
          send: (event: OutgoingEvent) => (ids.push("txnId" in event ? event.txnId : undefined), of("$1")),
        };
        const asks = requester({ ...call, matrix }, resolveJoinOptions(slot, sticky), () => member);
        for (const txn of txns) asks(1, { kind: "leave", of: 0, txn, reason: undefined }).subscribe();
      }
    });
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("The cancel of a delayed leave", () => {
  it.each<[string, Request, boolean, string]>([
    [
      "in an encrypted room, after a leave with a reason, sends it: some cannot read the leave",
      { kind: "cancel", delayId: "d", afterReason: true },
      true,
      "send",
    ],
    ["in a room in the clear cancels it", { kind: "cancel", delayId: "d", afterReason: true }, false, "cancel"],
    [
      "in an encrypted room, after a leave without a reason, cancels it",
      { kind: "cancel", delayId: "d" },
      true,
      "cancel",
    ],
  ])("%s", (_, request, encrypted, action) => {
    const actions: string[] = [];
    const updateDelayedEvent = (_delayId: string, what: string) => (actions.push(what), EMPTY);
    toTheEnd(() => send({ updateDelayedEvent }, request, { mode: "matrix_2_0" }, { encrypted }).subscribe());
    expect(actions).toEqual([action]);
  });
});

it("The lifetime of a state membership differs from join to join, by less than a minute, and is exact when it is renewed", () => {
  const expires: unknown[] = [];
  toTheEnd(() => {
    const { call } = scene();
    const matrix = {
      ...call.matrix,
      send: ({ content }: OutgoingEvent) => (expires.push(content["expires"]), of("$1")),
    };
    const asks = requester(callOf(matrix, call.roomId), resolveJoinOptions(slot), () => member);
    for (const more of [
      { joinCount: 0 },
      { joinCount: 1 },
      { joinCount: 60_001 },
      { joinCount: 1, createdTs: 5, ageMs: 100 },
    ])
      asks(1, { ...write, ...more } as Request).subscribe();
  });
  expect(expires).toEqual([60_000, 60_001, 60_001, 60_100]);
});
