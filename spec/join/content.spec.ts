import { describe, expect, it } from "vitest";
import {
  callIdOf,
  openSlot,
  ownStateKey,
  stableJoin,
  stateJoin,
  stickyJoin,
  stickyLeave,
} from "../../src/join/content.ts";
import type { OwnMember } from "../../src/types.ts";

const call = { roomId: "!kitchen:example.org", slot: "m.call#ROOM" };
const alice: OwnMember = {
  kind: "state",
  userId: "@alice:example.org",
  deviceId: "ALICEDEV01",
  memberId: "@alice:example.org:ALICEDEV01",
  participantIdentity: "@alice:example.org:ALICEDEV01",
};
const bob: OwnMember = {
  kind: "sticky",
  userId: "@bob:example.org",
  deviceId: "PHONEXYZ",
  memberId: "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11",
  participantIdentity: "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
};
const livekit = { type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" };
const data = { application: { type: "m.call" }, intent: "video", transports: [livekit] };

describe("Our membership on the wire (protocol.md 12.4)", () => {
  it("is E1 for a join in legacy mode", () => {
    expect(stateJoin("legacy", call, alice, data, { createdTs: undefined, expiresMs: 14_400_000 })).toEqual(
      JSON.parse(`{"application":"m.call","call_id":"","scope":"m.room","device_id":"ALICEDEV01",
        "membershipID":"@alice:example.org:ALICEDEV01","expires":14400000,"m.call.intent":"video",
        "focus_active":{"type":"livekit","focus_selection":"oldest_membership"},
        "foci_preferred":[{"type":"livekit","livekit_service_url":"https://rtc.example.org/livekit/jwt","livekit_alias":"!kitchen:example.org"}]}`),
    );
  });

  it("is E2 for an update in compatibility mode", () => {
    const times = { createdTs: 1_790_000_000_000, expiresMs: 28_800_000 };
    expect(stateJoin("compatibility", call, alice, { ...data, intent: "audio" }, times)).toEqual(
      JSON.parse(`{"application":"m.call","call_id":"","scope":"m.room","device_id":"ALICEDEV01",
        "membershipID":"@alice:example.org:ALICEDEV01","expires":28800000,"created_ts":1790000000000,"m.call.intent":"audio",
        "focus_active":{"type":"livekit","focus_selection":"multi_sfu"},
        "foci_preferred":[{"type":"livekit","livekit_service_url":"https://rtc.example.org/livekit/jwt","livekit_alias":"!kitchen:example.org"}]}`),
    );
  });

  it("is E3 for a join in matrix_2_0 mode", () => {
    expect(stickyJoin("m.call#ROOM", bob, data)).toEqual(
      JSON.parse(`{"slot_id":"m.call#ROOM",
        "application":{"type":"m.call","m.call.intent":"video"},
        "member":{"id":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11","user_id":"@bob:example.org","device_id":"PHONEXYZ",
                  "membership":"join","claimed_user_id":"@bob:example.org","claimed_device_id":"PHONEXYZ"},
        "transports":{"published":[{"type":"livekit","livekit_service_url":"https://rtc.example.org/livekit/jwt"}],"can_subscribe":["livekit"]},
        "rtc_transports":[{"type":"livekit","livekit_service_url":"https://rtc.example.org/livekit/jwt"}],
        "versions":[],
        "sticky_key":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11",
        "msc4354_sticky_key":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11"}`),
    );
  });

  it("is E5 for a leave in matrix_2_0 mode, with a reason only if one is given", () => {
    expect(stickyLeave("m.call#ROOM", bob.memberId)).toEqual(
      JSON.parse(`{"slot_id":"m.call#ROOM","msc4354_sticky_key":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11"}`),
    );
    expect(stickyLeave("m.call#ROOM", bob.memberId, { code: "leave" })).toEqual(
      JSON.parse(`{"slot_id":"m.call#ROOM","member":{"id":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11","membership":"leave"},
        "leave_reason":{"code":"leave"},"sticky_key":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11","msc4354_sticky_key":"0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11"}`),
    );
  });

  it("has no intent if none is given, in any format", () => {
    const silent = { ...data, intent: undefined };
    expect(stateJoin("legacy", call, alice, silent, { createdTs: 1, expiresMs: 5 })).not.toHaveProperty([
      "m.call.intent",
    ]);
    for (const join of [stickyJoin, stableJoin])
      expect(join("m.call#ROOM", bob, silent)).toHaveProperty("application", { type: "m.call" });
  });

  it("has an alias for old clients in transports of LiveKit alone, if it is a state membership", () => {
    const transports = [livekit, { type: "org.example.mesh" }];
    const content = stateJoin("legacy", call, alice, { ...data, transports }, { createdTs: 1, expiresMs: 5 });
    expect(content["foci_preferred"]).toEqual([
      { ...livekit, livekit_alias: call.roomId },
      { type: "org.example.mesh" },
    ]);
  });

  it("keeps data of the application, which cannot overwrite fields of the protocol", () => {
    const application = { type: "m.call", "org.example.hand": true, device_id: "FORGED", expires: 1, call_id: "X" };
    const content = stateJoin("compatibility", call, alice, { ...data, application }, { createdTs: 1, expiresMs: 5 });
    expect(content).toMatchObject({ "org.example.hand": true, device_id: "ALICEDEV01", expires: 5, call_id: "" });
  });

  it("has no alias of old clients if it is sticky", () => {
    const transports = [{ ...livekit, livekit_alias: "!kitchen:example.org" }];
    expect(stickyJoin("m.call#ROOM", bob, { ...data, transports })).toMatchObject({
      transports: { published: [livekit] },
      rtc_transports: [livekit],
    });
  });

  const multiSfu = { type: "m.livekit", url: "https://rtc.example.org" };
  it.each([
    ["with an intent", "audio", { intent: "audio" }],
    ["without an intent", undefined, {}],
  ])("names neither user nor device in the stable generation, %s", (_, intent, intents) => {
    const stable = stableJoin("m.call#ROOM", bob, { ...data, intent, transports: [multiSfu] });
    expect(stable).toStrictEqual({
      slot_id: "m.call#room",
      application: { type: "m.call", ...intents },
      member: { id: bob.memberId, membership: "join" },
      transports: { published: [multiSfu], can_subscribe: ["m.livekit"] },
      sticky_key: bob.memberId,
      msc4354_sticky_key: bob.memberId,
    });
  });

  it("has no field for what it does not say: when we joined, and an intent", () => {
    const times = { createdTs: undefined, expiresMs: 5 };
    expect(stateJoin("legacy", call, alice, { ...data, intent: undefined }, times)).toStrictEqual({
      application: "m.call",
      call_id: "",
      scope: "m.room",
      device_id: "ALICEDEV01",
      membershipID: alice.memberId,
      expires: 5,
      focus_active: { type: "livekit", focus_selection: "oldest_membership" },
      foci_preferred: [{ ...livekit, livekit_alias: call.roomId }],
    });
    const { application } = stickyJoin("m.call#ROOM", bob, { ...data, intent: undefined });
    expect(application).toStrictEqual({ type: "m.call" });
  });

  it("always has foci_preferred, which some readers index without a check", () => {
    const content = stateJoin("legacy", call, alice, { ...data, transports: [] }, { createdTs: 1, expiresMs: 5 });
    expect(content["foci_preferred"]).toEqual([]);
  });
});

describe("The key of a state membership (protocol.md 1.3, 1.4)", () => {
  it.each([
    ["m.call#ROOM", false, "_@alice:example.org_ALICEDEV01_m.call"],
    ["m.call#ROOM", true, "@alice:example.org_ALICEDEV01_m.call"],
    ["m.call#X", false, "_@alice:example.org_ALICEDEV01_m.callX"],
    ["org.example.game#ROOM", false, "_@alice:example.org_ALICEDEV01_org.example.gameROOM"],
  ])("in slot %s with owned keys %s is %s", (slot, owned, key) => {
    expect(ownStateKey(alice, slot, owned)).toBe(key);
  });

  it("maps the default call to the empty call id for m.call alone (guarantee 30)", () => {
    expect(["m.call#ROOM", "m.call#X", "org.example.game#ROOM"].map(callIdOf)).toEqual(["", "X", "ROOM"]);
  });
});

describe("An open slot (protocol.md 8)", () => {
  it("is E11 in an encrypted room", () => {
    expect(openSlot(undefined, "m.call#ROOM", true, "deployed")).toEqual({
      status: "open",
      application: { type: "m.call" },
      encryption: { type: "org.matrix.msc4143.per_member" },
    });
  });

  it.each([
    ["nothing", null],
    ["text", "open"],
    ["an application that is no object", { application: "m.call" }],
    ["no application", {}],
    ["another application", { application: { type: "org.example.game", level: 3 } }],
  ])("has its own application if the slot had %s", (_, before) => {
    expect(openSlot(before, "m.call#ROOM", false, "deployed")).toEqual({
      status: "open",
      application: { type: "m.call" },
    });
  });

  it("keeps the fields of the slot, but no encryption that the room lacks", () => {
    const before = {
      status: "closed",
      application: { type: "m.call", "m.call.id": "1" },
      encryption: { type: "x" },
      x: 1,
    };
    expect(openSlot(before, "m.call#ROOM", false, "deployed")).toEqual({
      status: "open",
      application: { type: "m.call", "m.call.id": "1" },
      x: 1,
    });
  });
});
