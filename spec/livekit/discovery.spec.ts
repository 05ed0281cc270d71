import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { RtcError } from "../../src/errors.ts";
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

  test(
    "fails with the last error as cause if no source names a usable transport",
    marbles(({ cold, expectObservable }) => {
      const rtcTransports = cold<never>("--#", {}, missing);
      const wellKnown = cold("      -(w|)", { w: { "org.matrix.msc4143.rtc_foci": { 0: a } } });
      const expected = "           ---#";
      const transport$ = livekitTransport({ rtcTransports: () => rtcTransports, wellKnown: () => wellKnown });
      const error = new RtcError("no-transport", "found no usable LiveKit transport", { cause: missing });
      expectObservable(transport$).toBe(expected, {}, error);
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
