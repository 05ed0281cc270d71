import { describe, expect, it } from "vitest";
import { decodeMembership } from "../../src/index.ts";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { decodeRoomEvent } from "../../src/port/index.ts";
import { alice, bob, type Content, stateContent, stateEvent, stickyContent, stickyEvent } from "../support/contents.ts";

describe("The strings of a membership", () => {
  const long = (length: number) => "x".repeat(length);
  const claim = (event: RoomEvent | StickyEvent) => {
    const { ok } = decodeMembership(event);
    return ok === "left" ? undefined : ok;
  };
  const transport = (url: string) => ({ type: "livekit", livekit_service_url: url });
  const member = (changes: Content) => ({ id: "one", user_id: alice, device_id: "PHONE", ...changes });

  it.each<[string, number, (text: string) => RoomEvent | StickyEvent]>([
    ["application", 64, (text) => stateEvent(stateContent({ application: text }))],
    ["call_id", 255, (text) => stateEvent(stateContent({ call_id: text }))],
    ["device_id", 255, (text) => stateEvent(stateContent({ device_id: text }))],
    ["foci_preferred[0].type", 64, (text) => stateEvent(stateContent({ foci_preferred: [{ type: text }] }))],
    [
      "application.type",
      64,
      (text) => stickyEvent(stickyContent({ application: { type: text }, slot_id: `${text}#1` })),
    ],
    ["slot_id", 255, (text) => stickyEvent(stickyContent({ slot_id: `m.call#${text.slice(7)}` }))],
    ["member.id", 255, (text) => stickyEvent(stickyContent({ member: member({ id: text }) }))],
    ["member.device_id", 255, (text) => stickyEvent(stickyContent({ member: member({ device_id: text }) }))],
    ["sticky_key", 255, (text) => stickyEvent(stickyContent({ sticky_key: text, msc4354_sticky_key: text }))],
    ["event_id", 255, (text) => stateEvent(stateContent(), { eventId: text })],
    ["event_id", 255, (text) => stickyEvent(stickyContent(), { eventId: text })],
  ])("are malformed at %s above %i characters", (path, max, eventOf) => {
    expect(decodeMembership(eventOf(long(max))).malformed).toBeUndefined();
    expect(decodeMembership(eventOf(long(max + 1))).malformed).toBe(path);
  });

  it("count as missing above their bounds if they are optional", () => {
    for (const [isWithin, extra] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const [url, id, short] = [long(2048 + extra), long(255 + extra), long(64 + extra)];
      const state = claim(
        stateEvent(
          stateContent({
            membershipID: id,
            "m.call.intent": short,
            focus_active: { type: "livekit", focus_selection: short },
            foci_preferred: [transport(url)],
          }),
        ),
      );
      expect(state?.memberId === id).toBe(isWithin);
      expect([state?.intent, state?.focusSelection]).toEqual(isWithin ? [short, short] : [undefined, undefined]);
      expect(state?.transports[0]?.livekit_service_url).toBe(isWithin ? url : undefined);
      const application = { type: "m.call", "m.call.intent": short };
      const sticky = claim(stickyEvent(stickyContent({ application, transports: { published: [transport(url)] } })));
      expect(sticky?.intent).toBe(isWithin ? short : undefined);
      expect(sticky?.transports[0]?.livekit_service_url).toBe(isWithin ? url : undefined);
    }
  });
});

describe("The strings of a room event", () => {
  const json = { type: "t", sender: bob, event_id: "$1", origin_server_ts: 1, content: {} };

  it.each<[string, number, (text: string) => object]>([
    ["type", 255, (type) => ({ type })],
    ["sender", 255, (text) => ({ sender: `@a:${text.slice(3)}` })],
    ["event_id", 255, (event_id) => ({ event_id })],
    ["state_key", 511, (state_key) => ({ state_key })],
  ])("are malformed at %s above %i characters", (path, max, changes) => {
    expect(decodeRoomEvent({ ...json, ...changes("x".repeat(max)) }).malformed).toBeUndefined();
    expect(decodeRoomEvent({ ...json, ...changes("x".repeat(max + 1)) }).malformed).toBe(path);
  });
});
