// Which servers to be connected to follows from the memberships, with a limit on what others can name.
import { describe, expect, test } from "vitest";
import { planSfus } from "../../src/livekit-node/sfu-plan.ts";
import { membersNamed } from "../../src/testing/index.ts";
import type { Membership, OwnMember } from "../../src/types.ts";

const own: OwnMember = {
  kind: "state",
  userId: "@alice:example.org",
  deviceId: "ALICE",
  memberId: "alice",
  participantIdentity: membersNamed("alice")[0]!.participantIdentity,
};

/** `alice@a` publishes on server a by its own choice; `alice@a!` leaves it to the oldest member. */
function members(text: string): readonly Membership[] {
  const parts = text.split(" ").map((part) => /^(\S+)@(\w+)(!?)$/.exec(part)!);
  const named = membersNamed(parts.map(([, name]) => name).join(" "));
  return named.map((member, at) => {
    const [, , server, isLegacy] = parts[at]!;
    return {
      ...member,
      transports: [{ type: "livekit", livekit_service_url: `https://${server}.example.org` }],
      focusSelection: isLegacy ? "oldest_membership" : "multi_sfu",
    };
  });
}

const plan = (text: string) =>
  planSfus(own, "https://a.example.org", members(text)).map(
    ({ url, purpose, namedBy }) =>
      `${purpose} ${url.slice(8, -12)}${namedBy ? ` of ${namedBy.userId.slice(1, -12)}` : ""}`,
  );

describe("The plan of servers", () => {
  test("has our own server to publish on, even before our membership is there", () => {
    expect(plan("bob@b")).toEqual(["publish a", "subscribe b of bob"]);
    expect(plan("alice@a bob@b")).toEqual(["publish a", "subscribe b of bob"]);
  });

  test("has one connection to a server that several members name", () => {
    expect(plan("bob@a alice@a carl@b dora@b")).toEqual(["publish a", "subscribe b of carl"]);
  });

  test("publishes on the server of the oldest member, and on our own once we are the oldest", () => {
    expect(plan("bob@b! alice@a! carl@c!")).toEqual(["publish b of bob"]);
    expect(plan("alice@a! carl@c!")).toEqual(["publish a"]);
  });

  test("takes one server of each user", () => {
    expect(plan("alice@a bob@b bob/LAPTOP@c")).toEqual(["publish a", "subscribe b of bob"]);
  });

  test("has ten servers at most, those of the oldest members", () => {
    const many = Array.from({ length: 30 }, (_, at) => `user${at}@s${at}`).join(" ");
    const servers = plan(`alice@a ${many}`);
    expect(servers).toHaveLength(10);
    expect(servers.at(-1)).toBe("subscribe s8 of user8");
  });
});
