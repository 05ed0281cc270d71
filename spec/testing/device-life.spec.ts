// A clock and a life for each device of the virtual homeserver.
import { asyncScheduler, concat, debounceTime, defer, delay, interval, map, of, Subject, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { encryptedSession } from "../../src/encryption/index.ts";
import { leftoverNames, memberNames, runOn } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, roomOfTwo } from "./room-of-two.ts";

const scene = () => {
  const { home, roomId } = roomOfTwo();
  return { home, phone: home.device(alice, "A"), laptop: home.device(bob, "B"), call: { roomId, slot: "m.call#ROOM" } };
};
const now$ = defer(() => of(asyncScheduler.now()));

describe("The clock of a device", () => {
  it(
    "differs from that of the test by what was set, only for code that runs on the device",
    marbles(({ expectObservable }) => {
      const { phone } = scene();
      phone.setClock(3_600_000);
      expectObservable(
        timer(5).pipe(
          map(() => asyncScheduler.now()),
          runOn(phone),
        ),
      ).toBe("-----(t|)", { t: 3_600_005 });
      expectObservable(timer(5).pipe(map(() => asyncScheduler.now()))).toBe("             -----(t|)", { t: 5 });
      expect(phone.run(() => asyncScheduler.now())).toBe(3_600_000);
      expect(asyncScheduler.now()).toBe(0);
    }),
  );

  it(
    "can be set while timers run, which fire when they would have fired anyway",
    marbles(({ cold, expectObservable }) => {
      const { phone } = scene();
      cold("-----f", { f: 500 }).subscribe((aheadMs) => phone.setClock(aheadMs));
      const ticks$ = interval(4).pipe(map(() => asyncScheduler.now()));
      expectObservable(ticks$.pipe(runOn(phone)), "^-------------!").toBe("----a---b---c", { a: 4, b: 508, c: 512 });
    }),
  );

  it.each([
    ["fast", 3_600_000],
    ["slow", -3_600_000],
  ])("can be an hour %s, and the others see the member as ever", (_, aheadMs) =>
    marbles(({ cold, expectObservable }) => {
      const { phone, laptop, call } = scene();
      cold("120m j").subscribe(() => {
        phone.setClock(aheadMs);
        const joining$ = encryptedSession(phone.matrix, call).join({ leaveOn: timer(60_000) });
        joining$.pipe(runOn(phone)).subscribe();
      });
      const names$ = encryptedSession(laptop.matrix, call).membership$.pipe(map(memberNames), runOn(laptop));
      expectObservable(names$, "^ 125m !").toBe("n 7200012ms a 59991ms n", { n: "", a: "alice" });
    })(),
  );

  it("cannot be set to a time before 1970", () =>
    marbles(() => expect(() => scene().phone.setClock(-1)).toThrow("a time before 1970"))());
});

describe("A device that sleeps", () => {
  const sleeping = (timers?: "late" | "paused") =>
    marbles(({ cold, expectObservable }) => {
      const { phone } = scene();
      const acts: Record<string, () => void> = { s: () => phone.sleep(timers), w: () => phone.wake() };
      cold("                                          -s----------w", acts).subscribe((act) => act());
      const slept$ = concat(of("a").pipe(delay(4)), of("b").pipe(delay(2))).pipe(runOn(phone));
      const expected = timers === "paused" ? "        ---------------a-(b|)" : "------------a-(b|)";
      expectObservable(slept$).toBe(expected.trim());
      expectObservable(of("a").pipe(delay(4))).toBe("----(a|)");
    });

  it("fires its overdue timers when it wakes", sleeping());
  it("fires its timers later by the length of the sleep, if its timers are paused", sleeping("paused"));

  it(
    "sends and hears nothing until it wakes",
    marbles(({ cold, expectObservable }) => {
      const { home, phone, laptop, call } = scene();
      const acts: Record<string, () => void> = { s: () => phone.sleep(), w: () => phone.wake() };
      cold("                                          -s----------------w", acts).subscribe((act) => act());
      const set = () => home.setState(call.roomId, { type: "t", sender: bob, stateKey: "", content: {} });
      cold("                                          ---x").subscribe(set);
      const changes$ = (device: typeof phone) =>
        device.matrix.changes$.pipe(
          map(({ length }) => `${length}`),
          runOn(device),
        );
      expectObservable(changes$(laptop), "            ^---------------------!").toBe("------1");
      expectObservable(changes$(phone), "             ^---------------------!").toBe("---------------------1");
      expect(phone.status).toBe("awake");
    }),
  );

  it(
    "hears cold marbles that it has subscribed to when it wakes",
    marbles(({ cold, expectObservable }) => {
      const { phone } = scene();
      const acts: Record<string, () => void> = { s: () => phone.sleep(), w: () => phone.wake() };
      cold("                                          -s-----w", acts).subscribe((act) => act());
      expectObservable(defer(() => cold("a--b--c-----d")).pipe(runOn(phone)), "^-------------!").toBe("a------(bc)-d");
    }),
  );
});

describe("A device that is killed", () => {
  it(
    "runs none of its timers, and what runs on it completes",
    marbles(({ cold, expectObservable }) => {
      const { phone } = scene();
      const log: number[] = [];
      cold("-----k").subscribe(() => phone.kill());
      const ticks$ = interval(2).pipe(map((count) => log.push(count)));
      expectObservable(ticks$.pipe(runOn(phone))).toBe("--a-b|", { a: 1, b: 2 });
      expectObservable(timer(20).pipe(map(() => [log, phone.status]))).toBe("20ms (x|)", { x: [[0, 1], "dead"] });
      expectObservable(concat(timer(9), interval(1).pipe(runOn(phone)))).toBe("---------(0|)", { 0: 0 });
    }),
  );

  it(
    "does not hear the answer to a request that reaches the server",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, laptop, call } = scene();
      const event = { roomId: call.roomId, type: "org.matrix.msc3401.call.member", stateKey: "_x", content: { n: 1 } };
      cold("-k").subscribe(() => laptop.kill());
      expectObservable(laptop.matrix.send(event)).toBe("");
      expectObservable(laptop.matrix.send(event).pipe(runOn(laptop))).toBe("-|");
      flush();
      expect(laptop.leftovers()).toEqual({ timers: 0, listeners: 0, subscriptions: 0, requests: 0, delayedEvents: 0 });
      expect(home.requestCount).toBe(2);
    }),
  );
});

describe("A page that is reloaded", () => {
  it(
    "has another port, which knows the rooms, and the code of the page before is gone",
    marbles(({ cold, expectObservable }) => {
      const { phone, call } = scene();
      const before = phone.matrix;
      cold("-----r").subscribe(() => phone.reload());
      expectObservable(interval(2).pipe(runOn(phone))).toBe("--a-b|", { a: 0, b: 1 });
      const same$ = timer(6).pipe(
        map(() => [phone.matrix === before, phone.matrix.hasRoom(call.roomId), phone.status]),
      );
      expectObservable(same$).toBe("------(x|)", { x: [false, true, "awake"] });
    }),
  );

  it(
    "joins again at once, and once more when the delayed leave of the page before has fired",
    marbles(({ cold, expectObservable }) => {
      const { phone, laptop, call } = scene();
      const join = () =>
        encryptedSession(phone.matrix, call)
          .join({ leaveOn: timer(30_000) })
          .pipe(runOn(phone))
          .subscribe();
      join();
      cold("10s r").subscribe(() => {
        phone.reload();
        join();
      });
      const stays$ = encryptedSession(laptop.matrix, call).membership$.pipe(
        map((members) => members.map(({ instance }) => instance)),
      );
      const stays: string[] = [];
      stays$.subscribe(([instance]) => instance !== undefined && !stays.includes(instance) && stays.push(instance));
      expectObservable(timer(60_000).pipe(map(() => stays.length))).toBe("1m (n|)", { n: 3 });
    }),
  );
});

describe("What is left of a device", () => {
  it(
    "is counted: timers, listeners, subscriptions, requests and delayed events, and is nothing after a leave",
    marbles(({ cold, expectObservable }) => {
      const { home, phone, call } = scene();
      const hangUp$ = new Subject<void>();
      const joining$ = encryptedSession(phone.matrix, call).join({ leaveOn: hangUp$ });
      joining$.pipe(runOn(phone)).subscribe();
      cold("20s l").subscribe(() => phone.run(() => hangUp$.next()));
      const words$ = (atMs: number) => timer(atMs).pipe(map(() => leftoverNames(phone.leftovers())));
      expectObservable(words$(1)).toBe("-(x|)", { x: "1 timer, 1 listener, 1 subscription, 1 request" });
      expectObservable(words$(10_000)).toBe("10s (x|)", { x: "2 timers, 1 listener, 1 subscription, 1 delayed event" });
      expectObservable(words$(30_000)).toBe("30s (x|)", { x: "nothing" });
      expectObservable(timer(30_000).pipe(map(() => leftoverNames(home.leftovers())))).toBe("30s (x|)", {
        x: "nothing",
      });
    }),
  );
});

it(
  "operators that set a timer again and again work on a device: debounceTime",
  marbles(({ cold, expectObservable }) => {
    const { phone } = scene();
    expectObservable(defer(() => cold("ab-c----d|").pipe(debounceTime(3))).pipe(runOn(phone))).toBe("------c--(d|)");
    expectObservable(now$.pipe(runOn(phone))).toBe("(n|)", { n: 0 });
  }),
);
