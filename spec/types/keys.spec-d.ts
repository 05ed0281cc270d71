// What the types of media keys promise. The compiler checks it with `npm run types`.
import { Observable } from "rxjs";
import { assertType, describe, expectTypeOf, it } from "vitest";
import { type Behavior, type Matrix, type Trace } from "../../src/index.ts";
import {
  type DecryptionReport,
  type EncryptionKey,
  type KeyTransport,
  type MemberEncryption,
  encryptedSession,
  type EncryptedJoinOptions,
} from "../../src/encryption/index.ts";
import type { OutgoingEvent } from "../../src/port/index.ts";

declare const matrix: Matrix;

describe("The options of a join", () => {
  it("join options say how keys travel", () => {
    expectTypeOf<KeyTransport>().toEqualTypeOf<"to-device" | "room-event" | "both">();
    const session = encryptedSession(matrix, { roomId: "!a", slot: "m.call#ROOM" });
    session.join({ keys: { transport: "room-event" } });
    session.join({ keys: { transport: "both" }, transports: [{ type: "livekit" }] });
    // @ts-expect-error transports of media are no transport of keys
    assertType<EncryptedJoinOptions>({ keys: { transport: [{ type: "livekit" }] } });
    // @ts-expect-error key options are one group
    assertType<EncryptedJoinOptions>({ rotation: {} });
  });
});

describe("What a session says about keys", () => {
  const session = encryptedSession(matrix, { roomId: "!a", slot: "m.call#ROOM" });

  it("a status is found by the identity of a member", () => {
    expectTypeOf(session.encryptionStatus$.value.get("identity")).toEqualTypeOf<MemberEncryption | undefined>();
    expectTypeOf(session.keys$).toExtend<Behavior<readonly EncryptionKey[]>>();
  });

  it("any stream of decryption reports can be subscribed to with the session", () => {
    const report$ = new Observable<DecryptionReport>();
    report$.subscribe(session.decryption);
    // @ts-expect-error only reports
    new Observable<string>().subscribe(session.decryption);
  });
});

describe("An event to send", () => {
  const common = { roomId: "!a", type: "t", content: {} };

  it("an outgoing event is a state event, a sticky event or another timeline event", () => {
    assertType<OutgoingEvent>({ ...common, stateKey: "" });
    assertType<OutgoingEvent>({ ...common, stickyMs: 1_000, txnId: "1" });
    assertType<OutgoingEvent>({ ...common, txnId: "1" });
  });

  it("an outgoing event has a transaction id in the timeline, and none as a state event", () => {
    // @ts-expect-error a retry has to be recognised
    assertType<OutgoingEvent>(common);
    // @ts-expect-error a sticky event is a timeline event
    assertType<OutgoingEvent>({ ...common, stickyMs: 1_000 });
    // @ts-expect-error state is not sticky
    assertType<OutgoingEvent>({ ...common, stateKey: "", stickyMs: 1_000, txnId: "1" });
  });
});

describe("The trace of a key that was sent", () => {
  it("the trace of a sent key says by which transport it was sent", () => {
    const look = (trace: Trace) => {
      if (trace.kind === "key-sent") expectTypeOf(trace.transport).toEqualTypeOf<"to-device" | "room-event">();
    };
    assertType<(trace: Trace) => void>(look);
  });
});
