// Floods of ring events: those of some users do not silence the ring of another one, and what is kept is bounded.
import { take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { RingLog } from "../../src/ringing/ring-log.ts";
import { happens } from "../support/happens.ts";
import { alice, bob, carl, scene, slot, soundOf, sounds } from "./scene.ts";

const ring = { slot_id: slot, sender_ts: 0, lifetime: 90_000, "m.mentions": { user_ids: [bob] } };
const type = "org.matrix.msc4075.rtc.notification";

const event = (index: number, sender: string, content: object, of = type) => ({
  type: of,
  sender,
  eventId: `$${sender}${index}`,
  originServerTs: index,
  content,
});

describe("A flood of ring events", () => {
  it(
    "of one user, most of them malformed, does not silence the ring of another user",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b } = scene();
      happens(cold, "                         a 999ms f", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob], lifetimeMs: 10_000 })
            .subscribe(),
        f: () => {
          for (let index = 0; index < 300; index += 1)
            home.sendEvent(roomId, { type, sender: carl, content: index % 3 ? { ...ring, lifetime: -index } : {} });
        },
      });
      expectObservable(soundOf(b.ringing()), "^ 20s !").toBe("s 99ms r 9899ms s", sounds);
    }),
  );

  it(
    "is in the trace once for each ring that is refused, also if there are thousands",
    marbles(({ flush }) => {
      const { home, roomId, b } = scene();
      const refused: string[] = [];
      const bobs = b.ringing();
      bobs.trace$.subscribe((entry) => entry.kind === "ring-refused" && refused.push(entry.ringId));
      const following = bobs.rings$.subscribe();
      const notForBob = { ...ring, "m.mentions": { user_ids: [alice] } };
      timer(10, 10)
        .pipe(take(21))
        .subscribe((tenMs) => {
          for (let index = 0; index < 100; index += 1) {
            const sender = `@u${tenMs}-${index % 10}:x.org`;
            home.sendEvent(roomId, { type, sender, content: index < 50 ? notForBob : { slot_id: 1 } });
          }
        });
      flush();
      following.unsubscribe();
      expect([refused.length, new Set(refused).size]).toEqual([2_100, 2_100]);
    }),
  );

  it("of 40 users leaves 1,000 events at most, 50 of each", () => {
    const log = new RingLog();
    for (let index = 0; index < 200; index += 1)
      for (let user = 0; user < 40; user += 1) log.put(event(index, `@u${user}:x.org`, ring), index, () => undefined);
    expect(log.rings.length).toBe(1_000);
    const one = new RingLog();
    for (let index = 0; index < 200; index += 1) one.put(event(index, alice, ring), index, () => undefined);
    expect(one.rings.length).toBe(50);
  });

  it("of declines counts for the ring that they name and for a few beside it", () => {
    const log = new RingLog({ room: 100_000, sender: 100_000 });
    for (let index = 0; index < 100; index += 1) log.put(event(index, alice, ring), index, () => undefined);
    for (let user = 0; user < 500; user += 1) {
      const reference = { "m.relates_to": { rel_type: "m.reference", event_id: `$${alice}50` } };
      log.put(event(1_000, `@u${user}:x.org`, reference, "m.rtc.decline"), 1_000, () => undefined);
    }
    const counts = log.rings.map(({ declines }) => declines.size);
    expect(counts.filter((count) => count > 0)).toHaveLength(11);
    expect(counts[50]).toBe(500);
  });
});
