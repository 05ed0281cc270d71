import { BehaviorSubject, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { announcedTransport, nextSites, type PublishSite } from "../../src/livekit/publish-sites.ts";
import type { Transport } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { callScene, transportAt, userOf } from "./call-scene.ts";
import { serviceOf } from "./virtual-sfu.ts";

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** The addresses that a user's membership names, one entry for each change. */
const namedBy = (
  name: string,
  of: ReturnType<typeof callScene>["enter"] extends (...args: never[]) => infer G ? G : never,
) => {
  const seen: string[] = [];
  of.session.membership$.subscribe((members) => {
    const one = members.find(({ userId }) => userId === userOf(name));
    const url = one?.transports[0]?.livekit_service_url;
    if (one && seen.at(-1) !== `${one.eventId} ${url}`) seen.push(`${one.eventId} ${url}`);
  });
  return seen;
};

describe("Another transport of ours", () => {
  test(
    "is published on before the old one is let go, and is one write of our membership (34)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 20_000 });
      const alice = enter("alice", "sfu1");
      const bob = enter("bob", "sfu1");
      sfu.server("sfu2").connectMs = 300;
      const log: string[] = [];
      at(2_000, () => {
        const events = new Set(bob.session.membership$.value.map(({ eventId }) => eventId));
        alice.transport$.next(transportAt("sfu2"));
        const listening = bob.session.membership$.subscribe((members) => {
          const one = members.find(({ userId }) => userId === userOf("alice"))!;
          if (events.has(one.eventId)) return;
          events.add(one.eventId);
          const published = [...sfu.server("sfu2").rooms].find(({ identity }) => identity.startsWith("@alice"))?.sent
            .length;
          log.push(`announced ${one.transports[0]!.livekit_service_url} with ${published} tracks there`);
        });
        at(10_000, () => listening.unsubscribe());
      });
      // Bob sees alice all the time.
      for (let ms = 2_010; ms < 12_000; ms += 10)
        at(ms, () => {
          const item = bob.call.participants$.value.find(({ member }) => member.userId === userOf("alice"));
          const pictures = item?.tracks$.value.filter(({ track }) => track !== undefined).length ?? 0;
          if (pictures < 2) log.push(`gap at ${ms}`);
        });
      at(12_000, () => {
        expect(log.filter((line) => line.startsWith("announced"))).toEqual([
          `announced ${serviceOf("sfu2")} with 2 tracks there`,
        ]);
        expect(log.filter((line) => line.startsWith("gap")).length).toBe(0);
        expect(sfu.connected).not.toContain("sfu1:alice");
      });
      flush();
    }),
  );

  test(
    "that is equal changes nothing: no connection, no write, no emission (34)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice"]);
      const alice = enter("alice", "sfu1");
      at(2_000, () => {
        const [connects, before, written] = [
          sfu.connects.length,
          alice.call.connections$.value,
          namedBy("alice", alice),
        ];
        alice.transport$.next({ ...transportAt("sfu1"), livekit_alias: "another" });
        alice.transport$.next({ type: "livekit", livekit_service_url: `${serviceOf("sfu1")}/` });
        at(1_000, () => {
          expect(sfu.connects).toHaveLength(connects);
          expect(alice.call.connections$.value).toBe(before);
          expect(written).toHaveLength(1);
        });
      });
      flush();
    }),
  );

  test(
    "always has a connection, whichever of two discoveries comes last (27, 35)",
    marbles(({ flush }) => {
      for (const order of [
        ["sfu1", "sfu2"],
        ["sfu2", "sfu1"],
      ]) {
        const { enter, sfu } = callScene(["alice"], { endMs: 20_000 });
        const transport$ = new BehaviorSubject<Transport>(transportAt(order[0]!));
        const alice = enter("alice", "unused", { transport: transport$ });
        at(3, () => transport$.next(transportAt(order[1]!)));
        at(15_000, () => {
          expect(
            alice.call.connections$.value.map(({ sfu: where, purpose, status }) => [where, purpose, status]),
          ).toEqual([[serviceOf(order[1]!), "publish", "connected"]]);
          expect(alice.session.membership$.value[0]!.transports[0]!.livekit_service_url).toBe(serviceOf(order[1]!));
          expect([...sfu.open].flatMap(({ sent }) => sent)).toHaveLength(2);
        });
      }
      flush();
    }),
  );

  test(
    "that never works leaves us where we are",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 30_000 });
      const alice = enter("alice", "sfu1");
      enter("bob", "sfu1");
      sfu.server("sfu2").refuses = "unreachable";
      at(2_000, () => alice.transport$.next(transportAt("sfu2")));
      at(20_000, () => {
        expect(sfu.connected).toContain("sfu1:alice");
        expect(alice.session.membership$.value[0]!.transports[0]!.livekit_service_url).toBe(serviceOf("sfu1"));
        expect(alice.call.problems$.value.map(({ code }) => code)).toEqual(["not-publishing"]);
      });
      flush();
    }),
  );
});

describe("In a legacy call", () => {
  test(
    "everybody publishes on the SFU of the oldest member, and follows it (25)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob", "carol"], { join: { mode: "legacy" }, endMs: 30_000 });
      const alice = enter("alice", "sfu1");
      at(1_000, () => enter("bob", "sfu2"));
      at(2_000, () => enter("carol", "sfu2"));
      at(4_000, () => {
        expect(sfu.connected).toBe("sfu1:alice sfu1:bob sfu1:carol");
        alice.leave();
      });
      at(20_000, () => expect(sfu.connected).toBe("sfu2:bob sfu2:carol"));
      flush();
    }),
  );

  test(
    "nobody connects again when the oldest member leaves and the next one has the same SFU (25)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob", "carol"], { join: { mode: "legacy" }, endMs: 30_000 });
      const alice = enter("alice", "sfu1");
      at(1_000, () => enter("bob", "sfu1"));
      at(2_000, () => enter("carol", "sfu1"));
      at(4_000, () => alice.leave());
      at(20_000, () => expect(sfu.connects).toHaveLength(3));
      flush();
    }),
  );
});

describe("The sites that we publish on", () => {
  const [one, two] = [transportAt("one"), transportAt("two")];
  const [urlOne, urlTwo] = [serviceOf("one"), serviceOf("two")];
  const sites = (
    before: readonly PublishSite[],
    target: Transport | undefined,
    published: string[],
    announced: string,
    now = 0,
  ) =>
    nextSites(before, {
      target,
      isPublishedAt: (sfu) => published.includes(sfu),
      isAnnounced: (sfu) => announced === sfu,
      now,
    });

  test("are the target alone at first, and none without a target", () => {
    const first = sites([], one, [], "");
    expect(first.map(({ sfu }) => sfu)).toEqual([urlOne]);
    expect(sites(first, one, [urlOne], urlOne)).toBe(first);
    expect(sites(first, undefined, [urlOne], urlOne)).toEqual([]);
    expect(sites(first, { type: "other" }, [urlOne], urlOne)).toEqual([]);
  });

  test("keep the old one until the target works, is announced, and the others had time", () => {
    const first = sites([], one, [], "");
    const both = sites(first, two, [urlOne], urlOne);
    expect(both.map(({ sfu }) => sfu)).toEqual([urlTwo, urlOne]);
    expect(announcedTransport(both, (sfu) => sfu === urlOne)).toBe(one);
    const ready = sites(both, two, [urlOne, urlTwo], urlOne);
    expect(ready).toBe(both);
    expect(announcedTransport(ready, () => true)).toBe(two);
    const leaving = sites(ready, two, [urlOne, urlTwo], urlTwo, 1_000);
    expect(leaving[1]).toEqual({ sfu: urlOne, transport: one, leaveTs: 6_000 });
    expect(sites(leaving, two, [urlOne, urlTwo], urlTwo, 5_999)).toBe(leaving);
    expect(sites(leaving, two, [urlOne, urlTwo], urlTwo, 6_000).map(({ sfu }) => sfu)).toEqual([urlTwo]);
  });

  test("drop an old one that does not work", () => {
    const first = sites([], one, [], "");
    expect(sites(first, two, [], "").map(({ sfu }) => sfu)).toEqual([urlTwo]);
  });

  test("stay, or come back, when the target is the old one again", () => {
    const both = sites(sites([], one, [], ""), two, [urlOne], urlOne);
    const back = sites(both, one, [urlOne], urlOne);
    expect(back.map(({ sfu }) => sfu)).toEqual([urlOne]);
  });
});
