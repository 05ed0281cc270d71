import { asyncScheduler, Subscription } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoomChange } from "../../src/matrix.ts";
import { type ChangesByRoom, changesByRoom } from "../../src/room/room-changes.ts";
import { FakeClient } from "../support/fake-client.ts";
import { unhandledIn } from "../support/unhandled.ts";

const of = (roomId: string, type = "t"): RoomChange => ({ kind: "state", roomId, type, stateKey: "" });

/** Logs the changes of some rooms, and the whole batches, in the order of their emission. */
function listening(client: FakeClient, ...roomIds: readonly string[]) {
  const log: string[] = [];
  const all = new Subscription();
  const changes = changesByRoom(client);
  const word = (batch: readonly RoomChange[]) => batch.map(({ roomId }) => roomId).join("+") || "nothing";
  for (const roomId of roomIds)
    all.add(changes.inRoom(roomId).subscribe((batch) => log.push(`${roomId}: ${word(batch)}`)));
  all.add(changes.batch$.subscribe((batch) => log.push(`all: ${word(batch)}`)));
  return { log, all, changes };
}

describe("The changes of a client", () => {
  it("reach each room as its part of a batch, and then as the whole batch", () => {
    const client = new FakeClient();
    const { log } = listening(client, "!a", "!b");
    client.emit(of("!a"), of("!c"), of("!b"), of("!a"));
    client.emit(of("!c"));
    expect(log).toEqual(["!a: !a+!a", "!b: !b", "all: !a+!c+!b+!a", "all: !c"]);
  });

  it("reach every room if the batch is empty", () => {
    const client = new FakeClient();
    const { log } = listening(client, "!a", "!b");
    client.emit();
    expect(log).toEqual(["!a: nothing", "!b: nothing", "all: nothing"]);
  });

  it("are subscribed to once, while there is a subscriber", () => {
    const client = new FakeClient();
    const { all, log } = listening(client, "!a", "!a", "!b");
    const batches = changesByRoom(client).batch$.subscribe();
    expect(client.listeners).toBe(1);
    all.unsubscribe();
    expect(client.listeners).toBe(1);
    batches.unsubscribe();
    expect(client.listeners).toBe(0);
    client.emit(of("!a"));
    expect(log).toEqual([]);
  });

  it("are not subscribed to any more after a watcher that is stopped twice", () => {
    const client = new FakeClient();
    const stop = changesByRoom(client).watch("!a", { refresh: () => {}, deadlineTs: undefined });
    expect(client.listeners).toBe(1);
    stop();
    stop();
    expect(client.listeners).toBe(0);
    changesByRoom(client).watch("!a", { refresh: () => {}, deadlineTs: undefined })();
    expect(client.listeners).toBe(0);
  });

  it("do not reach a watcher that another watcher of the room has stopped in the same batch", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const stops: (() => void)[] = [];
    const watch = (name: string, act: () => void) =>
      changesByRoom(client).watch("!a", {
        refresh: (batch) => {
          log.push(`${name}: ${batch[0]?.kind}`);
          if (batch[0]?.kind === "state") act();
        },
        deadlineTs: undefined,
      });
    const stopFirst = watch("first", () => {
      for (const stop of stops) stop();
    });
    stops.push(watch("second", () => {}));
    client.emit(of("!a"));
    expect(log).toEqual(["first: room", "second: room", "first: state"]);
    stopFirst();
    expect(client.listeners).toBe(0);
  });

  it("are one object for each client", () => {
    const client = new FakeClient();
    expect(changesByRoom(client)).toBe(changesByRoom(client));
    expect(changesByRoom(client)).not.toBe(changesByRoom(new FakeClient()));
  });

  it("that arrive while watchers are refreshed are emitted as a batch after those watchers", () => {
    const client = new FakeClient();
    const { log, changes } = listening(client);
    const first = changes.inRoom("!a").subscribe(() => {
      log.push("first");
      first.unsubscribe();
      client.emit(of("!b"));
    });
    changes.inRoom("!b").subscribe(() => log.push("nested"));
    changes.inRoom("!a").subscribe(() => log.push("last"));
    client.emit(of("!a"));
    expect(log).toEqual(["first", "nested", "last", "all: !b", "all: !a"]);
  });

  it("reach subscribers that come back, and subscribers that come during a batch", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    changes.inRoom("!a").subscribe().unsubscribe();
    const first = changes.inRoom("!a").subscribe(() => {
      log.push("first");
      changes.inRoom("!b").subscribe(() => log.push("second"));
      first.unsubscribe();
    });
    client.emit(of("!a"), of("!b"));
    client.emit(of("!a"), of("!b"));
    expect(log).toEqual(["first", "second", "second"]);
  });

  it("reach the other subscribers if one of them throws (guarantee 17)", async () => {
    const client = new FakeClient();
    const { log, changes } = listening(client, "!b");
    const broken = new Error("a subscriber broke");
    const unhandled = await unhandledIn(() => {
      changes.inRoom("!a").subscribe(() => {
        throw broken;
      });
      client.emit(of("!a"), of("!b"));
      client.emit(of("!b"));
    });
    expect(log).toEqual(["!b: !b", "all: !a+!b", "!b: !b", "all: !b"]);
    expect(unhandled).toEqual([broken]);
  });
});

describe("A watcher of a room", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  /** Watches a room with the given deadlines, one after the other. */
  function watching(changes: ChangesByRoom, roomId: string, log: string[], ...deadlines: readonly number[]) {
    const left = [...deadlines];
    const stop = changes.watch(roomId, {
      refresh: (batch) => {
        if (batch.length === 0) left.shift();
        log.push(`${roomId} ${batch.map(({ kind }) => kind).join("+") || asyncScheduler.now()}`);
      },
      get deadlineTs() {
        return left[0];
      },
    });
    return stop;
  }

  it("is refreshed with the whole room, then with its changes, until it stops", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const stop = watching(changesByRoom(client), "!a", log);
    client.emit(of("!b"), of("!a"));
    expect(client.listeners).toBe(1);
    stop();
    client.emit(of("!a"));
    expect(log).toEqual(["!a room", "!a state"]);
    expect(client.listeners).toBe(0);
  });

  it("is refreshed at its deadline: one timer for all watchers, and one batch for those that are due together", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    const stops = [
      watching(changes, "!a", log, 10, 30),
      watching(changes, "!b", log, 20),
      watching(changes, "!c", log, 10),
    ];
    const batches = changes.batch$.subscribe(({ length }) => log.push(`all ${length}`));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    expect(log.slice(3)).toEqual(["!a 10", "!c 10", "all 0", "!b 20", "all 0", "!a 30", "all 0"]);
    expect(vi.getTimerCount()).toBe(0);
    for (const stop of stops) stop();
    batches.unsubscribe();
    expect(client.listeners).toBe(0);
  });

  it("that stops takes its deadline with it", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    const stops = [watching(changes, "!a", log, 10), watching(changes, "!b", log, 20)];
    const batches = changes.batch$.subscribe(() => log.push("all"));
    stops[0]?.();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(15);
    expect(log).toEqual(["!a room", "!b room"]);
    stops[1]?.();
    expect(vi.getTimerCount()).toBe(0);
    batches.unsubscribe();
  });

  it("that stops leaves the other watchers of its room", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    const stops = [watching(changes, "!a", log), watching(changes, "!a", log, 10)];
    stops[0]?.();
    client.emit(of("!a"));
    vi.advanceTimersByTime(10);
    expect(log).toEqual(["!a room", "!a room", "!a state", "!a 10"]);
    stops[1]?.();
  });

  it("that is stopped during a batch is not refreshed any more", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    const stops: (() => void)[] = [];
    const refresh = ({ length }: readonly RoomChange[]) => log.push(`first ${length}`) > 3 && stops[1]?.();
    stops.push(changes.watch("!a", { refresh, deadlineTs: undefined }), watching(changes, "!b", log, 10));
    client.emit(of("!a"), of("!b"));
    client.emit(of("!a"), of("!b"));
    expect(log).toEqual(["first 1", "!b room", "first 1", "!b state", "first 1"]);
    expect(vi.getTimerCount()).toBe(0);
    stops[0]?.();
  });

  it("that stops itself during a refresh sets no timer", () => {
    const client = new FakeClient();
    const changes = changesByRoom(client);
    const stop = changes.watch("!a", { refresh: ({ length }) => length === 2 && stop(), deadlineTs: 10 });
    client.emit(of("!a"), of("!a"));
    expect([vi.getTimerCount(), client.listeners]).toEqual([0, 0]);
  });

  it("whose deadline moves is refreshed at the new deadline only", () => {
    const client = new FakeClient();
    const log: number[] = [];
    let deadlineTs = 10;
    const refresh = () => log.push(asyncScheduler.now());
    const stop = changesByRoom(client).watch("!a", {
      refresh,
      get deadlineTs() {
        return deadlineTs;
      },
    });
    deadlineTs = 20;
    client.emit(of("!a"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(19);
    expect(log).toEqual([0, 0]);
    deadlineTs = 30;
    vi.advanceTimersByTime(1);
    expect(log).toEqual([0, 0, 20]);
    stop();
  });

  it("sets a new timer only if the earliest deadline changes, or if the clock may have jumped", () => {
    const client = new FakeClient();
    const stop = watching(changesByRoom(client), "!a", [], 10, 10);
    const setTimer = vi.spyOn(globalThis, "setInterval");
    for (let n = 0; n < 100; n += 1) client.emit(of("!a"));
    expect(setTimer).not.toHaveBeenCalled();
    client.emit();
    expect(setTimer).toHaveBeenCalledOnce();
    stop();
  });

  it("that throws does not keep others, or itself, from the next refresh (guarantee 17)", async () => {
    vi.useRealTimers();
    const client = new FakeClient();
    const log: string[] = [];
    const changes = changesByRoom(client);
    const broken = new Error("the client broke");
    let isBroken = true;
    const refresh = () => {
      if (isBroken) throw broken;
      log.push("!a again");
    };
    const stops: (() => void)[] = [];
    const unhandled = await unhandledIn(() => {
      stops.push(changes.watch("!a", { refresh, deadlineTs: undefined }), watching(changes, "!b", log));
      client.emit(of("!a"), of("!b"));
      isBroken = false;
      client.emit(of("!a"));
    });
    expect(unhandled).toEqual([broken, broken]);
    expect(log).toEqual(["!b room", "!b state", "!a again"]);
    for (const stop of stops) stop();
  });
});
