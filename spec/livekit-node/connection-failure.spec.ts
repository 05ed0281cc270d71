// Each way to lose an SFU has a name, and a bound for the wait.
import { ConnectError, DisconnectReason } from "@livekit/rtc-node";
import { describe, expect, test } from "vitest";
import { RtcError } from "../../src/errors.ts";
import { failureOf, failureOfReason, waitBefore } from "../../src/livekit-node/connection-failure.ts";

describe("A failure of a connection", () => {
  test.each([
    [DisconnectReason.DUPLICATE_IDENTITY, "duplicate-identity"],
    [DisconnectReason.SERVER_SHUTDOWN, "server-shutdown"],
    [DisconnectReason.PARTICIPANT_REMOVED, "removed"],
    [DisconnectReason.ROOM_DELETED, "room-deleted"],
    [DisconnectReason.ROOM_CLOSED, "room-deleted"],
    [DisconnectReason.SIGNAL_CLOSE, "lost"],
  ])("that the SFU gives the reason %i is named %s", (reason, name) => {
    expect(failureOfReason(reason)).toBe(name);
  });

  test.each([
    [new RtcError("no-transport", "the service refused"), "no-token"],
    [new RtcError("request-failed", "no answer"), "out-of-reach"],
    [new ConnectError("signal failure: HTTP error: 401 Unauthorized"), "token-refused"],
    [new ConnectError("signal failure: IO error: Connection refused"), "out-of-reach"],
    ["no error at all", "out-of-reach"],
  ])("%s is named %s", (error, name) => {
    expect(failureOf(error)).toBe(name);
  });
});

describe("The wait before the next attempt", () => {
  test("doubles from 0.5 s to 6 s", () => {
    expect([1, 2, 3, 4, 5, 50].map((attempts) => waitBefore("out-of-reach", attempts, 0))).toEqual([
      500, 1_000, 2_000, 4_000, 6_000, 6_000,
    ]);
  });

  test("is at most a quarter longer, by chance", () => {
    expect([0, 0.5, 1].map((random) => waitBefore("lost", 9, random))).toEqual([6_000, 6_750, 7_500]);
  });

  test("is 30 s after a removal, and there is no attempt after a duplicate identity", () => {
    expect(waitBefore("removed", 1, 0)).toBe(30_000);
    expect(waitBefore("duplicate-identity", 1, 0)).toBeUndefined();
  });
});
