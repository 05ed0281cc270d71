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

describe("accepted bodies", () => {
  test("legacy", () => {
    expect(readLegacyRequest(JSON.stringify(legacy))).toEqual({
      roomId: "!r:a",
      slotId: "m.call#ROOM",
      deviceId: "D",
      openId: { accessToken: "t", serverName: "a" },
    });
  });

  test("current, with a delayed leave", () => {
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

describe("M_NOT_JSON", () => {
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
  ])("%s", (_, body) => {
    expect(reading(readTokenRequest, body)).toThrow(refused("M_NOT_JSON"));
  });

  test("the current form at the legacy endpoint", () => {
    expect(reading(readLegacyRequest, current)).toThrow(refused("M_NOT_JSON"));
  });
});

describe("M_BAD_JSON", () => {
  test.each(["room_id", "slot_id", "openid_token", "member"])("no %s", (name) => {
    expect(reading(readTokenRequest, { ...current, [name]: undefined })).toThrow(refused("M_BAD_JSON"));
  });
  test.each(["id", "claimed_user_id", "claimed_device_id"])("no member.%s", (name) => {
    expect(reading(readTokenRequest, { ...current, member: { ...member, [name]: undefined } })).toThrow(
      refused("M_BAD_JSON"),
    );
  });
  test.each(["access_token", "matrix_server_name"])("no openid_token.%s", (name) => {
    expect(reading(readTokenRequest, { ...current, openid_token: { ...openid_token, [name]: undefined } })).toThrow(
      refused("M_BAD_JSON"),
    );
  });
  test.each(["room", "device_id", "openid_token"])("legacy without %s", (name) => {
    expect(reading(readLegacyRequest, { ...legacy, [name]: undefined })).toThrow(refused("M_BAD_JSON"));
  });
  test.each([
    ["an empty room", { ...current, room_id: "" }],
    ["a delay id alone", { ...current, delay_id: "d" }],
    ["a timeout alone", { ...current, delay_timeout: 10_000 }],
    ["a timeout of nothing", { ...current, ...delay, delay_timeout: 0 }],
  ])("%s", (_, body) => {
    expect(reading(readTokenRequest, body)).toThrow(refused("M_BAD_JSON"));
  });
  test("a delegation of nothing", () => {
    expect(reading(readDelegation, current)).toThrow(refused("M_BAD_JSON"));
  });
});
