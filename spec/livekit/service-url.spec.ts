import { describe, expect, test } from "vitest";
import { isServiceUrl, serviceUrlFault, sfuUrlFault, withoutEndSlashes } from "../../src/livekit/service-url.ts";

const own = { isOwn: true, allowInsecure: false };
const named = { isOwn: false, allowInsecure: false };

describe("the address of an authorisation service that our own homeserver names", () => {
  test.each([
    "https://rtc.example.org",
    "https://rtc.example.org/livekit/jwt",
    "https://10.0.0.5/jwt",
    "https://rtc.lan/jwt",
    "http://localhost:8080",
    "http://127.0.0.1:8080/jwt",
    "http://[::1]:8080",
  ])("may be %s", (url) => {
    expect(serviceUrlFault(url, own)).toBeUndefined();
    expect(isServiceUrl(url, false)).toBe(true);
  });

  test.each([
    ["http://rtc.example.org", "has the scheme http:"],
    ["http://127.0.0.1.example.org", "has the scheme http:"],
    ["http://localhost.example.org", "has the scheme http:"],
    ["http://10.0.0.5", "has the scheme http:"],
    ["https://user:secret@rtc.example.org", "contains credentials"],
    ["wss://rtc.example.org", "has the scheme wss:"],
    ["javascript:alert(1)", "has the scheme javascript:"],
    [`${"a".repeat(1_000)}:alert(1)`, `has the scheme ${"a".repeat(32)}…`],
    ["rtc.example.org", "is no URL"],
    [`https://rtc.example.org/${"a".repeat(2_048)}`, "is longer than 2048 characters"],
    ["", "is missing"],
    [undefined, "is missing"],
    [42, "is missing"],
  ])("may not be %s, because it %s", (url, fault) => {
    expect(serviceUrlFault(url, own)).toBe(fault);
    expect(isServiceUrl(url, false)).toBe(false);
  });

  test("may be http on any host if that is allowed", () => {
    expect(isServiceUrl("http://rtc.example.org", true)).toBe(true);
    expect(isServiceUrl("ftp://rtc.example.org", true)).toBe(false);
  });
});

describe("the address of an authorisation service that another member names", () => {
  test.each([
    "https://rtc.example.org",
    "https://rtc.example.org:8448/livekit/jwt/",
    "https://rtc.example.org./jwt",
    "https://xn--bcher-kva.example",
    "https://local.example.org",
    "https://10.0.0.example.org",
    "https://rtc.xn--45brj9c",
    "https://rtc.example.org/@rtc/jwt",
    "https://home.example.org",
    "https://rtc.atlan.example",
  ])("may be %s", (url) => expect(serviceUrlFault(url, named)).toBeUndefined());

  const noPublicName = "is not a name of the public internet";
  test.each([
    ["plain http", "http://rtc.example.org", "has the scheme http:"],
    ["plain http on this machine", "http://localhost:8080", "has the scheme http:"],
    ["credentials", "https://user@rtc.example.org", "contains credentials"],
    ["a query", "https://rtc.example.org/?a=b", "has a query or a fragment"],
    ["a fragment", "https://rtc.example.org/#a", "has a query or a fragment"],
    ["an empty query", "https://rtc.example.org/?", "has a query or a fragment"],
    ["an empty fragment", "https://rtc.example.org/#", "has a query or a fragment"],
    ["an empty user name", "https://@rtc.example.org", "contains credentials"],
    ["an empty user name and password", "https://:@rtc.example.org", "contains credentials"],
    ["an empty user name before a tab", "https:/\t/@rtc.example.org/@a", "contains credentials"],
    ["localhost", "https://localhost", noPublicName],
    ["localhost with a dot at the end", "https://localhost.", noPublicName],
    ["a name under localhost", "https://rtc.localhost", noPublicName],
    ["a name under local", "https://printer.local", noPublicName],
    ["a name under local with a dot at the end", "https://printer.local.", noPublicName],
    ["a name under internal", "https://metadata.google.internal", noPublicName],
    ["a name under home.arpa", "https://router.home.arpa", noPublicName],
    ["a name under local with two dots at the end", "https://printer.local..", noPublicName],
    ["loopback with two dots at the end", "https://127.0.0.1..", noPublicName],
    ["a name under localdomain", "https://localhost.localdomain", noPublicName],
    ["a name under lan", "https://rtc.lan", noPublicName],
    ["a name under lan in capitals", "https://RTC.LAN", noPublicName],
    ["a name under home", "https://rtc.home", noPublicName],
    ["a name under corp", "https://rtc.corp", noPublicName],
    ["a name under intranet", "https://rtc.intranet", noPublicName],
    ["a name under private", "https://rtc.private", noPublicName],
    ["a single label", "https://intranet", noPublicName],
    ["loopback", "https://127.0.0.1", noPublicName],
    ["loopback in another spelling", "https://2130706433", noPublicName],
    ["loopback in octal", "https://0177.0.0.1", noPublicName],
    ["loopback in hexadecimal", "https://0x7f.1", noPublicName],
    ["a private IPv4 address", "https://192.168.1.1", noPublicName],
    ["a link-local address", "https://169.254.169.254", noPublicName],
    ["a public IPv4 address", "https://8.8.8.8", noPublicName],
    ["IPv6 loopback", "https://[::1]", noPublicName],
    ["IPv6 loopback written out", "https://[0:0:0:0:0:0:0:1]", noPublicName],
    ["a unique local IPv6 address", "https://[fd12:3456::1]", noPublicName],
    ["a public IPv6 address", "https://[2606:4700::1111]", noPublicName],
    ["a mapped IPv4 address", "https://[::ffff:127.0.0.1]", noPublicName],
    ["a NAT64 address", "https://[64:ff9b::10.0.0.1]", noPublicName],
  ])("may not be %s: %s", (_, url, fault) => expect(serviceUrlFault(url, named)).toBe(fault));

  test("may be private and plain http if that is allowed, but still without a query", () => {
    const allowed = { isOwn: false, allowInsecure: true };
    expect(serviceUrlFault("http://10.0.0.5:8080/jwt", allowed)).toBeUndefined();
    expect(serviceUrlFault("http://10.0.0.5:8080/jwt?a", allowed)).toBe("has a query or a fragment");
  });
});

describe("the address of an SFU", () => {
  test.each([
    "wss://sfu.example.org/livekit/sfu",
    "https://sfu.example.org/livekit/sfu",
    "ws://127.0.0.1:7880",
    "http://127.0.0.1:7880",
  ])("may be %s", (url) => expect(sfuUrlFault(url, own)).toBeUndefined());

  test.each([
    ["ws://sfu.example.org", "has the scheme ws:"],
    ["http://sfu.example.org", "has the scheme http:"],
    ["ftp://sfu.example.org", "has the scheme ftp:"],
    [undefined, "is missing"],
  ])("may not be %s, because it %s", (url, fault) => expect(sfuUrlFault(url, own)).toBe(fault));

  test("has a name of the public internet if another member named its service", () => {
    expect(sfuUrlFault("wss://sfu.example.org", named)).toBeUndefined();
    expect(sfuUrlFault("wss://192.168.1.1", named)).toBe("is not a name of the public internet");
    expect(sfuUrlFault("ws://localhost:7880", named)).toBe("has the scheme ws:");
  });
});

test("slashes at the end of a URL are removed in linear time", () => {
  expect(withoutEndSlashes("https://rtc.example.org/jwt//")).toBe("https://rtc.example.org/jwt");
  expect(withoutEndSlashes("https://rtc.example.org")).toBe("https://rtc.example.org");
  expect(withoutEndSlashes("/".repeat(60_000))).toBe("");
});
