// What the types of the reading side promise: checked by the compiler, with `npm run types`.
import type { Observable } from "rxjs";
import { BehaviorSubject } from "rxjs";
import { assertType, describe, expectTypeOf, it } from "vitest";
import {
  type Application,
  type Behavior,
  decodeMembership,
  intentOf,
  type Matrix,
  type Membership,
  type Rejection,
  type RejectionReason,
  rtcSessions,
  type RtcSessions,
  type Slot,
  type Trace,
  type Transport,
  type WatchedSession,
  transportOf,
  watchSession,
} from "../../src/index.ts";
import { encryptedSession, type EncryptedSession } from "../../src/encryption/index.ts";
import { decodeRoomEvent } from "../../src/port/index.ts";

interface Board extends Application {
  readonly type: "org.example.board";
  readonly page: number;
}

declare const matrix: Matrix;
declare const decodeBoard: (data: Application) => Board | undefined;
declare const member: Membership<Board>;

describe("A session", () => {
  const session = encryptedSession(matrix, { roomId: "!a", slot: "m.call#ROOM" });
  const board = encryptedSession(matrix, { roomId: "!a", slot: "org.example.board#1", application: decodeBoard });

  it("has behaviors for state and streams for occurrences", () => {
    expectTypeOf(session.membership$).toEqualTypeOf<Behavior<readonly Membership[]>>();
    expectTypeOf(session.rejected$).toEqualTypeOf<Behavior<readonly Rejection[]>>();
    expectTypeOf(session.slot$).toEqualTypeOf<Behavior<Slot>>();
    expectTypeOf(session.trace$).toEqualTypeOf<Observable<Trace>>();
    expectTypeOf(session.membership$.value).toEqualTypeOf<readonly Membership[]>();
    expectTypeOf(session.membership$).toExtend<Observable<readonly Membership[]>>();
  });

  it("has members that are typed by their application", () => {
    expectTypeOf(session.membership$.value[0]!.application).toEqualTypeOf<Application>();
    expectTypeOf(board.membership$.value[0]!.application.page).toEqualTypeOf<number>();
    expectTypeOf(board).toEqualTypeOf<EncryptedSession<Board>>();
    expectTypeOf<EncryptedSession<Board>["membership$"]>().toExtend<EncryptedSession["membership$"]>();
    expectTypeOf(watchSession(matrix, { roomId: "!a", slot: "a#b", application: decodeBoard })).toEqualTypeOf<
      WatchedSession<Board>
    >();
  });

  it("has members of another type than Application only with a decoder", () => {
    // @ts-expect-error nothing checks that the data is a board
    encryptedSession<Board>(matrix, { roomId: "!a", slot: "org.example.board#1" });
    // @ts-expect-error nothing checks that the data is a board
    watchSession<Board>(matrix, { roomId: "!a", slot: "org.example.board#1" });
    // @ts-expect-error nothing checks that the data is a board
    rtcSessions<Board>(matrix, "org.example.board#1", { strictSlots: true });
    // @ts-expect-error nothing checks that the data is a board
    rtcSessions<Board>(matrix, "org.example.board#1");
    // @ts-expect-error an application has a type
    encryptedSession(matrix, { roomId: "!a", slot: "a#b", application: () => ({ page: 1 }) });
    const untyped = { roomId: "!a", slot: "a#b", application: ({ type }: Application) => ({ type, page: 1 }) };
    expectTypeOf(encryptedSession(matrix, untyped).membership$.value[0]!.application.page).toEqualTypeOf<number>();
  });

  it("needs a room and a slot", () => {
    // @ts-expect-error no slot
    encryptedSession(matrix, { roomId: "!a" });
    // @ts-expect-error an option that does not exist
    encryptedSession(matrix, { roomId: "!a", slot: "m.call#ROOM", strict: true });
  });
});

describe("The sessions of a client", () => {
  const sessions = rtcSessions(matrix, "org.example.board#1", { strictSlots: true, application: decodeBoard });

  it("are typed by their application as well", () => {
    expectTypeOf(rtcSessions(matrix, "m.call#ROOM")).toEqualTypeOf<RtcSessions>();
    expectTypeOf(sessions).toEqualTypeOf<RtcSessions<WatchedSession<Board>>>();
    expectTypeOf(sessions.active$).toEqualTypeOf<Behavior<ReadonlySet<string>>>();
    expectTypeOf(sessions.started$).toEqualTypeOf<Observable<WatchedSession<Board>>>();
    expectTypeOf(sessions.session("!a")).toEqualTypeOf<WatchedSession<Board>>();
  });

  it("can be joined when they are opened by encryptedSession", () => {
    const joinable = rtcSessions(matrix, "m.call#ROOM", { open: encryptedSession });
    expectTypeOf(joinable.session("!a")).toEqualTypeOf<EncryptedSession>();
    const boards = rtcSessions(matrix, "org.example.board#1", { open: encryptedSession, application: decodeBoard });
    expectTypeOf(boards.session("!a")).toEqualTypeOf<EncryptedSession<Board>>();
    // @ts-expect-error a watched session cannot be joined
    sessions.session("!a").join();
  });

  it("take no room of their own", () => {
    // @ts-expect-error the room is asked for later
    rtcSessions(matrix, "m.call#ROOM", { roomId: "!a" });
  });
});

describe("A member", () => {
  it("is plain data that nobody can change", () => {
    // @ts-expect-error read only
    member.userId = "@mallory:example.org";
    // @ts-expect-error read only
    member.transports.push({ type: "livekit" });
    // @ts-expect-error read only
    member.application.page = 2;
    // @ts-expect-error read only
    encryptedSession(matrix, { roomId: "!a", slot: "m.call#ROOM" }).membership$.value.pop();
  });

  it("has what may be missing as undefined, and all else for sure", () => {
    expectTypeOf(member.kind).toEqualTypeOf<"state" | "sticky">();
    expectTypeOf(member.intent).toEqualTypeOf<string | undefined>();
    expectTypeOf(member.expiresTs).toEqualTypeOf<number>();
    expectTypeOf(member.participantIdentity).toEqualTypeOf<string>();
  });

  it("of an application is a member of any", () => {
    assertType<Membership>(member);
    expectTypeOf(transportOf(member, member)).toEqualTypeOf<Transport | undefined>();
    expectTypeOf(intentOf([member])).toEqualTypeOf<string | undefined>();
    // @ts-expect-error but not the other way round
    assertType<Membership<Board>>(member as Membership);
  });
});

describe("A rejection", () => {
  it("has a reason out of a closed list, so that a switch over it can be complete", () => {
    expectTypeOf<RejectionReason>().toEqualTypeOf<
      | "malformed"
      | "expired"
      | "not-in-room"
      | "slot-closed"
      | "other-slot"
      | "bad-application"
      | "unencrypted"
      | "undecryptable"
      | "superseded"
      | "left"
    >();
    expectTypeOf<Rejection["untilTs"]>().toEqualTypeOf<number | undefined>();
  });
});

describe("A behavior", () => {
  it("is satisfied by a BehaviorSubject, and is read only", () => {
    assertType<Behavior<number>>(new BehaviorSubject(1));
    const value$: Behavior<number> = new BehaviorSubject(1);
    // @ts-expect-error it has no next
    value$.next(2);
    // @ts-expect-error read only
    value$.value = 2;
    assertType<Behavior<number | string>>(value$);
  });
});

describe("The trace", () => {
  it("is narrowed by its kind", () => {
    const told = (trace: Trace) => {
      if (trace.kind === "member-left") {
        expectTypeOf(trace.member).toEqualTypeOf<Membership>();
        expectTypeOf(trace.reason).toEqualTypeOf<RejectionReason | "replaced">();
      }
      if (trace.kind === "member-rejected") expectTypeOf(trace.rejection).toEqualTypeOf<Rejection>();
      expectTypeOf(trace.ts).toEqualTypeOf<number>();
    };
    assertType<(trace: Trace) => void>(told);
  });
});

describe("What is decoded", () => {
  it("is narrowed by whether it is malformed", () => {
    const { ok: event, malformed } = decodeRoomEvent({});
    if (malformed === undefined) expectTypeOf(event.eventId).toEqualTypeOf<string>();
    else expectTypeOf(event).toEqualTypeOf<undefined>();
    const decoded = decodeMembership({} as never);
    if (decoded.malformed !== undefined) expectTypeOf(decoded.malformed).toEqualTypeOf<string>();
    else if (decoded.ok !== "left") expectTypeOf(decoded.ok.deviceId).toEqualTypeOf<string>();
  });
});
