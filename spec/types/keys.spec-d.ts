// What the types of media keys promise: checked by the compiler, with `npm run types`.
import { assertType, describe, expectTypeOf, it } from "vitest";
import {
  type KeyTransport,
  type Matrix,
  rtcSession,
  type SessionJoinOptions,
  type Trace,
} from "../../src/index.ts";
import type { OutgoingEvent } from "../../src/port/index.ts";

declare const matrix: Matrix;

describe("The options of a join", () => {
  it("say how keys travel", () => {
    expectTypeOf<KeyTransport>().toEqualTypeOf<"to-device" | "room-event" | "both">();
    const session = rtcSession(matrix, { roomId: "!a", slot: "m.call#ROOM" });
    session.join({ keyTransport: "room-event" });
    session.join({ keyTransport: "both", transports: [{ type: "livekit" }] });
    // @ts-expect-error the transports of media are another thing
    assertType<SessionJoinOptions>({ keyTransport: [{ type: "livekit" }] });
  });
});

describe("An event to send", () => {
  const common = { roomId: "!a", type: "t", content: {} };

  it("is state, sticky, or plainly of the timeline", () => {
    assertType<OutgoingEvent>({ ...common, stateKey: "" });
    assertType<OutgoingEvent>({ ...common, stickyMs: 1_000, txnId: "1" });
    assertType<OutgoingEvent>({ ...common, txnId: "1" });
  });

  it("has a transaction id in the timeline, and none as state", () => {
    // @ts-expect-error how is a retry to be known?
    assertType<OutgoingEvent>(common);
    // @ts-expect-error a sticky event is of the timeline
    assertType<OutgoingEvent>({ ...common, stickyMs: 1_000 });
    // @ts-expect-error state is not sticky
    assertType<OutgoingEvent>({ ...common, stateKey: "", stickyMs: 1_000, txnId: "1" });
  });
});

describe("The trace of a key that was sent", () => {
  it("says how it travelled, one way at a time", () => {
    const told = (trace: Trace) => {
      if (trace.kind === "key-sent") expectTypeOf(trace.transport).toEqualTypeOf<"to-device" | "room-event">();
    };
    assertType<(trace: Trace) => void>(told);
  });
});
