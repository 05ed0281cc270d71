import type { Participant } from "livekit-client";
import { describe, expect, it } from "vitest";
import { lockOf } from "../../examples/call/src/lock.ts";

const now = 100_000;
const decoding = { decodedTs: now - 200, failedTs: undefined };

/** A participant with these tracks: `e`ncrypted, in the `c`lear; capitals are muted. */
const publishing = (tracks: string) =>
  ({
    trackPublications: new Map(
      [...tracks].map((track, index) => [
        index,
        { isEncrypted: track.toLowerCase() === "e", isMuted: track !== track.toLowerCase() },
      ]),
    ),
  }) as unknown as Participant;

describe("A lock is", () => {
  it("closed while encrypted media decodes", () => expect(lockOf(publishing("ee"), decoding, now)).toBe("closed"));

  it("waiting until something has been decoded", () =>
    expect(lockOf(publishing("e"), { decodedTs: undefined, failedTs: undefined }, now)).toBe("waiting"));

  it("waiting when nothing has been decoded for two seconds", () =>
    expect(lockOf(publishing("e"), { decodedTs: now - 2_000, failedTs: undefined }, now)).toBe("waiting"));

  it("waiting when decrypting failed a moment ago", () =>
    expect(lockOf(publishing("ee"), { ...decoding, failedTs: now - 500 }, now)).toBe("waiting"));

  it("closed again two seconds after the last failure", () =>
    expect(lockOf(publishing("ee"), { ...decoding, failedTs: now - 2_000 }, now)).toBe("closed"));

  it("open if any track is in the clear, whatever decodes", () =>
    expect(lockOf(publishing("ec"), decoding, now)).toBe("open"));

  it("not there without media", () => {
    expect(lockOf(undefined, decoding, now)).toBe("none");
    expect(lockOf(publishing(""), decoding, now)).toBe("none");
    expect(lockOf(publishing("EC"), decoding, now)).toBe("none");
  });
});
