// readOlder: messages of the past in messages$.
import { map, merge, type Observable, Subject } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { type Matrix, MatrixError, type TimelineChange } from "../../../src/matrix.ts";
import { matrixRoom, type RoomOptions } from "../../../src/room/index.ts";
import { marbles } from "../../support/marbles.ts";
import { scene, wordOf, words } from "./scene.ts";

/** A room of a client that holds its two newest events only. A request takes 4 ms. */
function shortMemory({ port, ...options }: RoomOptions & { readonly port?: Partial<Matrix> } = {}) {
  const base = scene();
  const { matrix, roomId } = base;
  const { timeline } = matrix;
  const gap$ = new Subject<readonly TimelineChange[]>();
  const holding: Matrix = {
    ...matrix,
    timeline: (id) => [...timeline!(id)].slice(-2),
    timeline$: merge(matrix.timeline$!, gap$),
    ...port,
  };
  const missEvents = () => gap$.next([{ kind: "gap", roomId }]);
  return { ...base, missEvents, room: matrixRoom(holding, roomId, options) };
}

const inWords = (hasMore$: Observable<boolean>) => hasMore$.pipe(map((hasMore) => (hasMore ? "more" : "all")));

describe("readOlder", () => {
  test(
    "reads page after page into messages$, and applies the edits and reactions that came on newer pages",
    marbles(({ cold, expectObservable }) => {
      const { room, say, react } = shortMemory();
      const a = say("a");
      const b = say("b");
      const relation = { rel_type: "m.replace", event_id: a };
      say("* A", undefined, { "m.new_content": { msgtype: "m.text", body: "A" }, "m.relates_to": relation });
      react(b, "👍");
      for (const body of ["c", "d"]) say(body);
      const shown$ = room.messages$.pipe(
        map((messages) => messages.map((each) => wordOf(each) + each.reactions.map(({ key }) => key).join("")).join()),
      );
      cold("                      -----a----b").subscribe(() => room.readOlder(5).subscribe());
      expectObservable(shown$, "  ----^ 30ms !").toBe("----n----b----a", { n: "c,d", b: "b👍,c,d", a: "A,b👍,c,d" });
    }),
  );

  test(
    "emits whether there may be more",
    marbles(({ cold, expectObservable }) => {
      const { room, say } = shortMemory();
      say("a");
      room.messages$.subscribe();
      expectObservable(inWords(room.readOlder(1))).toBe("----(m|)", { m: "more" });
      cold("                                      -----r").subscribe(() =>
        expectObservable(inWords(room.readOlder(50))).toBe("---------(a|)", { a: "all" }),
      );
    }),
  );

  test(
    "goes beyond `messageCount`",
    marbles(({ cold, expectObservable }) => {
      const { room, say } = shortMemory({ messageCount: 2 });
      for (const body of ["a", "b", "c", "d"]) say(body);
      cold("                           -----r").subscribe(() => room.readOlder(3).subscribe());
      expectObservable(words(room), "  ----^ 30ms !").toBe("----n----o", { n: "c|d", o: "b|c|d" });
    }),
  );

  test(
    "keeps the messages that were there before",
    marbles(({ cold, flush }) => {
      const { room, say } = shortMemory();
      for (const body of ["a", "b", "c"]) say(body);
      const lists: unknown[][] = [];
      cold("-----s").subscribe(() => room.messages$.subscribe((messages) => lists.push([...messages])));
      cold("------r").subscribe(() => room.readOlder(3).subscribe());
      flush();
      expect(lists.map(({ length }) => length)).toEqual([2, 3]);
      expect(lists[1]?.slice(1).every((message, at) => message === lists[0]?.[at])).toBe(true);
    }),
  );

  test(
    "starts again at the newest page after a gap, and drops a page that was asked for before it",
    marbles(({ cold, expectObservable }) => {
      const { room, say, missEvents } = shortMemory();
      for (const body of ["a", "b", "c", "d"]) say(body);
      cold("                      -----r-----g--r-g--r", {
        r: () => room.readOlder(3).subscribe(),
        g: missEvents,
      }).subscribe((act) => act());
      expectObservable(words(room), "----^ 40ms !").toBe("----n----o-g-----------o", {
        n: "c|d",
        o: "b|c|d",
        g: "c|d",
      });
    }),
  );

  test(
    "holds what it has read until the last unsubscribe",
    marbles(({ cold, flush }) => {
      const { room, say } = shortMemory();
      for (const body of ["a", "b", "c"]) say(body);
      const counts: number[] = [];
      const count = () => counts.push(room.messages$.value.length);
      const subscription = cold("-----s");
      subscription.subscribe(() => {
        const following = room.messages$.subscribe();
        room.readOlder(3).subscribe({
          complete: () => {
            count();
            following.unsubscribe();
            count();
          },
        });
      });
      flush();
      expect(counts).toEqual([3, 2]);
    }),
  );

  test(
    "is tried again, and fails as all sending does",
    marbles(({ expectObservable }) => {
      const { home, room } = shortMemory();
      home.injectFault({ request: "messages" }, { fail: new MatrixError("network", "lost") });
      home.injectFault({ request: "messages" }, { fail: new MatrixError("forbidden", "no") });
      const failure = expect.objectContaining({ name: "RtcError", code: "forbidden" });
      expectObservable(room.readOlder()).toBe("4ms 1s 4ms #", undefined, failure);
    }),
  );

  it("fails with unsupported if the port cannot read the past", () => {
    const { room } = shortMemory({ port: { olderEvents: undefined as never } });
    const errors: unknown[] = [];
    room.readOlder().subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.objectContaining({ code: "unsupported" })]);
  });
});
