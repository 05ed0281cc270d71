import { catchError, EMPTY, map, mergeMap, NEVER, of, switchMap } from "rxjs";
import { describe, expect, test } from "vitest";
import type { RtcErrorCode } from "../../src/errors.ts";
import { livekitTransport } from "../../src/livekit/discovery.ts";
import { sfuToken, type SfuTokenRequest } from "../../src/livekit/token.ts";
import { type Answer, type Asked, fakeFetch } from "./fake-fetch.ts";
import { marbles } from "../support/marbles.ts";

/** Base64url, as in a JWT. */
const encode = (value: object) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
const payload = {
  iss: "APIkey",
  sub: "@zoë:example.org:Ω?>~",
  video: { room: "0F0AHVM3zuFgQRib6BxN2Fq83Yex8MEF0hSPvSXQ2wE" },
};
const jwtOf = (sub: string) => `${encode({ alg: "HS256" })}.${encode({ ...payload, sub })}.signature`;
const jwt = jwtOf(payload.sub);
const url = "wss://rtc.example.org/livekit/sfu";
const given: Answer = { status: 200, body: { url, jwt } };
const token = { url, jwt, alias: payload.video.room, identity: payload.sub, lifeMs: 3_600_000 };

const state = {
  kind: "state",
  userId: "@zoë:example.org",
  deviceId: "Ω?>~",
  memberId: payload.sub,
  participantIdentity: payload.sub,
} as const;
const sticky = {
  kind: "sticky",
  userId: "@bob:example.org",
  deviceId: "PHONEXYZ",
  memberId: "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11",
  participantIdentity: "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
} as const;
/** Vector V4 of the protocol. */
const hashed = "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk";
const request: SfuTokenRequest = {
  transport: { type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt/" },
  roomId: "!kitchen:example.org",
  slot: "m.call#ROOM",
  member: state,
  purpose: "publish",
};

const openIdToken = (n: number) => ({
  access_token: `oid${n}`,
  token_type: "Bearer",
  matrix_server_name: "example.org",
  expires_in: 3600,
});

/** A backend with a new OpenID token for each request. */
const backend = () => {
  let count = 0;
  return { openIdToken: () => of(openIdToken((count += 1))) };
};

const failing = (code: RtcErrorCode) => expect.objectContaining({ name: "RtcError", code }) as unknown as Error;
const openIdOf = ({ body }: Asked) => (body as { openid_token: unknown }).openid_token;
const pathOf = ({ url: asked }: Asked) => asked.replace("https://rtc.example.org/livekit/jwt", "");

describe("a token for our own transport", () => {
  test(
    "is requested at /sfu/get for a state member, with exactly these fields",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("-(t|)", { t: token });
      flush();
      const openid_token = openIdToken(1);
      expect(asked).toEqual([
        {
          url: "https://rtc.example.org/livekit/jwt/sfu/get",
          body: { room: "!kitchen:example.org", openid_token, device_id: "Ω?>~" },
        },
      ]);
    }),
  );

  test(
    "is requested at /get_token for a sticky member, with exactly these fields",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => ({ status: 200, body: { url, jwt: jwtOf(hashed) } }));
      const named = { ...token, jwt: jwtOf(hashed), identity: hashed };
      expectObservable(sfuToken(backend(), { ...request, member: sticky }, { fetch })).toBe("-(t|)", { t: named });
      flush();
      const member = { id: sticky.memberId, claimed_user_id: "@bob:example.org", claimed_device_id: "PHONEXYZ" };
      expect(asked).toEqual([
        {
          url: "https://rtc.example.org/livekit/jwt/get_token",
          body: { room_id: "!kitchen:example.org", slot_id: "m.call#ROOM", openid_token: openIdToken(1), member },
        },
      ]);
    }),
  );

  test(
    "fails at once for a sticky member whose service has no /get_token",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => ({ status: 404, body: { errcode: "M_UNRECOGNIZED" } }));
      expectObservable(sfuToken(backend(), { ...request, member: sticky }, { fetch })).toBe(
        "-#",
        {},
        failing("no-transport"),
      );
      flush();
      expect(asked.map(pathOf)).toEqual(["/get_token"]);
    }),
  );

  test("is refused for a state member outside m.call#ROOM", () => {
    expect(() => sfuToken(backend(), { ...request, slot: "m.call#OTHER" })).toThrow(failing("bad-argument"));
  });

  test(
    "is requested again after 2, 4, 8 and 16 s of trouble, with a new OpenID token each time",
    marbles(({ expectObservable, flush }) => {
      const troubles: Answer[] = ["unreachable", { status: 503, body: "<html>" }, { status: 500 }];
      const { fetch, asked } = fakeFetch((_, count) => troubles[count - 1] ?? given);
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("14004ms (t|)", { t: token });
      flush();
      expect(asked.map(openIdOf)).toEqual([1, 2, 3, 4].map((n) => openIdToken(n)));
    }),
  );

  test(
    "waits as long as a rate limit says",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch((_, count) => (count === 1 ? { status: 429, retryAfter: "7" } : given));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("7002ms (t|)", { t: token });
    }),
  );

  test(
    "fails after five attempts",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => "unreachable");
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("30005ms #", {}, failing("request-failed"));
    }),
  );

  test(
    "does not wait for a response forever",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch((_, count) => (count === 1 ? "silence" : given));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("12001ms (t|)", { t: token });
    }),
  );

  test("has no secret in the error of a rejected request", () => {
    const { fetch } = fakeFetch(
      () => ({ status: 401, body: { errcode: "M_UNAUTHORIZED", error: "oid1 is wrong" } }),
      0,
    );
    return new Promise<void>((resolve) => {
      sfuToken(backend(), request, { fetch }).subscribe({
        error: (error: Error) => {
          expect(error).toEqual(failing("no-transport"));
          expect(error.message).toBe("the authorisation service answered 401 M_UNAUTHORIZED");
          expect(`${error.stack} ${String(error.cause)}`).not.toContain("oid1");
          resolve();
        },
      });
    });
  });
});

describe("a token for the transport of another member", () => {
  const others = { ...request, purpose: "subscribe" } as const;

  test(
    "is requested at /get_token for any kind of member",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      expectObservable(sfuToken(backend(), others, { fetch })).toBe("-(t|)", { t: token });
      flush();
      expect(asked.map(pathOf)).toEqual(["/get_token"]);
    }),
  );

  test.each(["unreachable", { status: 404 }, { status: 400, body: { errcode: "M_NOT_JSON" } }] satisfies Answer[])(
    "is requested at /sfu/get at once after %o, with another OpenID token",
    (refusal) =>
      marbles(({ expectObservable, flush }) => {
        const { fetch, asked } = fakeFetch((one) => (pathOf(one) === "/get_token" ? refusal : given));
        expectObservable(sfuToken(backend(), others, { fetch })).toBe("--(t|)", { t: token });
        flush();
        expect(asked.map(pathOf)).toEqual(["/get_token", "/sfu/get"]);
        expect(asked.map(openIdOf)).toEqual([openIdToken(1), openIdToken(2)]);
      })(),
  );

  test(
    "is not requested at /sfu/get in a slot that this endpoint cannot name",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => ({ status: 404, body: { errcode: "M_UNRECOGNIZED" } }));
      expectObservable(sfuToken(backend(), { ...others, slot: "m.call#OTHER" }, { fetch })).toBe(
        "-#",
        {},
        failing("no-transport"),
      );
      flush();
      expect(asked.map(pathOf)).toEqual(["/get_token"]);
    }),
  );
});

describe("a token request", () => {
  test.each([
    ["wss://sfu.example.org/livekit/sfu", "wss://sfu.example.org/livekit/sfu"],
    ["https://sfu.example.org/livekit/sfu", "wss://sfu.example.org/livekit/sfu"],
  ])("accepts an SFU at %s and gives its address as %s", (said, shown) =>
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 200, body: { url: said, jwt } }));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("-(t|)", { t: { ...token, url: shown } });
    })(),
  );

  test.each([
    ["a 404", { status: 404, body: "404 page not found" }],
    ["a 403", { status: 403, body: "<html>" }],
    ["a page with the status 200", { status: 200, body: "<html>" }],
    ["JSON without an error code", { status: 401, body: {} }],
  ] satisfies [string, Answer][])("is repeated after %s of a proxy, which has answered for the service", (_, page) =>
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch((_asked, count) => (count === 1 ? page : given));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("2002ms (t|)", { t: token });
    })(),
  );

  test.each([
    ["a number of 400 digits", "9".repeat(400), 86_400],
    ["an hour", "3600", 3_600],
  ])("fails at once if the service asks to wait %s, and names the time", (_, retryAfter, seconds) =>
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 429, retryAfter, body: { errcode: "M_LIMIT_EXCEEDED" } }));
      const error = expect.objectContaining({
        code: "request-failed",
        message: `the authorisation service answered 429 M_LIMIT_EXCEEDED, and asks to wait ${seconds} s`,
      }) as unknown;
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("-#", {}, error);
    })(),
  );

  test(
    "waits half a second if the service asks for no wait",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch((_, count) => (count === 1 ? { status: 429, retryAfter: "0" } : given));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("502ms (t|)", { t: token });
    }),
  );

  test(
    "is repeated at once when the connection of the client is back",
    marbles(({ hot, expectObservable, flush }) => {
      const changes$ = hot("---e--e-e", { e: [] });
      const { fetch, asked } = fakeFetch((_, count) => (count < 3 ? "unreachable" : given));
      expectObservable(sfuToken({ ...backend(), changes$ }, request, { fetch })).toBe("-------(t|)", { t: token });
      flush();
      expect(asked).toHaveLength(3);
    }),
  );

  test(
    "keeps the wait of a rate limit when the connection is back",
    marbles(({ hot, expectObservable }) => {
      const changes$ = hot("---e", { e: [] });
      const { fetch } = fakeFetch((_, count) => (count === 1 ? { status: 429, retryAfter: "7" } : given));
      expectObservable(sfuToken({ ...backend(), changes$ }, request, { fetch })).toBe("7002ms (t|)", { t: token });
    }),
  );

  test(
    "fails if the homeserver completes without an OpenID token",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => given);
      expectObservable(sfuToken({ openIdToken: () => EMPTY }, request, { fetch })).toBe(
        "30s #",
        {},
        failing("request-failed"),
      );
    }),
  );
});

describe("a token request for the transport of another member", () => {
  const named = (userId: string, livekit_service_url: string): SfuTokenRequest => ({
    ...request,
    transport: { type: "livekit", livekit_service_url },
    namedBy: { userId },
    purpose: "subscribe",
  });
  const [mallory, trent] = ["@mallory:example.org", "@trent:example.org"];
  const refused = (about: string) =>
    expect.objectContaining({
      code: "no-transport",
      message: `the address of the authorisation service ${about}`,
    }) as unknown;

  test(
    "sends nothing to this machine or to a private network",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      const client = backend();
      for (const service of ["https://127.0.0.1/jwt", "https://10.0.0.1/jwt", "https://intranet/jwt"])
        expectObservable(sfuToken(client, named(mallory, service), { fetch })).toBe(
          "#",
          {},
          refused("is not a name of the public internet"),
        );
      expectObservable(sfuToken(client, named(mallory, "http://localhost/jwt"), { fetch })).toBe(
        "#",
        {},
        refused("has the scheme http:"),
      );
      flush();
      expect(asked).toEqual([]);
    }),
  );

  test(
    "trusts the address that our own discovery has found, also on this machine",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 200, body: { url: "ws://127.0.0.1:7880", jwt } }));
      const client = { ...backend(), rtcTransports: () => NEVER, wellKnown: () => NEVER };
      const service = "http://127.0.0.1:8080/jwt";
      const ours$ = livekitTransport(client, { serviceUrl: `${service}/` });
      const token$ = ours$.pipe(switchMap(() => sfuToken(client, named(mallory, service), { fetch })));
      expectObservable(token$).toBe("-(t|)", { t: { ...token, url: "ws://127.0.0.1:7880" } });
    }),
  );

  test(
    "refuses an SFU in a private network, whose address the named service gives",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 200, body: { url: "wss://192.168.1.1", jwt } }));
      const error = expect.objectContaining({
        code: "no-transport",
        message: "the address of the SFU is not a name of the public internet",
      }) as unknown;
      expectObservable(sfuToken(backend(), named(mallory, "https://evil.example.org"), { fetch })).toBe(
        "-#",
        {},
        error,
      );
    }),
  );

  test(
    "sends a token to three addresses for each user within an hour; those that others named do not count",
    marbles(({ cold, expectObservable }) => {
      const { fetch } = fakeFetch(() => given);
      const client = backend();
      const namedBy: Record<string, SfuTokenRequest> = {
        a: named(mallory, "https://a.example.org"),
        b: named(mallory, "https://b.example.org"),
        c: named(mallory, "https://c.example.org"),
        d: named(mallory, "https://d.example.org"),
        t: named(trent, "https://d.example.org"),
      };
      const ask = (letter: string) =>
        sfuToken(client, namedBy[letter] ?? request, { fetch }).pipe(
          map(() => "token"),
          catchError((error: Error) => of(error.message)),
        );
      const asks = cold("  abc 7ms d 9ms t 9ms d 9ms a 3599969ms d");
      const expected = "   -ttt 6ms r 10ms t 9ms t 9ms t 3599969ms t";
      const r = "the address of the authorisation service is one too many of its user: 3 within an hour";
      expectObservable(asks.pipe(mergeMap(ask))).toBe(expected, { t: "token", r });
    }),
  );

  test(
    "sends a token to 50 addresses within an hour, for all users together",
    marbles(({ flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      const client = backend();
      const outcomes: string[] = [];
      for (let n = 0; n < 60; n++)
        sfuToken(client, named(`@user${n}:example.org`, `https://host${n}.example.org`), { fetch }).subscribe({
          next: () => outcomes.push("token"),
          error: (error: Error) => outcomes.push(error.message),
        });
      flush();
      expect(asked).toHaveLength(50);
      expect(outcomes.filter((outcome) => outcome !== "token")).toEqual(
        Array.from({ length: 10 }, () => "the address of the authorisation service is one too many: 50 within an hour"),
      );
    }),
  );

  test(
    "asks mayAsk about each address that our own discovery did not find",
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      const about: unknown[] = [];
      const mayAsk = (asksFor: string, namedBy: unknown) => {
        about.push([asksFor, namedBy]);
        return false;
      };
      const service = "https://evil.example.org/jwt/";
      expectObservable(sfuToken(backend(), named(mallory, service), { fetch, mayAsk })).toBe(
        "#",
        {},
        refused("is not allowed by mayAsk"),
      );
      flush();
      expect(about).toEqual([["https://evil.example.org/jwt", { userId: mallory }]]);
      expect(asked).toEqual([]);
    }),
  );
});

describe("a token request fails", () => {
  test.each([
    ["an SFU without TLS", { url: "ws://rtc.example.org", jwt }],
    ["an SFU that is neither WebSocket nor HTTPS", { url: "ftp://rtc.example.org", jwt }],
    ["no SFU", { jwt }],
    ["no token", { url }],
    ["a token of one part", { url, jwt: "abc" }],
    ["a token that is not JSON", { url, jwt: "a.!!!.c" }],
    ["a token for somebody else", { url, jwt: jwtOf("@bob:example.org:PHONEXYZ") }],
    ["a token without a room", { url, jwt: `a.${encode({ sub: "me", video: {} })}.c` }],
    ["a token without an identity", { url, jwt: `a.${encode({ video: { room: "alias" } })}.c` }],
    ["nothing", null],
    ["a list", []],
  ])("if the service responds with %s", (_, body) =>
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 200, body }));
      expectObservable(sfuToken(backend(), request, { fetch })).toBe("-#", {}, failing("no-transport"));
    })(),
  );

  test.each([
    { type: "livekit" },
    { type: "other", livekit_service_url: "https://rtc.example.org" },
    { type: "livekit", livekit_service_url: "http://rtc.example.org" },
  ])("before anything is sent for the transport %o", (transport) =>
    marbles(({ expectObservable, flush }) => {
      const { fetch, asked } = fakeFetch(() => given);
      expectObservable(sfuToken(backend(), { ...request, transport }, { fetch })).toBe(
        "#",
        {},
        failing("no-transport"),
      );
      flush();
      expect(asked).toEqual([]);
    })(),
  );

  test(
    "but not for unsafe addresses that are allowed",
    marbles(({ expectObservable }) => {
      const insecure = { url: "ws://rtc.example.org", jwt };
      const { fetch } = fakeFetch(() => ({ status: 200, body: insecure }));
      const transport = { type: "livekit", livekit_service_url: "http://rtc.example.org" };
      const token$ = sfuToken(backend(), { ...request, transport }, { fetch, allowInsecure: true });
      expectObservable(token$).toBe("-(t|)", { t: { ...token, url: insecure.url } });
    }),
  );
});
