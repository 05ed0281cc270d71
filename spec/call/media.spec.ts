import type { Membership } from "matrixrtc-rx";
import { describe, expect, it } from "vitest";
import { sfusOf } from "../../examples/call/src/media.ts";

const own = { participantIdentity: "me" };
const ownUrl = "https://own.example.org";

/** A member that publishes on the server of this address. */
const member = (userId: string, url: string): Membership =>
  ({
    kind: "sticky",
    userId,
    participantIdentity: `${userId} ${url}`,
    transports: [{ type: "livekit", livekit_service_url: url }],
  }) as unknown as Membership;

const othersOf = (members: readonly Membership[]) =>
  sfusOf(own, ownUrl, members)
    .slice(1)
    .map(({ url }) => url);

describe("The LiveKit servers of a call", () => {
  it("are ours, to publish, and those of the others, to subscribe", () =>
    expect(sfusOf(own, ownUrl, [member("a", "https://a.example.org"), member("b", ownUrl)])).toEqual([
      { url: ownUrl, purpose: "publish" },
      { url: "https://a.example.org", purpose: "subscribe" },
    ]));

  it("are two at most for the devices of one user, however many it has", () => {
    const hostile = Array.from({ length: 200 }, (_, n) => member("mallory", `https://${n}.example.org`));
    const bob = member("bob", "https://bob.example.org");
    expect(othersOf([...hostile, bob])).toEqual([
      "https://0.example.org",
      "https://1.example.org",
      "https://bob.example.org",
    ]);
  });

  it("do not count twice for a user if others publish there too", () => {
    const shared = member("bob", "https://shared.example.org");
    const devices = ["shared", "1", "2"].map((name) => member("alice", `https://${name}.example.org`));
    expect(othersOf([shared, ...devices])).toHaveLength(3);
  });

  it("are sixteen at most, those of the oldest members", () => {
    const crowd = Array.from({ length: 100 }, (_, n) => member(`user${n}`, `https://${n}.example.org`));
    expect(othersOf(crowd)).toEqual(Array.from({ length: 16 }, (_, n) => `https://${n}.example.org`));
  });
});
