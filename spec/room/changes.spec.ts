import { asyncScheduler, Subscription } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoomChange } from "../../src/matrix.ts";
import { type ChangesByRoom, changesByRoom } from "../../src/room/changes.ts";
import { FakeClient } from "../support/fake-client.ts";
import { unhandledIn } from "../support/unhandled.ts";

const of = (roomId: string, type = "t"): RoomChange => ({ kind: "state", roomId, type, stateKey: "" });

/** Notes what each of some rooms, and those who take whole batches, are told, in order. */
function listening(client: FakeClient, ...roomIds: readonly string[]) {
  const log: string[] = [];
  const all = new Subscription();
  const change = changesByRoom(client);
  const word = (batch: readonly RoomChange[]) => batch.map(({ roomId }) => roomId).join("+") || "nothing";
  for (const roomId of roomIds) all.add(change.of(roomId).subscribe((batch) => log.push(`${roomId}: ${word(batch)}`)));
  all.add(change.batch$.subscribe((batch) => log.push(`all: ${word(batch)}${change.isTelling ? " too soon" : ""}`)));
  return { log, all, change };
}

describe("The change of a client", () => {
  it("is sorted by room: each is told of its part of a batch at once, and then all of it is told", () => {
    const client = new FakeClient();
    const { log } = listening(client, "!a", "!b");
    client.tell(of("!a"), of("!c"), of("!b"), of("!a"));
    client.tell(of("!c"));
    expect(log).toEqual(["!a: !a+!a", "!b: !b", "all: !a+!c+!b+!a", "all: !c"]);
  });

  it("that is empty is for every room", () => {
    const client = new FakeClient();
    const { log } = listening(client, "!a", "!b");
    client.tell();
    expect(log).toEqual(["!a: nothing", "!b: nothing", "all: nothing"]);
  });

  it("is listened to once, for as long as anybody listens here", () => {
    const client = new FakeClient();
    const { all, log } = listening(client, "!a", "!a", "!b");
    const batches = changesByRoom(client).batch$.subscribe();
    expect(client.listeners).toBe(1);
    all.unsubscribe();
    expect(client.listeners).toBe(1);
    batches.unsubscribe();
    expect(client.listeners).toBe(0);
    client.tell(of("!a"));
    expect(log).toEqual([]);
  });

  it("is one object for one client", () => {
    const client = new FakeClient();
    expect(changesByRoom(client)).toBe(changesByRoom(client));
    expect(changesByRoom(client)).not.toBe(changesByRoom(new FakeClient()));
  });

  it("that comes while a batch is being told does not count as the end of that batch", () => {
    const client = new FakeClient();
    const { log, change } = listening(client);
    change.of("!a").subscribe(() => {
      if (log.length === 0) client.tell(of("!b"));
    });
    change.of("!a").subscribe(() => log.push(change.isTelling ? "telling" : "told"));
    client.tell(of("!a"));
    expect(log).toEqual(["all: !b too soon", "telling", "all: !a"]);
  });

  it("reaches those who listen to a room again, and those who come while it is told", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    change.of("!a").subscribe().unsubscribe();
    const first = change.of("!a").subscribe(() => {
      log.push("first");
      change.of("!b").subscribe(() => log.push("second"));
      first.unsubscribe();
    });
    client.tell(of("!a"), of("!b"));
    client.tell(of("!a"), of("!b"));
    expect(log).toEqual(["first", "second", "second"]);
  });

  it("does not stop for a listener that throws (guarantee 17)", async () => {
    const client = new FakeClient();
    const { log, change } = listening(client, "!b");
    const broken = new Error("a listener broke");
    const unhandled = await unhandledIn(() => {
      change.of("!a").subscribe(() => {
        throw broken;
      });
      client.tell(of("!a"), of("!b"));
      client.tell(of("!b"));
    });
    expect(log).toEqual(["!b: !b", "all: !a+!b", "!b: !b", "all: !b"]);
    expect(unhandled).toEqual([broken]);
  });
});

describe("A watcher of a room", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  /** Watches a room, and wants to look again at each of the given times in turn. */
  function watching(change: ChangesByRoom, roomId: string, log: string[], ...deadlines: readonly number[]) {
    const left = [...deadlines];
    const stop = change.watch(roomId, {
      look: (batch) => {
        if (batch.length === 0) left.shift();
        log.push(`${roomId} ${batch.map(({ kind }) => kind).join("+") || asyncScheduler.now()}`);
      },
      get deadlineTs() {
        return left[0];
      },
    });
    return stop;
  }

  it("looks at all of it, then at its change, then no more", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const stop = watching(changesByRoom(client), "!a", log);
    client.tell(of("!b"), of("!a"));
    expect(client.listeners).toBe(1);
    stop();
    client.tell(of("!a"));
    expect(log).toEqual(["!a room", "!a state"]);
    expect(client.listeners).toBe(0);
  });

  it("looks again when it has to: one timer for all, and those who are due at once are told of together", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    const stops = [
      watching(change, "!a", log, 10, 30),
      watching(change, "!b", log, 20),
      watching(change, "!c", log, 10),
    ];
    const batches = change.batch$.subscribe(({ length }) => log.push(`all ${length}`));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    expect(log.slice(3)).toEqual(["!a 10", "!c 10", "all 0", "!b 20", "all 0", "!a 30", "all 0"]);
    expect(vi.getTimerCount()).toBe(0);
    for (const stop of stops) stop();
    batches.unsubscribe();
    expect(client.listeners).toBe(0);
  });

  it("that stops takes its alarm along: nobody is woken for it", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    const stops = [watching(change, "!a", log, 10), watching(change, "!b", log, 20)];
    const batches = change.batch$.subscribe(() => log.push("all"));
    stops[0]?.();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(15);
    expect(log).toEqual(["!a room", "!b room"]);
    stops[1]?.();
    expect(vi.getTimerCount()).toBe(0);
    batches.unsubscribe();
  });

  it("that stops leaves others at its room", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    const stops = [watching(change, "!a", log), watching(change, "!a", log, 10)];
    stops[0]?.();
    client.tell(of("!a"));
    vi.advanceTimersByTime(10);
    expect(log).toEqual(["!a room", "!a room", "!a state", "!a 10"]);
    stops[1]?.();
  });

  it("that is stopped while others look does not look any more", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    const stops: (() => void)[] = [];
    const look = ({ length }: readonly RoomChange[]) => log.push(`first ${length}`) > 3 && stops[1]?.();
    stops.push(change.watch("!a", { look, deadlineTs: undefined }), watching(change, "!b", log, 10));
    client.tell(of("!a"), of("!b"));
    client.tell(of("!a"), of("!b"));
    expect(log).toEqual(["first 1", "!b room", "first 1", "!b state", "first 1"]);
    expect(vi.getTimerCount()).toBe(0);
    stops[0]?.();
  });

  it("that stops itself while it looks sets no alarm any more", () => {
    const client = new FakeClient();
    const change = changesByRoom(client);
    const stop = change.watch("!a", { look: ({ length }) => length === 2 && stop(), deadlineTs: 10 });
    client.tell(of("!a"), of("!a"));
    expect([vi.getTimerCount(), client.listeners]).toEqual([0, 0]);
  });

  it("that has to look later than it had is not woken before", () => {
    const client = new FakeClient();
    const log: number[] = [];
    let deadlineTs = 10;
    const look = () => log.push(asyncScheduler.now());
    const stop = changesByRoom(client).watch("!a", {
      look,
      get deadlineTs() {
        return deadlineTs;
      },
    });
    deadlineTs = 20;
    client.tell(of("!a"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(19);
    expect(log).toEqual([0, 0]);
    deadlineTs = 30;
    vi.advanceTimersByTime(1);
    expect(log).toEqual([0, 0, 20]);
    stop();
  });

  it("costs no new timer as long as the soonest alarm is the same, unless the clock may have jumped", () => {
    const client = new FakeClient();
    const stop = watching(changesByRoom(client), "!a", [], 10, 10);
    const setTimer = vi.spyOn(globalThis, "setInterval");
    for (let n = 0; n < 100; n += 1) client.tell(of("!a"));
    expect(setTimer).not.toHaveBeenCalled();
    client.tell();
    expect(setTimer).toHaveBeenCalledOnce();
    stop();
  });

  it("that fails does not keep others from looking, nor itself from looking again (guarantee 17)", async () => {
    vi.useRealTimers();
    const client = new FakeClient();
    const log: string[] = [];
    const change = changesByRoom(client);
    const broken = new Error("the client broke");
    let isBroken = true;
    const look = () => {
      if (isBroken) throw broken;
      log.push("!a again");
    };
    const stops: (() => void)[] = [];
    const unhandled = await unhandledIn(() => {
      stops.push(change.watch("!a", { look, deadlineTs: undefined }), watching(change, "!b", log));
      client.tell(of("!a"), of("!b"));
      isBroken = false;
      client.tell(of("!a"));
    });
    expect(unhandled).toEqual([broken, broken]);
    expect(log).toEqual(["!b room", "!b state", "!a again"]);
    for (const stop of stops) stop();
  });
});
