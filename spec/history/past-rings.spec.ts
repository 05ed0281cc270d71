// The rings of past calls, drawn: which call a ring belongs to, and what became of it. protocol.md 7.4, 9.4.
import { describe, expect, it } from "vitest";
import { PastRings, reaches } from "../../src/history/past-rings.ts";
import type { Session } from "../../src/history/slot-sessions.ts";
import type { LoggedRing } from "../../src/ringing/ring-log.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];
const slot = "m.call#ROOM";

/** A ring of Alice for Bob: `r` is its start, `|` its end. */
const ringOf = (
  line: string,
  more: Partial<LoggedRing["ring"]> = {},
  declinedBy: readonly string[] = [],
): LoggedRing => {
  const sentTs = line.indexOf("r");
  const ring: LoggedRing["ring"] = {
    form: "invite",
    eventId: "$ring",
    type: "m.rtc.invite",
    sender: alice,
    slot,
    sentTs,
    senderTs: sentTs,
    lifetimeMs: line.indexOf("|") - sentTs,
    userIds: [bob],
    isForRoom: false,
    alert: "ring",
    intent: undefined,
    memberEventId: undefined,
    ...more,
  };
  const declines = declinedBy.map(
    (sender) => [sender, { eventId: "$no", sender, ringId: "$ring", sentTs: sentTs + 1, reason: undefined }] as const,
  );
  return { ring, seenTs: sentTs, revoked: undefined, supersededBy: undefined, declines: new Map(declines) };
};

const times = (line: string) => ({ startTs: line.indexOf("["), endTs: line.indexOf("]") });

/** A call: its time, and the stays of Bob in it. */
const callOf = (line: string, ...bobs: readonly string[]): Session => {
  const stayOf = (userId: string, stay: string): Session["stays"][number] => {
    return { userId, deviceId: "P", memberId: "one", slot, intent: undefined, ...times(stay) };
  };
  const stays = [stayOf(alice, line), ...bobs.map((stay) => stayOf(bob, stay))];
  return { slot, ...times(line), stays };
};

const outcomesOf = (logged: LoggedRing, session: Session, now: string, inRoom: readonly string[] = []) => {
  const rings = new PastRings(() => inRoom).of([logged], [session], now.indexOf("^")).get(session) ?? [];
  return rings.flatMap(({ outcomes }) => [...outcomes].map(([userId, outcome]) => `${userId.slice(1, 2)} ${outcome}`));
};

describe("A ring of the past", () => {
  it.each<[string, { ring: string; call: string; bob?: string; now: string }, string]>([
    ["rings in a call that runs", { ring: "  r----|", call: "[---------]", now: "    ^" }, "b ringing"],
    ["is not answered", { ring: "  r--|", call: "[---------]", now: "     ^" }, "b no-answer"],
    ["is withdrawn when its call ends", { ring: "  r------|", call: "[---]", now: "    ^" }, "b withdrawn"],
    ["is answered", { ring: "  r----|", call: "[---------]", bob: "    [---]", now: "     ^" }, "b joined"],
    [
      "is answered at its end",
      { ring: "  r--|", call: "[---------]", bob: "     [--]", now: "          ^" },
      "b joined",
    ],
    [
      "is not answered after it",
      { ring: "  r-|", call: "[---------]", bob: "     [--]", now: "          ^" },
      "b no-answer",
    ],
    ["is for a target in the call", { ring: "  r-|", call: "[-------]", bob: " [----]", now: "   ^" }, "b joined"],
    [
      "is not answered by a stay that ended with its start",
      { ring: "  r-|", call: "[--------]", bob: "[-]", now: "    ^" },
      "b no-answer",
    ],
  ])("%s", (_, { ring, call, bob: stay, now }, outcome) =>
    expect(outcomesOf(ringOf(ring), callOf(call, ...(stay === undefined ? [] : [stay])), now)).toEqual([outcome]),
  );

  it.each<[string, Partial<LoggedRing["ring"]>, readonly string[], readonly string[], readonly string[]]>([
    ["has the users that it names as targets", { userIds: [bob, carl] }, [], [], ["b ringing", "c ringing"]],
    ["has no sender as a target", { userIds: [alice, bob] }, [], [], ["b ringing"]],
    [
      "has who is in the room as targets, if it is for the room",
      { isForRoom: true, userIds: [] },
      [alice, carl],
      [],
      ["c ringing"],
    ],
    ["has nobody else in the room as a target", {}, [alice, carl], [], ["b ringing"]],
    ["has a user who declined it as a target", {}, [], [carl], ["b ringing", "c declined"]],
  ])("%s", (_, more, inRoom, declinedBy, outcomes) =>
    expect(outcomesOf(ringOf("  r----|", more, declinedBy), callOf("[---------]"), "    ^", inRoom)).toEqual(outcomes),
  );

  it("for the room has the users of the call as targets", () => {
    const logged = ringOf("  r----|", { isForRoom: true, userIds: [] });
    expect(outcomesOf(logged, callOf("[---------]", "   [-]"), "    ^")).toEqual(["b joined"]);
  });

  it.each<[string, string, readonly string[], string | undefined]>([
    ["the one that runs", "  r-|", ["[---]", "      [--]"], "[---]"],
    ["the one that ends with its start", "  r-|", ["[-]", "      [--]"], "[-]"],
    ["the next one, if that begins in its time", "    r--|", ["[-]", "      [--]"], "      [--]"],
    ["the next one, if that begins with its end", "    r-|", ["[-]", "      [--]"], "      [--]"],
    ["none, if the next one begins later", "   r-|", ["[-]", "      [--]"], undefined],
    ["none, if it came after the last one", "     r-|", ["[-]"], undefined],
  ])("is for a call: %s", (_, line, calls, expected) => {
    const sessions = calls.map((call) => callOf(call));
    const rings = new PastRings(() => []).of([ringOf(line)], sessions, 20);
    expect([...rings.keys()].map(({ startTs }) => startTs)).toEqual(
      expected === undefined ? [] : [expected.indexOf("[")],
    );
  });

  it("is for the call of its slot, under either name, and of no other", () => {
    const session = callOf("[-----]");
    const count = (its: string) => new PastRings(() => []).of([ringOf(" r-|", { slot: its })], [session], 9).size;
    expect([slot, "m.call#room", "m.call#side"].map(count)).toEqual([1, 1, 0]);
  });

  it("is read once when it is over, and again while it may change", () => {
    const rings = new PastRings(() => []);
    const [logged, session] = [ringOf(" r--|"), callOf("[-----]")];
    const readAt = (now: number, each = logged, of = session) => rings.of([each], [of], now).get(of)?.[0];
    expect(readAt(3)).not.toBe(readAt(3));
    expect(readAt(5)).not.toBe(readAt(5));
    const last = readAt(6);
    expect(readAt(7)).toBe(last);
    const declined = { ...ringOf(" r--|", {}, [bob]), ring: logged.ring };
    expect([...readAt(8, declined)!.outcomes]).toEqual([[bob, "declined"]]);
    const again = readAt(8);
    expect(readAt(8)).toBe(again);
    const longer = callOf("[-----]", "  [--]");
    expect([...readAt(8, logged, longer)!.outcomes]).toEqual([[bob, "joined"]]);
  });

  it("comes with the others of its call, in their order", () => {
    const session = callOf("[---------]");
    const both = [ringOf(" r-|", { eventId: "$1" }), ringOf("    r-|", { eventId: "$2" })];
    const found = new PastRings(() => []).of(both, [session], 9).get(session);
    expect(found?.map(({ ring }) => ring.eventId)).toEqual(["$1", "$2"]);
  });
});

describe("A call reaches into the time since 10", () => {
  it.each([
    [9, false],
    [10, true],
    [11, true],
    [undefined, true],
  ])("if it ends at %s: %s", (endTs, expected) => expect(reaches(10)({ endTs })).toBe(expected));
});
