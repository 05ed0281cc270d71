// What a network can do to requests, sync responses and to-device messages of the virtual homeserver.
import { map, mergeMap, take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, roomOfTwo, wordsOf } from "./room-of-two.ts";

const phone = { userId: alice, deviceId: "A" };
const laptop = { userId: bob, deviceId: "B" };
const refused = new MatrixError("other", "refused");

/** The outcomes of `count` sends, one every 10 ms: `s` sent, `x` refused, `.` no answer. */
function outcomes(
  { b, state }: ReturnType<typeof roomOfTwo>,
  count: number,
): { readonly sending$: ReturnType<typeof timer>; readonly log: string[] } {
  const log = Array.from({ length: count }, () => ".");
  const send = (at: number) =>
    b.send({ ...state, content: { at } }).subscribe({ next: () => (log[at] = "s"), error: () => (log[at] = "x") });
  timer(0, 10)
    .pipe(take(count))
    .subscribe((at) => send(at));
  return { sending$: timer(10 * count), log };
}

describe("A fault of requests", () => {
  const patterns = [
    ["the next one", {}, "xsssssss"],
    ["a number of them", { times: 3 }, "xxxsssss"],
    ["those after some that are spared", { after: 2, times: 2 }, "ssxxssss"],
    ["those of a span of time", { forMs: 35 }, "xxxxssss"],
    ["some, by chance", { probability: 0.5 }, "sxsssxss"],
    ["a number of them, by chance", { probability: 0.5, times: 2 }, "sxsssxss"],
  ] as const;
  for (const [title, timing, expected] of patterns)
    it(
      `hits ${title}`,
      marbles(({ expectObservable }) => {
        const scene = roomOfTwo();
        scene.home.injectFault({ request: "send" }, { fail: refused, ...timing });
        const { sending$, log } = outcomes(scene, 8);
        expectObservable(sending$.pipe(map(() => log.join("")))).toBe("80ms (x|)", { x: expected });
      }),
    );

  it(
    "is the same for the same seed, and another one for another seed",
    marbles(({ expectObservable }) => {
      const drawn = (seed: number) => {
        const scene = roomOfTwo({ seed });
        scene.home.injectFault({}, { fail: refused, probability: 0.5 });
        return outcomes(scene, 30).log;
      };
      const [one, same, other] = [drawn(7), drawn(7), drawn(8)];
      const found$ = timer(300).pipe(map(() => [one.join() === same.join(), one.join() === other.join()]));
      expectObservable(found$).toBe("300ms (x|)", { x: [true, false] });
    }),
  );

  it(
    "can be chosen by a predicate, for one device and one kind of request",
    marbles(({ expectObservable }) => {
      const { home, a, b, state } = roomOfTwo();
      home.injectFault(({ userId, request }) => userId === bob && request === "send", { fail: refused, forMs: 100 });
      expectObservable(b.send(state)).toBe("----#", undefined, refused);
      expectObservable(a.send(state).pipe(map(() => "s"))).toBe("----(s|)");
      expectObservable(b.openIdToken().pipe(map(() => "s"))).toBe("----(s|)");
    }),
  );

  it(
    "can make each way late by itself",
    marbles(({ expectObservable }) => {
      const { home, roomId, b, state } = roomOfTwo();
      home.injectFault({}, { requestLateMs: 10 });
      home.injectFault({}, { lateMs: 10 });
      const arrived$ = home.event$.pipe(map(({ content }) => String((content as { n: number }).n)));
      const sent = (n: number) => b.send({ ...state, stateKey: `_${n}`, content: { n } }).pipe(map(() => "s"));
      expectObservable(arrived$, "^--------------!").toBe("--2---------1");
      expectObservable(sent(1)).toBe("                    --------------(s|)");
      expectObservable(sent(2)).toBe("                    --------------(s|)");
      expect(home.events(roomId)).toHaveLength(4);
    }),
  );

  it(
    "with a least and a most delay makes requests overtake each other",
    marbles(({ expectObservable }) => {
      const { home, b, state } = roomOfTwo();
      home.injectFault({}, { requestLateMs: [0, 30], forMs: 1_000 });
      const order: number[] = [];
      home.event$.subscribe(({ content }) => order.push((content as { n: number }).n));
      timer(0, 1)
        .pipe(
          take(5),
          mergeMap((n) => b.send({ ...state, stateKey: `_${n}`, content: { n } })),
        )
        .subscribe();
      expectObservable(timer(100).pipe(map(() => order.join("")))).toBe("100ms (x|)", { x: "12034" });
    }),
  );
});

describe("A fault of sync responses", () => {
  const scene = () => {
    const { home, roomId, a, b } = roomOfTwo();
    let count = 0;
    const put = (type = "t") => home.setState(roomId, { type, sender: bob, stateKey: `${(count += 1)}`, content: {} });
    return { home, roomId, a, b, put };
  };

  it(
    "can make one late, and later changes come with the next one",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, put } = scene();
      home.injectSyncFault(phone, { lateMs: 10 });
      cold("x-----x").subscribe(() => put());
      expectObservable(wordsOf(a).pipe(map((word) => word.at(-1)!)), "^------------------!").toBe("-------------1--2");
      expectObservable(wordsOf(b).pipe(map((word) => word.at(-1)!)), "^------------------!").toBe("---1-----2");
    }),
  );

  it(
    "can lose one: the device asks again, and gets everything together",
    marbles(({ cold, expectObservable }) => {
      const { home, a, put } = scene();
      home.injectSyncFault(phone, { lose: true });
      cold("x-----x").subscribe(() => put());
      const sizes$ = a.changes$.pipe(map(({ length }) => `${length}`));
      expectObservable(sizes$, "^ 4s !").toBe("3006ms 2");
    }),
  );

  it(
    "can bring one twice",
    marbles(({ cold, expectObservable }) => {
      const { home, a, put } = scene();
      home.injectSyncFault({}, { twice: true });
      cold("x").subscribe(() => put());
      expectObservable(a.changes$.pipe(map(({ length }) => `${length}`)), "^------!").toBe("---(11)");
    }),
  );

  it(
    "can leave a gap: state and sticky events are there, other events of the timeline are not",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, put } = scene();
      home.injectSyncFault(phone, { limited: true });
      cold("x").subscribe(() => {
        put();
        home.sendEvent(roomId, { type: "m.room.message", sender: bob, content: {} });
        home.sendSticky(roomId, { type: "s", sender: bob, content: {} });
      });
      const changes$ = a.timeline$!.pipe(map((batch) => batch.map(({ kind }) => kind).join()));
      expectObservable(changes$, "   ^------!").toBe("---g", { g: "gap" });
      expectObservable(wordsOf(a), " ^------!").toBe("---(ts)", { t: "t 1", s: "s cleartext" });
      expectObservable(timer(5).pipe(map(() => [...a.timeline!(roomId)]))).toBe("-----(x|)", { x: [] });
    }),
  );

  it(
    "can stall while requests are answered, and collect many changes into one batch",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, put } = scene();
      const acts: Record<string, () => unknown> = {
        x: () => put(),
        s: () => home.adjust(phone, { sync: "stalled" }),
        r: () => home.adjust(phone, { sync: "running" }),
      };
      home.adjust(laptop, { syncMs: 12 });
      cold("                              s-x---x-------r", acts).subscribe((act) => act());
      const sizes$ = (client: typeof a) => client.changes$.pipe(map(({ length }) => `${length}`));
      expectObservable(sizes$(a), "       ^------------------!").toBe("-----------------2");
      expectObservable(sizes$(b), "       ^------------------!").toBe("--------------2");
      expectObservable(a.openIdToken().pipe(map(() => "s"))).toBe("----(s|)");
    }),
  );
});

describe("A fault of to-device messages", () => {
  const received = (a: ReturnType<typeof roomOfTwo>["a"]) =>
    a.toDevice$.pipe(map(({ content }) => String((content as { n: number }).n)));

  it(
    "can lose one after the server has acknowledged it",
    marbles(({ expectObservable }) => {
      const { home, a, b } = roomOfTwo();
      home.injectMessageFault({ to: phone, type: "t" }, { lose: true });
      expectObservable(b.sendToDevice([phone], "t", { n: 1 }).pipe(map(({ outcome }) => outcome))).toBe("----(s|)", {
        s: "sent",
      });
      timer(5)
        .pipe(mergeMap(() => b.sendToDevice([phone], "t", { n: 2 })))
        .subscribe();
      expectObservable(received(a), "^------------!").toBe("----------2");
    }),
  );

  it(
    "can make one late, and so change their order",
    marbles(({ expectObservable }) => {
      const { home, a, b } = roomOfTwo();
      home.injectMessageFault(({ sender }) => sender === bob, { lateMs: 10 });
      for (const n of [1, 2]) b.sendToDevice([phone], "t", { n }).subscribe();
      expectObservable(received(a), "^-----------------!").toBe("-----2---------1");
    }),
  );
});
