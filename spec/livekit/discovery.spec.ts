import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { livekitTransport } from "../../src/livekit/discovery.ts";
import { marbles } from "../support/marbles.ts";

const livekit = (host: string) => ({ type: "livekit", livekit_service_url: `https://${host}.example.org` });
const a = livekit("a");
const b = livekit("b");
const network = new MatrixError("network", "no answer");
const missing = new MatrixError("not-found", "no such thing");
const unasked = () => {
  throw new Error("was asked");
};

describe("the discovery of our transport", () => {
  test(
    "takes the first usable transport of the homeserver and makes no other request",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const unusable = [
        { type: "other" },
        null,
        { type: "livekit", livekit_service_url: "http://insecure.example.org" },
      ];
      const rtcTransports = cold("--(t|)", { t: [...unusable, a, b] });
      const wellKnown = cold("    --(w|)", { w: {} });
      const subs = "               ^-!";
      const expected = "           --(a|)";
      const transport$ = livekitTransport({ rtcTransports: () => rtcTransports, wellKnown: () => wellKnown });
      expectObservable(transport$).toBe(expected, { a });
      expectSubscriptions(rtcTransports.subscriptions).toBe(subs);
      expectSubscriptions(wellKnown.subscriptions).toBe([]);
    }),
  );

  test(
    "uses the well-known file if the homeserver has no such endpoint",
    marbles(({ cold, expectObservable }) => {
      const rtcTransports = cold<undefined>("--(u|)", { u: undefined });
      const wellKnown = cold("      ---(w|)", { w: { "org.matrix.msc4143.rtc_foci": [b] } });
      const expected = "           -----(b|)";
      const transport$ = livekitTransport({ rtcTransports: () => rtcTransports, wellKnown: () => wellKnown });
      expectObservable(transport$).toBe(expected, { b });
    }),
  );

  test(
    "uses the fallback after errors of all other sources",
    marbles(({ cold, expectObservable }) => {
      const rtcTransports = cold<never>("--#", {}, missing);
      const wellKnown = cold("      -(w|)", { w: "not what was expected" });
      const expected = "           ---(c|)";
      const options = { fallbackServiceUrl: "https://c.example.org" };
      const transport$ = livekitTransport({ rtcTransports: () => rtcTransports, wellKnown: () => wellKnown }, options);
      expectObservable(transport$).toBe(expected, { c: livekit("c") });
    }),
  );

  const foci = (value: unknown) => ({ "org.matrix.msc4143.rtc_foci": value });
  const unreachable = new MatrixError("network", "https://example.org/.well-known/matrix/client is out of reach");
  const file = "the .well-known file of the user's domain";
  const http = { type: "livekit", livekit_service_url: "http://rtc.example.org" };
  test.each<[title: string, transports: unknown, wellKnown: unknown, about: string, cause?: MatrixError]>([
    [
      "an endpoint and a file",
      undefined,
      undefined,
      `the homeserver has no endpoint for transports; ${file} does not exist`,
    ],
    ["an error of the homeserver", missing, {}, "the homeserver could not be read (no such thing)", missing],
    ["a file that is out of reach", [], unreachable, `${file} could not be read (${unreachable.message})`, unreachable],
    ["an empty list", [], undefined, "the homeserver names no transports"],
    ["the key in the file", [], { other: 1 }, `${file} has no org.matrix.msc4143.rtc_foci`],
    ["an object in the file", [], "not what was expected", `${file} has no org.matrix.msc4143.rtc_foci`],
    ["a list in the file", [], foci({ 0: a }), `${file} has no list at org.matrix.msc4143.rtc_foci`],
    [
      "usable transports",
      [{ type: "other" }, http, null, a.type],
      foci([{ type: "livekit", livekit_service_url: "no url" }]),
      "the homeserver names 4 transports, none of which is usable " +
        "(the type other, an address that has the scheme http:, no type, 1 more); " +
        `${file} names 1 transports, none of which is usable (an address that is no URL)`,
    ],
    [
      "a type that can be shown",
      [{ type: "a b".repeat(99) }],
      undefined,
      "names 1 transports, none of which is usable (no type)",
    ],
  ])("fails and says what is missing: %s", (_, transports, wellKnown, about, cause) =>
    marbles(({ cold, expectObservable }) => {
      const answer = (value: unknown) =>
        value instanceof MatrixError ? cold<never>("-#", {}, value) : cold("-(v|)", { v: value });
      const backend = { rtcTransports: () => answer(transports) as never, wellKnown: () => answer(wellKnown) };
      const error = expect.objectContaining({
        name: "RtcError",
        code: "no-transport",
        message: expect.stringContaining(about) as unknown,
        cause,
      }) as unknown;
      expectObservable(livekitTransport(backend)).toBe("--#", {}, error);
    })(),
  );

  test(
    "tries the file once, because a domain without a web server looks like one that is out of reach",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const wellKnown = cold<never>("-#", {}, network);
      const backend = { rtcTransports: () => cold("-(u|)", { u: undefined }), wellKnown: () => wellKnown };
      const transport$ = livekitTransport(backend, { fallbackServiceUrl: "https://c.example.org" });
      expectObservable(transport$).toBe("--(c|)", { c: livekit("c") });
      expectSubscriptions(wellKnown.subscriptions).toBe("-^!");
    }),
  );

  test(
    "repeats the request to a homeserver in trouble after 2, 4, 8 and 16 s, and then uses the next source",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const rtcTransports = cold<never>("-#", {}, network);
      const wellKnown = cold("-(w|)", { w: { "org.matrix.msc4143.rtc_foci": [b] } });
      const subs = ["^!", "2001ms ^!", "6002ms ^!", "14003ms ^!", "30004ms ^!"];
      const expected = "30006ms (b|)";
      const transport$ = livekitTransport({ rtcTransports: () => rtcTransports, wellKnown: () => wellKnown });
      expectObservable(transport$).toBe(expected, { b });
      expectSubscriptions(rtcTransports.subscriptions).toBe(subs);
    }),
  );

  test(
    "waits as long as a rate limit says",
    marbles(({ cold, expectObservable }) => {
      let limited = true;
      const backend = {
        rtcTransports: () => {
          const answer = limited ? cold<never>("-#", {}, limit) : cold("-(t|)", { t: [a] });
          limited = false;
          return answer;
        },
        wellKnown: () => cold("-|"),
      };
      const limit = new MatrixError("rate-limited", "slow down", { retryAfterMs: 700 });
      expectObservable(livekitTransport(backend)).toBe("702ms (a|)", { a });
    }),
  );

  test(
    "uses the given service URL without any request",
    marbles(({ expectObservable }) => {
      const transport$ = livekitTransport(
        { rtcTransports: unasked, wellKnown: unasked },
        { serviceUrl: "https://c.example.org" },
      );
      expectObservable(transport$).toBe("(c|)", { c: livekit("c") });
    }),
  );

  test("rejects a service URL that would never be contacted", () => {
    const backend = { rtcTransports: () => [] as never, wellKnown: () => [] as never };
    expect(() => livekitTransport(backend, { serviceUrl: "http://c.example.org" })).toThrow(
      expect.objectContaining({ code: "bad-argument" }),
    );
  });
});
