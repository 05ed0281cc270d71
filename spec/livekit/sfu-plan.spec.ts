import { describe, expect, it } from "vitest";
import { type PlanInput, planSfus, type WantedSfu } from "../../src/livekit/sfu-plan.ts";
import type { Membership, OwnMember } from "../../src/types.ts";
import { transportAt } from "./call-scene.ts";

const own: OwnMember = {
  kind: "state",
  userId: "@me:x",
  deviceId: "D",
  memberId: "@me:x:D",
  participantIdentity: "@me:x:D",
};
const sticky: OwnMember = { ...own, kind: "sticky", memberId: "m", participantIdentity: "hash" };

const member = (userId: string, sfu: string, more: Partial<Membership> = {}): Membership =>
  ({
    kind: "sticky",
    userId,
    participantIdentity: `${userId} ${sfu}`,
    instance: `${userId} ${sfu}`,
    transports: [transportAt(sfu)],
    ...more,
  }) as unknown as Membership;

const plan = (members: readonly Membership[], more: Partial<PlanInput> = {}) =>
  planSfus({
    own,
    publishOn: [transportAt("own")],
    members,
    maxSfus: 10,
    ...more,
  });
const words = ({ wanted }: { wanted: readonly WantedSfu[] }) =>
  wanted.map(({ sfu, purpose, members }) =>
    [new URL(sfu).hostname.split(".")[0], purpose, ...members.map(({ userId }) => userId)].join(" "),
  );

describe("The SFUs of a call", () => {
  it("are ours, to publish, and those of the others, to receive", () =>
    expect(words(plan([member("a", "sfu1"), member("b", "own"), member("c", "sfu1")]))).toEqual([
      "own publish b",
      "sfu1 subscribe a c",
    ]));

  it("are none while we are not in the call", () =>
    expect(words(plan([member("a", "sfu1")], { own: undefined }))).toEqual([]));

  it("are those of the others alone while we have none ourselves", () =>
    expect(words(plan([member("a", "sfu1")], { publishOn: [] }))).toEqual(["sfu1 subscribe a"]));

  it("are one for each user, however many devices it has; the others get a reason", () => {
    const hostile = Array.from({ length: 200 }, (_, n) => member("mallory", `evil${n}`));
    const made = plan([...hostile, member("bob", "sfu1")]);
    expect(words(made)).toEqual(["own publish", "evil0 subscribe mallory", "sfu1 subscribe bob"]);
    expect(made.unplanned.size).toBe(199);
    expect(made.unplanned.get(hostile[7]!)).toBe("too-many-sfus");
  });

  it("do not count for a user if they are wanted anyway", () =>
    expect(words(plan([member("a", "own"), member("b", "sfu1"), member("a", "sfu1"), member("a", "sfu2")]))).toEqual([
      "own publish a",
      "sfu1 subscribe b a",
      "sfu2 subscribe a",
    ]));

  it("are ten beside ours, those of the oldest members, unless told otherwise", () => {
    const crowd = Array.from({ length: 100 }, (_, n) => member(`user${n}`, `sfu${n}`));
    expect(plan(crowd).wanted).toHaveLength(11);
    expect(plan(crowd, { maxSfus: 3 }).wanted).toHaveLength(4);
  });

  it("leave out members whose transport we do not know", () => {
    const other = member("a", "sfu1", { transports: [{ type: "other" }] });
    const { wanted, unplanned } = plan([other]);
    expect(wanted).toHaveLength(1);
    expect(unplanned.get(other)).toBe("no-common-transport");
  });

  it("are named by the oldest member for those who follow it", () => {
    const oldest = member("a", "sfu1", { kind: "state", focusSelection: "oldest_membership" });
    const follower = member("b", "sfu2", { kind: "state", focusSelection: "oldest_membership" });
    const { wanted } = plan([oldest, follower]);
    expect(wanted[1]!.members).toEqual([oldest, follower]);
    expect(wanted[1]!.namedBy).toBe(oldest);
  });

  it("have the same key for the same purpose, and for a sticky member for both", () => {
    const keyOf = (who: OwnMember, publishOn: string) =>
      plan([member("a", "sfu1")], { own: who, publishOn: [transportAt(publishOn)] }).wanted.find(({ sfu }) =>
        sfu.includes("sfu1"),
      )!.key;
    expect(keyOf(own, "own")).not.toBe(keyOf(own, "sfu1"));
    expect(keyOf(sticky, "own")).toBe(keyOf(sticky, "sfu1"));
  });
});
