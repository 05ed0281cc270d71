// When our own server changes, our media goes on at the old one until the new one is connected.
import { filter, map, type Observable } from "rxjs";
import { describe, it } from "vitest";
import type { ConnectionStatus } from "../../src/livekit-node/sfu-connection.ts";
import { sfuConnections, type SfuConnectionState } from "../../src/livekit-node/sfu-connections.ts";
import type { PlannedSfu } from "../../src/livekit-node/sfu-plan.ts";
import { marbles } from "../support/marbles.ts";

const planned = (text: string): readonly PlannedSfu[] =>
  text.split(" ").map((url, at) => ({ url, purpose: at === 0 ? "publish" : "subscribe", namedBy: undefined }));

/** `A connected` publishes, `b connecting` only receives. */
const words = (connections: readonly SfuConnectionState[]): string =>
  connections
    .map(({ url, isPublishing, status }) => `${isPublishing ? url.toUpperCase() : url} ${status.status}`)
    .join(", ");

const connected = (of$: Observable<unknown>): Observable<ConnectionStatus> =>
  of$.pipe(map(() => ({ status: "connected", live: {} as never })));

describe("The connections of a call", () => {
  it(
    "move our media to a new server once it is connected, and then leave the old one",
    marbles(({ hot, cold, expectObservable }) => {
      const plan$ = hot("  a---b----", { a: planned("a"), b: planned("b") });
      const connect = () => connected(cold("--c"));
      const seen$ = sfuConnections(plan$, ({ url }) => url, connect).pipe(map(words));
      expectObservable(seen$).toBe("p-q-r-s", {
        p: "A connecting",
        q: "A connected",
        r: "A connected, B connecting",
        s: "B connected",
      });
    }),
  );

  it(
    "stop publishing on the old server, and go on receiving there, if others are still on it",
    marbles(({ hot, cold, expectObservable }) => {
      const plan$ = hot("   a---b----", { a: planned("a"), b: planned("b a") });
      const published: string[] = [];
      const connect = ({ url }: PlannedSfu, isPublishing$: Observable<boolean>) => {
        isPublishing$.subscribe((is) => published.push(`${url} ${is}`));
        return connected(cold("--c"));
      };
      const seen$ = sfuConnections(plan$, ({ url }) => url, connect).pipe(
        map(words),
        map((text) => `${text}; ${published.splice(0).join()}`),
      );
      expectObservable(seen$).toBe("p-q-r-s", {
        p: "A connecting; a true",
        q: "A connected; ",
        r: "A connected, B connecting; b true",
        s: "a connected, B connected; a false",
      });
    }),
  );

  it(
    "end when the plan is empty",
    marbles(({ hot, cold, expectSubscriptions, expectObservable }) => {
      const plan$ = hot("       a----n", { a: planned("a b"), n: [] });
      const connection$ = cold("--c");
      const connect = () => connected(connection$);
      const ended$ = sfuConnections(plan$, ({ url }) => url, connect).pipe(
        map(words),
        filter((text) => text === ""),
      );
      expectObservable(ended$).toBe("-----n", { n: "" });
      expectSubscriptions(connection$.subscriptions).toBe(["^----!", "^----!"]);
    }),
  );
});
