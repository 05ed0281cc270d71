import { describe, expect, test } from "vitest";
import { isServiceUrl, isSfuUrl } from "../../src/livekit/service-url.ts";

describe("the address of an authorisation service", () => {
  test.each([
    "https://rtc.example.org",
    "https://rtc.example.org/livekit/jwt",
    "http://localhost:8080",
    "http://127.0.0.1:8080/jwt",
    "http://[::1]:8080",
  ])("may be %s", (url) => expect(isServiceUrl(url, false)).toBe(true));

  test.each([
    "http://rtc.example.org",
    "http://127.0.0.1.example.org",
    "http://localhost.example.org",
    "https://user:secret@rtc.example.org",
    "wss://rtc.example.org",
    "javascript:alert(1)",
    "rtc.example.org",
    "",
    undefined,
    42,
  ])("may not be %s", (url) => expect(isServiceUrl(url, false)).toBe(false));

  test("may be http on any host if that is allowed", () => {
    expect(isServiceUrl("http://rtc.example.org", true)).toBe(true);
    expect(isServiceUrl("ftp://rtc.example.org", true)).toBe(false);
  });
});

describe("the address of an SFU", () => {
  test.each(["wss://sfu.example.org/livekit/sfu", "ws://127.0.0.1:7880"])("may be %s", (url) =>
    expect(isSfuUrl(url, false)).toBe(true),
  );

  test.each(["ws://sfu.example.org", "https://sfu.example.org", undefined])("may not be %s", (url) =>
    expect(isSfuUrl(url, false)).toBe(false),
  );
});
