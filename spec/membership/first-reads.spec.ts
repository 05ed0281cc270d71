import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoomEvent } from "../../src/matrix.ts";
import {
  alice,
  bob,
  carl,
  type Content,
  dayMs,
  hourMs,
  roomId,
  stateContent,
  stateEvent,
} from "../support/contents.ts";
import { FirstReads } from "../../src/membership/first-reads.ts";
import { type FakeClient } from "../support/fake-client.ts";
import { leaves, roomOfThree, watching } from "../support/watching.ts";

beforeEach(() => void vi.useFakeTimers({ now: 100 * dayMs }));
afterEach(() => void vi.useRealTimers());

const now = () => Date.now();

/** A state join of a user, sent now. */
const joins = (sender: string, content: Content = {}, event: Partial<RoomEvent> = {}) =>
  stateEvent(stateContent(content), { sender, stateKey: `_${sender}`, originServerTs: now(), ...event });

/** A room whose call is watched, and what a new session shows. */
function live() {
  const client = roomOfThree();
  const { membership$ } = watching({}, client);
  const watched = membership$.subscribe();
  const put = (event: RoomEvent) => client.emit(client.setState(roomId, event));
  const oldest = () => membership$.value[0]?.userId;
  return { client, membership$, watched, put, oldest };
}

const fresh = (client: FakeClient) => watching({}, client).membership$.value;

describe("A state event from a server whose clock is ahead", () => {
  it("ends a day after its first read, also if it is delivered again (D5)", () => {
    const { client, membership$, put, watched } = live();
    const event = joins(bob, { expires: 90 * hourMs }, { originServerTs: now() + 30 * hourMs });
    put(event);
    const endTs = now() + dayMs;
    expect(membership$.value[0]?.expiresTs).toBe(endTs);
    vi.advanceTimersByTime(hourMs);
    client.enter(roomId, alice, bob, carl);
    client.emit(client.setState(roomId, structuredClone(event)), { kind: "room", roomId });
    expect(membership$.value[0]?.expiresTs).toBe(endTs);
    expect(fresh(client)).toEqual(membership$.value);
    vi.advanceTimersByTime(dayMs - hourMs - 1);
    expect([membership$.value.length, fresh(client).length]).toEqual([1, 1]);
    vi.advanceTimersByTime(1);
    expect([membership$.value.length, fresh(client).length]).toEqual([0, 0]);
    watched.unsubscribe();
  });

  it("is remembered for as many events as one sender can have in a call, and not for more", () => {
    const { client, membership$, put, watched } = live();
    const events = Array.from({ length: 300 }, (_, n) =>
      joins(
        bob,
        { device_id: `D${n}`, expires: 90 * hourMs },
        { stateKey: `${n}`, originServerTs: now() + 30 * hourMs + n, eventId: `$${1000 + n}` },
      ),
    );
    for (const event of events) put(event);
    vi.advanceTimersByTime(hourMs);
    for (const event of events) client.setState(roomId, structuredClone(event));
    client.emit({ kind: "room", roomId });
    expect(membership$.value).toHaveLength(100);
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });
});

describe("The first reads of a client", () => {
  /** An event whose end depends on its first read, and whether that read is remembered. */
  const ahead = (sender: string, n: number) =>
    stateEvent(stateContent({ expires: dayMs }), { sender, eventId: `$${sender}${n}`, originServerTs: 1_000_000 + n });
  const read = { readTs: 1 };
  const isRemembered = (reads: FirstReads, event: RoomEvent) => reads.firstReadOf(event, { readTs: 2 }) === read;

  it("are remembered for the newest 200 events of a sender, whatever the order in which they were read", () => {
    const reads = new FirstReads();
    const events = Array.from({ length: 300 }, (_, n) => ahead(alice, (n * 7) % 300));
    for (const event of events) reads.firstReadOf(event, read);
    const newest = events.filter(({ originServerTs }) => originServerTs >= 1_000_100);
    expect(newest).toHaveLength(200);
    expect(newest.filter((event) => isRemembered(reads, event))).toEqual(newest);
    expect(isRemembered(reads, ahead(alice, 99))).toBe(false);
    expect(isRemembered(reads, ahead(alice, 0))).toBe(false);
  });

  it("are remembered for the last 1000 senders", () => {
    const reads = new FirstReads();
    const sender = (n: number) => `@u${n}:example.org`;
    for (let n = 0; n < 1_001; n += 1) reads.firstReadOf(ahead(sender(n), 0), read);
    expect(isRemembered(reads, ahead(sender(1), 0))).toBe(true);
    expect(isRemembered(reads, ahead(sender(1_000), 0))).toBe(true);
    expect(isRemembered(reads, ahead(sender(0), 0))).toBe(false);
  });
});

describe("A claimed creation time", () => {
  const longAgo = () => now() - 23 * hourMs;

  it("is not believed at a state key that was seen empty after that time (S20)", () => {
    const { client, membership$, put, oldest, watched } = live();
    put(joins(bob));
    vi.advanceTimersByTime(hourMs);
    put(joins(carl, { created_ts: longAgo(), expires: 30 * hourMs }));
    expect([oldest(), membership$.value[1]?.createdTs]).toEqual([bob, now()]);
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });

  it("is not believed at a state key that had a leave after that time (S20)", () => {
    const { client, membership$, put, oldest, watched } = live();
    put({ ...leaves(carl), originServerTs: now() });
    put(joins(bob));
    vi.advanceTimersByTime(hourMs);
    put(joins(carl, { created_ts: longAgo(), expires: 30 * hourMs }));
    expect([oldest(), membership$.value[1]?.createdTs]).toEqual([bob, now()]);
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });

  it("is not believed if another user had the state key after that time, whatever that user claimed (S20)", () => {
    const client = roomOfThree();
    const key = { stateKey: "shared" };
    client.setState(roomId, joins(bob, { created_ts: longAgo(), expires: 30 * hourMs }, key));
    const { membership$ } = watching({}, client);
    const watched = membership$.subscribe();
    const created = () => membership$.value.map((member) => [member.userId, member.createdTs]);
    expect(created()).toEqual([[bob, longAgo()]]);
    vi.advanceTimersByTime(hourMs);
    const claimed = { created_ts: longAgo() + hourMs, expires: 30 * hourMs };
    client.emit(client.setState(roomId, joins(carl, claimed, key)));
    expect(created()).toEqual([[carl, now()]]);
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });

  it("is not believed if the membership at the state key had a later one before (S20)", () => {
    const { client, membership$, put, oldest, watched } = live();
    put(joins(bob));
    vi.advanceTimersByTime(1);
    put(joins(carl));
    vi.advanceTimersByTime(hourMs);
    put(joins(carl, { created_ts: longAgo(), expires: 30 * hourMs }));
    vi.advanceTimersByTime(hourMs);
    put(joins(carl, { created_ts: longAgo(), expires: 30 * hourMs }));
    expect([oldest(), membership$.value[1]?.createdTs]).toEqual([bob, now()]);
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });

  it("is believed in each refresh of a membership", () => {
    const { client, membership$, put, watched } = live();
    const createdTs = now();
    put(joins(bob));
    for (let refresh = 0; refresh < 5; refresh += 1) {
      vi.advanceTimersByTime(hourMs);
      put(joins(bob, { created_ts: createdTs, expires: 10 * hourMs }));
      expect(membership$.value.map((member) => member.createdTs)).toEqual([createdTs]);
    }
    expect(fresh(client)).toEqual(membership$.value);
    watched.unsubscribe();
  });

  it("is believed if join and refresh came while the client was away", () => {
    const { client, membership$, put, watched } = live();
    vi.advanceTimersByTime(3 * hourMs);
    client.emit();
    put(joins(bob, { created_ts: now() - 2 * hourMs }));
    expect(membership$.value.map((member) => member.createdTs)).toEqual([now() - 2 * hourMs]);
    watched.unsubscribe();
  });

  it("is believed if the client learns of an old event late", () => {
    const { membership$, put, client, watched } = live();
    vi.advanceTimersByTime(hourMs);
    client.emit(client.setMembership(roomId, carl, "join"));
    const claimed = { created_ts: now() - 3 * hourMs, expires: 10 * hourMs };
    put(joins(bob, claimed, { originServerTs: now() - 2 * hourMs }));
    expect(membership$.value.map((member) => member.createdTs)).toEqual([now() - 3 * hourMs]);
    watched.unsubscribe();
  });

  it("is believed by the first read of a room, and by all sessions alike", () => {
    const client = roomOfThree();
    client.setState(roomId, joins(carl, { created_ts: longAgo(), expires: 24 * hourMs }));
    const [first, second] = [watching({}, client), watching({}, client)];
    const watched = first.membership$.subscribe();
    vi.advanceTimersByTime(1);
    watched.add(second.membership$.subscribe());
    expect(second.membership$.value).toEqual(first.membership$.value);
    // The first session saw the key empty before the claimed time, the second one after it: both believe the claim.
    client.emit(client.setState(roomId, joins(bob, { created_ts: now() - 1 })));
    expect(second.membership$.value).toEqual(first.membership$.value);
    watched.unsubscribe();
  });
});
