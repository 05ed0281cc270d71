import { describe, expect, it } from "vitest";
import type { MediaEncryption } from "../../src/media/participant.ts";
import { mediaLock } from "../../src/media/lock.ts";

/** Tracks that are sent, or muted (`m`). */
const tracks = (words: string) => [...words].map((word) => ({ muted: word === "m" }));

const closed: MediaEncryption = { status: "end-to-end", by: "frames", keyIndex: 0 };
const waiting: MediaEncryption = { status: "waiting", reason: "missing-key" };
const refused: MediaEncryption = { status: "unverified", reason: "cleartext" };
const unknown: MediaEncryption = { status: "pending" };

describe("The lock of a member", () => {
  it("is closed if its media is encrypted and we hold its key", () =>
    expect(mediaLock(closed, tracks("ss"))).toBe("closed"));

  it.each([
    ["its key has not arrived", waiting],
    ["its key was rejected", refused],
    ["nothing is known about its key", unknown],
  ])("waits if %s", (_, encryption) => expect(mediaLock(encryption, tracks("ss"))).toBe("waiting"));

  it.each([waiting, refused])("waits if a key is lacking, so that no media is received", (encryption) =>
    expect(mediaLock(encryption, [])).toBe("waiting"),
  );

  it.each([{ status: "cleartext" }, { status: "none" }] as const)(
    "is open if media is not encrypted: %j",
    (encryption) => expect(mediaLock(encryption, tracks("sm"))).toBe("open"),
  );

  it.each(["", "mm"])("is absent if no media flows (tracks: %j)", (words) =>
    expect(mediaLock(closed, tracks(words))).toBe("none"),
  );
});
