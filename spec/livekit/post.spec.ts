import { lastValueFrom } from "rxjs";
import { describe, expect, test } from "vitest";
import { post } from "../../src/livekit/post.ts";

const url = "https://rtc.example.org/get_token";

/** Posts to a service with this response, and returns the outcome and the options of the request. */
async function postTo(response: Response) {
  let init: RequestInit = {};
  const fetch = async (_: string, given: RequestInit) => {
    init = given;
    return response;
  };
  const outcome: unknown = await lastValueFrom(post(fetch, url, { secret: "oid1" })).catch((error: unknown) => error);
  return { outcome, init };
}

/** A response that is sent piece by piece, without a length. Counts the pieces that were read. */
function streamed(pieces: number, piece: string) {
  let count = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      count += 1;
      if (count > pieces) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
  return { response: new Response(body), read: () => count };
}

describe("a request to an authorisation service", () => {
  test("does not follow a redirect, which would carry the token to an address that was not checked", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { outcome, init } = await postTo(
        new Response(null, { status, headers: { Location: "https://evil.example" } }),
      );
      expect(init.redirect).toBe("manual");
      expect(outcome).toMatchObject({
        kind: "other",
        message: "the authorisation service redirects to another address",
      });
    }
  });

  test("recognises a redirect that the browser hides", async () => {
    const { outcome } = await postTo({ type: "opaqueredirect", status: 0, headers: new Headers() } as Response);
    expect(outcome).toMatchObject({ kind: "other", message: "the authorisation service redirects to another address" });
  });

  test("stops reading a response after 64 KiB", async () => {
    const { response, read } = streamed(1_000, "x".repeat(10_000));
    const { outcome } = await postTo(response);
    expect(outcome).toMatchObject({ kind: "other", message: "the response of the authorisation service is too long" });
    expect(read()).toBeLessThan(10);
  });

  test("does not begin to read a response that announces more than 64 KiB", async () => {
    const { outcome } = await postTo(new Response("{}", { headers: { "Content-Length": "70000" } }));
    expect(outcome).toMatchObject({ kind: "other" });
  });

  test("reads a response that comes in pieces, also within a character", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ name: "Zoë" }));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect((await postTo(new Response(body))).outcome).toEqual({ name: "Zoë" });
  });

  test("reads a response without a stream, as in React Native", async () => {
    const response = { status: 200, headers: new Headers(), text: async () => '{"a":1}' } as Response;
    expect((await postTo(response)).outcome).toEqual({ a: 1 });
    const long = { status: 200, headers: new Headers(), text: async () => `"${"x".repeat(70_000)}"` } as Response;
    expect((await postTo(long)).outcome).toMatchObject({ kind: "network" });
  });

  test.each([
    [429, "M_LIMIT_EXCEEDED", "rate-limited"],
    [400, "M_LIMIT_EXCEEDED", "rate-limited"],
    [429, undefined, "rate-limited"],
    [500, "M_UNKNOWN", "network"],
    [404, "M_UNRECOGNIZED", "not-found"],
    [404, undefined, "network"],
    [401, "M_UNAUTHORIZED", "forbidden"],
    [401, undefined, "network"],
    [403, "M_FORBIDDEN", "forbidden"],
    [400, "M_BAD_JSON", "other"],
    [400, undefined, "network"],
  ])("with the status %s and the error code %s has the kind %s", async (status, errcode, kind) => {
    const body = errcode === undefined ? "<html>" : JSON.stringify({ errcode, error: "oid1" });
    const { outcome } = await postTo(new Response(body, { status }));
    expect(outcome).toMatchObject({ kind });
    expect(String(outcome)).not.toContain("oid1");
  });

  test("takes the wait of a rate limit from the body if there is no header", async () => {
    const limited = Response.json({ errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 900 }, { status: 429 });
    expect((await postTo(limited)).outcome).toMatchObject({ kind: "rate-limited", retryAfterMs: 900 });
  });
});
