import fc from "fast-check";
import { type Observable, Subscription } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Matrix, type Membership, rtcSessions, watchSession } from "../../src/index.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { endsAfter } from "../membership/oracle.ts";
import { Play } from "../membership/play.ts";
import {
  alice,
  bob,
  carl,
  hourMs,
  roomCall,
  roomId,
  stateContent,
  stateMember,
  stickyContent,
  stickyLeave,
  stickyMember,
} from "../support/contents.ts";
import { history } from "../support/history.ts";
import { runs } from "../support/properties.ts";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A leave between two joins makes another instance for a client that saw it. */
const withoutInstance = (member: Membership) => ({ ...member, instance: undefined });

/** The streams of a session and of all sessions, subscribed to or not. */
function reading(matrix: Matrix, inRoom: string, strictSlots = false) {
  const { membership$, rejected$, slot$ } = watchSession(matrix, { roomId: inRoom, slot: roomCall, strictSlots });
  const { active$ } = rtcSessions(matrix, roomCall, { strictSlots });
  return {
    subscribe: () => {
      const all = new Subscription();
      const all$: readonly Observable<unknown>[] = [membership$, rejected$, slot$, active$];
      for (const state$ of all$) all.add(state$.subscribe());
      return all;
    },
    read: () => ({
      members: membership$.value.map(withoutInstance),
      rejected: rejected$.value,
      slot: slot$.value,
      active: [...active$.value],
    }),
  };
}

/** Compares without the price of `toEqual` if there is no difference. */
function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

describe("A session that has watched and a session that is opened now show the same", () => {
  it("in one client, after any history and at every end, active$ included", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(history(12), fc.boolean(), (batches, strictSlots) => {
        vi.clearAllTimers();
        vi.setSystemTime(0);
        const play = new Play(batches.flat(), strictSlots);
        play.client.setMembership(roomId, alice, "join");
        const live = reading(play.client, roomId, strictSlots);
        const watched = live.subscribe();
        const check = () => expectSame(live.read(), reading(play.client, roomId, strictSlots).read());
        for (const batch of batches) {
          play.batch(batch.filter(({ kind }) => kind !== "wait"));
          check();
          const untilTs = batch.reduce((ts, fact) => (fact.kind === "wait" ? ts + fact.ms : ts), play.now);
          for (const ts of [...endsAfter(play.log, play.now), untilTs]) {
            if (ts > untilTs) continue;
            vi.advanceTimersByTime(ts - play.now);
            play.until(ts);
            check();
          }
        }
        watched.unsubscribe();
        expect([play.client.listeners, vi.getTimerCount()]).toEqual([0, 0]);
      }),
      { numRuns: runs(500) },
    );
  });

  it("in two clients of a homeserver, after any honest history", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, isEncrypted) => {
        vi.clearAllTimers();
        vi.setSystemTime(0);
        const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
        const inRoom = home.createRoom({ members: [alice, bob, carl], encrypted: isEncrypted });
        const live = reading(home.client(alice, "PHONE"), inRoom);
        const watched = live.subscribe();
        const sent: string[] = [];
        steps.forEach((act, n) => {
          act({ home, inRoom, sent, encryption: isEncrypted ? "decrypted" : "cleartext" });
          vi.advanceTimersByTime(5);
          expectSame(live.read(), reading(home.client(alice, `NEW${n}`), inRoom).read());
        });
        watched.unsubscribe();
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("A call whose only member is outranked by its own earlier leave", () => {
  it("is active from the end of that leave on, although no event comes then", () => {
    const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
    const inRoom = home.createRoom({ members: [alice, carl] });
    const { active$ } = rtcSessions(home.client(alice, "PHONE"), roomCall);
    const seen: [number, number][] = [];
    const watched = active$.subscribe((rooms) => seen.push([Date.now(), rooms.size]));
    const stick = (content: object, aheadMs: number) =>
      home.sendSticky(inRoom, {
        type: stickyMember,
        sender: carl,
        content: { ...content, msc4354_sticky_key: "one" },
        originServerTs: Date.now() + aheadMs,
        durationMs: 20 * minuteMs,
      });
    stick(stickyLeave("one"), 0);
    vi.advanceTimersByTime(15 * minuteMs);
    const member = { id: "one", user_id: carl, device_id: "PHONE" };
    stick(stickyContent({ member, sticky_key: "one" }), -20 * minuteMs);
    vi.advanceTimersByTime(hourMs);
    watched.unsubscribe();
    expect(seen).toEqual([
      [0, 0],
      [20 * minuteMs, 1],
      [35 * minuteMs, 0],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

interface World {
  readonly home: ReturnType<typeof virtualHomeserver>;
  readonly inRoom: string;
  /** The ids of the events that were sent, oldest first. */
  readonly sent: string[];
  readonly encryption: "cleartext" | "decrypted";
}

type Step = (world: World) => unknown;

const minuteMs = 60_000;
const someUser = fc.constantFrom(bob, carl);
const someDevice = fc.constantFrom("PHONE", "LAPTOP");
/** How far the clock of a sender's server is ahead. */
const skewMs = fc.constantFrom(0, 0, -20 * minuteMs, 10 * minuteMs);

const stateStep: fc.Arbitrary<Step> = fc
  .record({
    user: someUser,
    device: someDevice,
    isJoin: fc.boolean(),
    skewMs,
    expires: fc.constantFrom(hourMs, 4 * hourMs),
  })
  .map(({ user, device, isJoin, skewMs: ahead, expires }) => ({ home, inRoom, sent }: World) => {
    const content = isJoin ? stateContent({ device_id: device, membershipID: undefined, expires }) : {};
    const place = { type: stateMember, sender: user, stateKey: `_${user}_${device}_m.call` };
    sent.push(home.setState(inRoom, { ...place, content, originServerTs: Date.now() + ahead }));
  });

const stickyStep: fc.Arbitrary<Step> = fc
  .record({
    user: someUser,
    device: someDevice,
    id: fc.constantFrom("one", "two"),
    isJoin: fc.boolean(),
    skewMs,
    durationMs: fc.constantFrom(hourMs, hourMs, 20 * minuteMs, 2 * hourMs),
  })
  .map(({ user, device, id, isJoin, skewMs: ahead, durationMs }) => ({ home, inRoom, sent, encryption }: World) => {
    const member = { id, user_id: user, device_id: device };
    const content = isJoin
      ? stickyContent({ member, sticky_key: id, msc4354_sticky_key: id })
      : { ...stickyLeave(id), sticky_key: id };
    const times = { originServerTs: Date.now() + ahead, durationMs };
    sent.push(home.sendSticky(inRoom, { type: stickyMember, sender: user, content, encryption, ...times }));
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: stickyStep, weight: 6 },
  { arbitrary: stateStep, weight: 4 },
  {
    arbitrary: fc.nat(9).map((of) => ({ home, inRoom, sent }: World) => {
      const eventId = sent.at(-1 - of);
      if (eventId !== undefined) home.redact(inRoom, eventId);
    }),
    weight: 2,
  },
  {
    arbitrary: someUser.map(
      (user) =>
        ({ home, inRoom }: World) =>
          home.kick(inRoom, user),
    ),
    weight: 1,
  },
  {
    arbitrary: someUser.map(
      (user) =>
        ({ home, inRoom }: World) =>
          home.joinRoom(inRoom, user),
    ),
    weight: 1,
  },
  {
    arbitrary: fc.constantFrom(minuteMs, 15 * minuteMs, hourMs).map((ms) => () => vi.advanceTimersByTime(ms)),
    weight: 4,
  },
);
