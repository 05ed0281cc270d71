// Memberships of the first draft of MSC4143: which ones are read, and the path of the first field that is wrong.
import { describe, expect, it } from "vitest";
import { firstDraft } from "../../src/membership/first-draft.ts";
import { alice, bob, type Content, dayMs } from "../support/contents.ts";

const key = JSON.stringify([alice, "PHONE"]);
const livekit = { type: "livekit", livekit_service_url: "https://one.example.org" };
const other = { type: "livekit", livekit_service_url: "https://two.example.org" };
const valid = { "m.application": "m.call", "m.call_id": "" };

const read = (content: unknown, stateKey: string | undefined = key, sender = alice) =>
  firstDraft({ type: "m.rtc.member", sender, eventId: "$1", originServerTs: 1_000, content, stateKey });

describe("A membership of the first draft", () => {
  it("is a state member for a day, in the call of the room if it names none", () => {
    expect(read({ ...valid, scope: "m.room" }).ok).toMatchObject({
      kind: "state",
      userId: alice,
      deviceId: "PHONE",
      memberId: `${alice}:PHONE`,
      slot: "m.call#ROOM",
      application: { type: "m.call", scope: "m.room" },
      intent: undefined,
      transports: [],
      focusSelection: "multi_sfu",
      createdTs: 1_000,
      expiresTs: 1_000 + dayMs,
      participantIdentity: `${alice}:PHONE`,
      eventId: "$1",
    });
  });

  it("has only its own fields in its application", () => {
    const content = { ...valid, page: 7, focus_active: livekit, foci_preferred: [other] };
    const { application } = read(content).ok as unknown as { readonly application: object };
    expect(application).toStrictEqual({ page: 7, type: "m.call" });
  });

  it.each<[string, Content, string]>([
    ["m.call and an empty id", {}, "m.call#ROOM"],
    ["m.call and an id", { "m.call_id": "side" }, "m.call#side"],
    ["another application and an empty id", { "m.application": "org.example" }, "org.example#"],
    ["another application and an id", { "m.application": "org.example", "m.call_id": "1" }, "org.example#1"],
  ])("with %s is in its slot", (_, content, slot) => {
    expect(read({ ...valid, ...content }).ok).toMatchObject({ slot });
  });

  it.each<[string, Content, unknown]>([
    ["no focus", {}, []],
    ["foci alone", { foci_preferred: [other] }, [other]],
    ["an active focus alone", { focus_active: livekit }, [livekit]],
    ["both, the active one first", { focus_active: livekit, foci_preferred: [other] }, [livekit, other]],
    ["an active focus without a type", { focus_active: { focus_selection: "x" }, foci_preferred: [other] }, [other]],
    ["an active focus that is no object", { focus_active: "x", foci_preferred: [other] }, [other]],
  ])("with %s has these transports", (_, content, transports) => {
    expect(read({ ...valid, ...content }).ok).toMatchObject({ transports });
  });

  it("has the focus selection and the intent that it names", () => {
    const content = { ...valid, focus_active: { focus_selection: "oldest_membership" }, "m.call.intent": "audio" };
    expect(read(content).ok).toMatchObject({ focusSelection: "oldest_membership", intent: "audio" });
    expect(read({ ...valid, focus_active: { focus_selection: 1 } }).ok).toMatchObject({ focusSelection: "multi_sfu" });
  });

  it("with an empty content is a leave", () => {
    expect(read({}).ok).toBe("left");
    expect(read({}, "anything").ok).toBe("left");
  });
});

describe("A membership of the first draft that is malformed", () => {
  it.each<[string, unknown, string]>([
    ["a content that is no object", "x", "content"],
    ["no content", undefined, "content"],
    ["no application", { "m.call_id": "" }, "m.application"],
    ["an application that is no string", { ...valid, "m.application": 1 }, "m.application"],
    ["an empty application", { ...valid, "m.application": "" }, "m.application"],
    ["an application that is too long", { ...valid, "m.application": "a".repeat(65) }, "m.application"],
    ["an application with a #", { ...valid, "m.application": "a#b" }, "m.application"],
    ["no call id", { "m.application": "m.call" }, "m.call_id"],
    ["a call id that is no string", { ...valid, "m.call_id": 1 }, "m.call_id"],
    ["a call id that is too long", { ...valid, "m.call_id": "a".repeat(256) }, "m.call_id"],
    ["a call id with a #", { ...valid, "m.call_id": "a#b" }, "m.call_id"],
    ["foci that are no list", { ...valid, foci_preferred: {} }, "foci_preferred"],
    ["foci that are null", { ...valid, foci_preferred: null }, "foci_preferred"],
    ["a focus without a type", { ...valid, foci_preferred: [livekit, {}] }, "foci_preferred[1].type"],
    ["a focus that is no object", { ...valid, foci_preferred: [1] }, "foci_preferred[0]"],
  ])("by %s names that field", (_, content, path) => {
    expect(read(content).malformed).toBe(path);
  });

  it.each<[string, string | undefined]>([
    ["of another user", JSON.stringify([bob, "PHONE"])],
    ["without a device", JSON.stringify([alice])],
    ["with an empty device", JSON.stringify([alice, ""])],
    ["with a device that is no string", JSON.stringify([alice, 1])],
    ["with a device that is too long", JSON.stringify([alice, "a".repeat(256)])],
    ["that is no list", JSON.stringify({ 0: alice, 1: "PHONE" })],
    ["that is null", "null"],
    ["that is no JSON", `[${alice}`],
    ["that is empty", ""],
    ["that is too long", JSON.stringify([alice, "PHONE", "a".repeat(500)])],
    ["that only an extension of a list matches", JSON.stringify([[alice], "PHONE"])],
  ])("by a state key %s names the state key", (_, stateKey) => {
    expect(read(valid, stateKey).malformed).toBe("state_key");
  });

  it("by an event that is no state names the state key", () => {
    const event = { type: "m.rtc.member", sender: alice, eventId: "$1", originServerTs: 1_000, content: valid };
    expect(firstDraft(event).malformed).toBe("state_key");
  });
});
