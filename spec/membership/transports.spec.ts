// Transports and intents of members: on which transport a member publishes, and what the members of a call state together.
import { describe, expect, it } from "vitest";
import { transportsIn } from "../../src/membership/claim.ts";
import { intentOf } from "../../src/membership/intent.ts";
import { transportOf } from "../../src/membership/transport.ts";
import { membersNamed } from "../../src/testing/index.ts";
import type { Membership } from "../../src/types.ts";

const [alice, bob] = membersNamed("alice bob") as [Membership, Membership];
const livekit = (host: string) => ({ type: "livekit", livekit_service_url: `https://${host}.example.org` });
const [one, two, three] = [livekit("one"), livekit("two"), livekit("three")];

describe("The transport of a member", () => {
  const state = (member: Membership, focusSelection: string, ...transports: (typeof one)[]): Membership => ({
    ...member,
    kind: "state",
    focusSelection,
    transports,
  });

  it("is the first of its own, for a sticky member and for multi_sfu", () => {
    const oldest = state(bob, "multi_sfu", three);
    const sticky: Membership = {
      ...alice,
      kind: "sticky",
      focusSelection: "oldest_membership",
      transports: [one, two],
    };
    expect(transportOf(sticky, oldest)).toBe(one);
    expect(transportOf(state(alice, "multi_sfu", one, two), oldest)).toBe(one);
    expect(transportOf(state(alice, "multi_sfu"), oldest)).toBeUndefined();
  });

  it("is that of the oldest member for oldest_membership", () => {
    const member = state(alice, "oldest_membership", one);
    expect(transportOf(member, state(bob, "multi_sfu", two))).toBe(two);
    expect(transportOf(member, state(bob, "oldest_membership", three))).toBe(three);
    expect(transportOf(member, member)).toBe(one);
  });

  it("is undefined if the focus selection of the member or of the oldest member is unknown", () => {
    expect(transportOf(state(alice, "unknown", one), state(bob, "multi_sfu", two))).toBeUndefined();
    expect(transportOf(state(alice, "oldest_membership", one), state(bob, "unknown", two))).toBeUndefined();
  });
});

describe("The transports of a membership", () => {
  const tooLong = `https://${"a".repeat(2_048)}`;

  it("are the list itself if their URLs are strings of a sensible length, or absent", () => {
    const list = [one, { type: "m.livekit", url: "wss://one.example.org" }, { type: "none" }];
    expect(transportsIn(list)).toBe(list);
  });

  it.each<[string, object, object]>([
    ["a service URL that is no string", { livekit_service_url: 1 }, {}],
    ["a service URL that is too long", { livekit_service_url: tooLong }, {}],
    ["a URL that is no string", { url: {} }, {}],
    ["a URL that is too long", { url: tooLong }, {}],
    [
      "one URL of two that is wrong",
      { url: null, livekit_service_url: "https://x" },
      { livekit_service_url: "https://x" },
    ],
    ["the other URL of two that is wrong", { url: "wss://x", livekit_service_url: null }, { url: "wss://x" }],
  ])("come without %s, and keep the rest", (_, urls, left) => {
    const read = transportsIn([one, { type: "livekit", alias: "room", ...urls }]);
    expect(read[0]).toBe(one);
    expect(read[1]).toStrictEqual({ type: "livekit", alias: "room", ...left });
  });
});

describe("The intent of a call", () => {
  it.each<[string, (string | undefined)[], string | undefined]>([
    ["nobody", [], undefined],
    ["members without one", [undefined, undefined], undefined],
    ["one member, and others without one", [undefined, "audio", undefined], "audio"],
    ["all members alike", ["video", "video", "video"], "video"],
    ["members that differ", ["audio", "video", undefined], undefined],
  ])("with intents of %s", (_, intents, expected) => {
    const names = ["alice", "bob", "carl"].slice(0, intents.length).join(" ");
    const members = membersNamed(names).map((member, at) => Object.assign({}, member, { intent: intents[at] }));
    expect(intentOf(members)).toBe(expected);
  });
});
