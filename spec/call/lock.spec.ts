import type { Participant } from "livekit-client";
import type { EncryptionStatus } from "matrixrtc-rx";
import { describe, expect, it } from "vitest";
import { lockOf } from "../../examples/call/src/lock.ts";

/** A participant with these tracks: `e`ncrypted or `c`lear; capital letters are muted. */
const publishing = (tracks: string) =>
  ({
    trackPublications: new Map(
      [...tracks].map((track, index) => [
        index,
        { isEncrypted: track.toLowerCase() === "e", isMuted: track !== track.toLowerCase() },
      ]),
    ),
  }) as unknown as Participant;

const ok: EncryptionStatus = { status: "ok", keyIndex: 0, sinceTs: 0 };
const waiting: EncryptionStatus = { status: "waiting", reason: "missing-key" };
const unverified: EncryptionStatus = { status: "unverified", reason: "cleartext" };

describe("The lock of a member", () => {
  it("is closed if all its media is encrypted and we hold its key", () =>
    expect(lockOf(publishing("ee"), ok)).toBe("closed"));

  it.each([
    ["its key has not arrived", waiting],
    ["its key was rejected", unverified],
    ["nothing is known about its key", undefined],
  ])("waits if %s", (_, encryption) => expect(lockOf(publishing("ee"), encryption)).toBe("waiting"));

  it.each([ok, waiting, undefined])("is open if any track is not encrypted, whatever its keys are", (encryption) =>
    expect(lockOf(publishing("ec"), encryption)).toBe("open"),
  );

  it.each(["", "EC"])("is absent if no media flows (tracks: %j)", (tracks) => {
    expect(lockOf(publishing(tracks), ok)).toBe("none");
    expect(lockOf(undefined, ok)).toBe("none");
  });
});
