// What subscribing costs: one listener on each stream of the port, nothing that stays, no part of it in other subpaths.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BehaviorSubject, Observable, type Subscription } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Matrix } from "../../../src/matrix.ts";
import { matrixRoom, presenceOf } from "../../../src/room/index.ts";
import { importsIn } from "../../house/layers.ts";
import { alice, bob, scene } from "./scene.ts";

const streamsOf = (matrix: Matrix, roomId: string): Observable<unknown>[] => {
  const room = matrixRoom(matrix, roomId);
  const { reactions$, raisedHands$ } = room.inCall({ membership$: new BehaviorSubject([]) });
  return [
    room.name$,
    room.topic$,
    room.avatar$,
    room.members$,
    room.profile$(bob),
    room.permissions$(bob),
    room.joinRule$,
    room.aliases$,
    room.state$("m.room.encryption"),
    room.messages$,
    room.receipts$,
    room.typing$,
    room.malformed$,
    reactions$,
    raisedHands$,
    presenceOf(matrix, bob),
  ];
};

describe("All streams of several rooms of a client", () => {
  it("listen to each stream of the port once, and to none after the last of them is unsubscribed", () => {
    const { home, roomId } = scene();
    const listeners: Record<string, number> = { changes$: 0, timeline$: 0, ephemeral$: 0 };
    const counted = (name: string, source$: Observable<unknown>) =>
      new Observable((subscriber) => {
        listeners[name]! += 1;
        subscriber.add(() => (listeners[name]! -= 1));
        return source$.subscribe(subscriber);
      });
    const other = home.createRoom({ members: [alice, bob] });
    const port = { ...home.client(alice, "LAPTOP") };
    for (const name of ["changes$", "timeline$", "ephemeral$"] as const)
      Object.assign(port, { [name]: counted(name, port[name]!) });

    const streams = [...streamsOf(port, roomId), ...streamsOf(port, other)];
    expect(listeners).toEqual({ changes$: 0, timeline$: 0, ephemeral$: 0 });
    const subscriptions: Subscription[] = streams.map((each$) => each$.subscribe());
    expect(listeners).toEqual({ changes$: 1, timeline$: 1, ephemeral$: 1 });
    for (const each of subscriptions) each.unsubscribe();
    expect(listeners).toEqual({ changes$: 0, timeline$: 0, ephemeral$: 0 });
  });

  it("can be read without being subscribed to, and then listen to nothing", () => {
    const { matrix, roomId } = scene();
    const failing = new Observable<never>(() => {
      throw new Error("subscribed");
    });
    const port = { ...matrix, changes$: failing, timeline$: failing, ephemeral$: failing };
    for (const each$ of streamsOf(port, roomId)) if ("value" in each$) void each$.value;
  });
});

describe("The other subpaths", () => {
  const src = fileURLToPath(new URL("../../../src/", import.meta.url));
  /** Everything that a file imports, and what that imports. */
  const reachable = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(file) || !file.endsWith(".ts")) return seen;
    seen.add(file);
    for (const { to } of importsIn(file, readFileSync(src + file, "utf8"))) reachable(to, seen);
    return seen;
  };

  it.each(["index.ts", "js-sdk/index.ts", "livekit/index.ts", "port/index.ts", "testing/index.ts"])(
    "import no byte of it: %s",
    (file) => expect([...reachable(file)].filter((path) => /^room\/(events|streams|index)/.test(path))).toEqual([]),
  );

  it("are not imported by it either, beside the base of the core", () =>
    expect(
      [...reachable("room/index.ts")].filter((path) =>
        /^(membership|join|keys|sessions|session|index|watch)/.test(path),
      ),
    ).toEqual([]));
});
