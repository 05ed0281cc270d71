import { Subscription } from "rxjs";
import { describe, expect, it } from "vitest";
import type { News } from "../src/matrix.ts";
import { roomNews } from "../src/news.ts";
import { FakeClient } from "./support/fake-client.ts";

const of = (roomId: string, type = "t"): News => ({ kind: "state", roomId, type, stateKey: "" });

/** Notes what each of some rooms, and those who take whole batches, are told, in order. */
function listening(client: FakeClient, ...roomIds: readonly string[]) {
  const log: string[] = [];
  const all = new Subscription();
  const news = roomNews(client);
  const word = (batch: readonly News[]) => batch.map(({ roomId }) => roomId).join("+") || "nothing";
  for (const roomId of roomIds) all.add(news.of(roomId).subscribe((batch) => log.push(`${roomId}: ${word(batch)}`)));
  all.add(news.batch$.subscribe((batch) => log.push(`all: ${word(batch)}${news.isTelling ? " too soon" : ""}`)));
  return { log, all, news };
}

describe("The news of a client", () => {
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
    const batches = roomNews(client).batch$.subscribe();
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
    expect(roomNews(client)).toBe(roomNews(client));
    expect(roomNews(client)).not.toBe(roomNews(new FakeClient()));
  });

  it("that comes while a batch is being told does not count as the end of that batch", () => {
    const client = new FakeClient();
    const { log, news } = listening(client);
    news.of("!a").subscribe(() => {
      if (log.length === 0) client.tell(of("!b"));
    });
    news.of("!a").subscribe(() => log.push(news.isTelling ? "telling" : "told"));
    client.tell(of("!a"));
    expect(log).toEqual(["all: !b too soon", "telling", "all: !a"]);
  });

  it("reaches those who listen to a room again, and those who come while it is told", () => {
    const client = new FakeClient();
    const log: string[] = [];
    const { of: newsOf } = roomNews(client);
    newsOf("!a").subscribe().unsubscribe();
    const first = newsOf("!a").subscribe(() => {
      log.push("first");
      newsOf("!b").subscribe(() => log.push("second"));
      first.unsubscribe();
    });
    client.tell(of("!a"), of("!b"));
    client.tell(of("!a"));
    expect(log).toEqual(["first", "second"]);
  });

  it("does not stop for a listener that throws (guarantee 17)", async () => {
    const client = new FakeClient();
    const { log, news } = listening(client, "!b");
    const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
    const broken = new Error("a listener broke");
    news.of("!a").subscribe(() => {
      throw broken;
    });
    client.tell(of("!a"), of("!b"));
    client.tell(of("!b"));
    expect(log).toEqual(["!b: !b", "all: !a+!b", "!b: !b", "all: !b"]);
    expect(await thrown).toBe(broken);
  });
});
