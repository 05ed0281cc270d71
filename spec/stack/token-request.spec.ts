import { describe, expect, test } from "vitest";
import { readDelegation, readLegacyRequest, readTokenRequest } from "../../examples/stack/token-request.ts";

const openid_token = { access_token: "t", token_type: "Bearer", matrix_server_name: "a", expires_in: 3600 };
const legacy = { room: "!r:a", device_id: "D", openid_token };
const member = { id: "m", claimed_user_id: "@u:a", claimed_device_id: "D" };
const current = { room_id: "!r:a", slot_id: "m.call#ROOM", openid_token, member };
const delay = { delay_id: "d", delay_timeout: 10_000 };

const refused = (errcode: string) => expect.objectContaining({ status: 400, errcode });
const reading = (read: (body: string) => unknown, body: unknown) => (): unknown =>
  read(typeof body === "string" ? body : JSON.stringify(body));

describe("A token request is read", () => {
  test("in the legacy form", () => {
    expect(readLegacyRequest(JSON.stringify(legacy))).toEqual({
      roomId: "!r:a",
      slotId: "m.call#ROOM",
      deviceId: "D",
      openId: { accessToken: "t", serverName: "a" },
    });
  });

  test("in the current form, with a delayed leave", () => {
    const body = { ...current, ...delay, delay_cs_api_url: "https://example.org" };
    const request = {
      roomId: "!r:a",
      slotId: "m.call#ROOM",
      deviceId: "D",
      member: { id: "m", userId: "@u:a" },
      openId: { accessToken: "t", serverName: "a" },
      leave: { delayId: "d", timeoutMs: 10_000 },
    };
    expect(readTokenRequest(JSON.stringify(body))).toEqual(request);
    expect(readDelegation(JSON.stringify(body))).toEqual(request);
  });
});

describe("A token request fails with M_NOT_JSON", () => {
  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["null", "null"],
    ["an unknown field", { ...current, extra: 1 }],
    ["an inherited name", '{"constructor":"x"}'],
    ["an unknown field of the member", { ...current, member: { ...member, user_id: "@u:a" } }],
    ["an unknown field of the OpenID token", { ...current, openid_token: { ...openid_token, sub: "@u:a" } }],
    ["a member that is no object", { ...current, member: "m" }],
    ["a number for a string", { ...current, room_id: 1 }],
    ["a string for a timeout", { ...current, ...delay, delay_timeout: "10000" }],
    ["a fraction for a timeout", { ...current, ...delay, delay_timeout: 0.5 }],
    ["the legacy form", legacy],
  ])("for %s", (_, body) => {
    expect(reading(readTokenRequest, body)).toThrow(refused("M_NOT_JSON"));
  });

  test("for the current form at the legacy endpoint", () => {
    expect(reading(readLegacyRequest, current)).toThrow(refused("M_NOT_JSON"));
  });
});

describe("A token request fails with M_BAD_JSON", () => {
  test.each(["room_id", "slot_id", "openid_token", "member"])("without %s", (name) => {
    expect(reading(readTokenRequest, { ...current, [name]: undefined })).toThrow(refused("M_BAD_JSON"));
  });
  test.each(["id", "claimed_user_id", "claimed_device_id"])("without member.%s", (name) => {
    expect(reading(readTokenRequest, { ...current, member: { ...member, [name]: undefined } })).toThrow(
      refused("M_BAD_JSON"),
    );
  });
  test.each(["access_token", "matrix_server_name"])("without openid_token.%s", (name) => {
    expect(reading(readTokenRequest, { ...current, openid_token: { ...openid_token, [name]: undefined } })).toThrow(
      refused("M_BAD_JSON"),
    );
  });
  test.each(["room", "device_id", "openid_token"])("without %s in the legacy form", (name) => {
    expect(reading(readLegacyRequest, { ...legacy, [name]: undefined })).toThrow(refused("M_BAD_JSON"));
  });
  test.each([
    ["an empty room", { ...current, room_id: "" }],
    ["a delay id alone", { ...current, delay_id: "d" }],
    ["a timeout alone", { ...current, delay_timeout: 10_000 }],
    ["a timeout of zero", { ...current, ...delay, delay_timeout: 0 }],
    ["a timeout of more than a day", { ...current, ...delay, delay_timeout: 86_400_001 }],
    ["a delay id with a slash", { ...current, ...delay, delay_id: "../send" }],
    ["a delay id that is too long", { ...current, ...delay, delay_id: "d".repeat(256) }],
    ["a device id with a colon", { ...current, member: { ...member, claimed_device_id: "8448:PHONE" } }],
  ])("for %s", (_, body) => {
    expect(reading(readTokenRequest, body)).toThrow(refused("M_BAD_JSON"));
  });
  test("for a delegation without a delayed event", () => {
    expect(reading(readDelegation, current)).toThrow(refused("M_BAD_JSON"));
  });
  test("for a legacy device id with a colon", () => {
    expect(reading(readLegacyRequest, { ...legacy, device_id: "8448:PHONE" })).toThrow(refused("M_BAD_JSON"));
  });
});
