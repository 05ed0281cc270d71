// Relay servers: asked for once, renewed in time, and none where there are none.
import { type Observable, of, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { iceServers, readTurnServer } from "../../src/webrtc/turn.ts";
import { marbles } from "../support/marbles.ts";

const answer = {
  username: "1769086400:ada",
  password: "secret",
  uris: ["turn:t.example:3478?transport=udp", "turns:t.example:5349?transport=tcp"],
  ttl: 86_400,
};
const server = { urls: answer.uris, username: "1769086400:ada", credential: "secret" };

describe("The answer of /voip/turnServer", () => {
  it("is one server with all its addresses (voip 49)", () => {
    expect(readTurnServer(answer)).toEqual({ servers: [server], lifeMs: 86_400_000 });
  });

  it("without addresses is no server, never one with an empty list (mesh 13, voip 49)", () => {
    for (const none of [{}, { ...answer, uris: [] }, { ...answer, uris: "turn:t.example" }, undefined, [], "x"])
      expect(readTurnServer(none).servers).toEqual([]);
  });

  it("is cleaned of what a browser refuses: other addresses, and relays without credentials", () => {
    const uris = ["http://t.example", "turn:", "turn:a b", 7, "stun:s.example", "turn:t.example"];
    expect(readTurnServer({ ...answer, uris }).servers[0]?.urls).toEqual(["stun:s.example", "turn:t.example"]);
    expect(readTurnServer({ uris }).servers).toEqual([{ urls: ["stun:s.example"] }]);
  });
});

describe("Relay servers", () => {
  const asked = (answers: readonly Observable<unknown>[]) => {
    let count = 0;
    return iceServers({ turnServer: () => answers[Math.min(count++, answers.length - 1)]! });
  };
  const named = (username: string) => of({ ...answer, username });
  const called = (username: string) => [{ ...server, username }];

  it(
    "are renewed 10 minutes before they lapse",
    marbles(({ expectObservable, cold }) => {
      const servers$ = asked([cold("--(a|)", { a: { ...answer, username: "a" } }), named("b")]);
      expectObservable(servers$, "^ 90000s !").toBe("--a 85799999ms b", { a: called("a"), b: called("b") });
    }),
  );

  it(
    "are renewed at half their life if that is short",
    marbles(({ expectObservable }) => {
      const short = (username: string) => of({ ...answer, username, ttl: 600 });
      const servers$ = asked([short("a"), short("b"), short("b")]);
      expectObservable(servers$, "^ 700s !").toBe("a 299999ms b", { a: called("a"), b: called("b") });
    }),
  );

  it(
    "keep nobody waiting for longer than 3 s",
    marbles(({ expectObservable, cold }) => {
      const servers$ = asked([cold("5s (a|)", { a: answer })]);
      expectObservable(servers$, "^ 10s !").toBe("3s n 1999ms s", { n: [], s: [server] });
    }),
  );

  it(
    "are asked for again after trouble, and never where the server forbids them or has no such thing",
    marbles(({ expectObservable }) => {
      const failing = (kind: "network" | "forbidden") => throwError(() => new MatrixError(kind, "no"));
      expectObservable(asked([failing("network"), of(answer)]), "^ 200s !").toBe("n 59999ms s", { n: [], s: [server] });
      expectObservable(asked([failing("forbidden"), of(answer)]), "^ 200s !").toBe("n", { n: [] });
      expectObservable(iceServers({}), "^ 200s !").toBe("n", { n: [] });
    }),
  );
});
