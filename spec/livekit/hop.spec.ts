import {
  asyncScheduler,
  BehaviorSubject,
  concatWith,
  defer,
  delay,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  map,
  merge,
  NEVER,
  of,
  scan,
  Subject,
  switchMap,
  tap,
  timer,
} from "rxjs";
import { describe, expect, test } from "vitest";
import { announcedTransport, nextSites, type PublishSite } from "../../src/livekit/publish-sites.ts";
import { IntervalClock } from "../../src/rx/interval-clock.ts";
import { SfuLinks } from "../../src/livekit/sfu-links.ts";
import { planSfus } from "../../src/livekit/sfu-plan.ts";
import type { SfuRooms } from "../../src/livekit/sfu-room.ts";
import { encryptedSession } from "../../src/encryption/encrypted-session.ts";
import { membersNamed } from "../../src/testing/index.ts";
import type { Membership, OwnMember, Transport } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { callScene, type Guest, slot, transportAt, userOf } from "./call-scene.ts";
import { serviceOf } from "./virtual-sfu.ts";

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** The addresses that a user's membership names, one entry for each change. */
const namedBy = (name: string, guest: Guest) => {
  const seen: string[] = [];
  guest.session.membership$.subscribe((members) => {
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

/** The times at which one guest does not have both tracks of another. */
function gapsOf(guest: Guest, name: string, from: number, to: number): number[] {
  const gaps: number[] = [];
  for (let ms = from; ms < to; ms += 10)
    at(ms, () => {
      const item = guest.call.participants$.value.find(({ member }) => member.userId === userOf(name));
      if (item?.tracks$.value.filter(({ track }) => track !== undefined).length !== 2) gaps.push(ms);
    });
  return gaps;
}

describe("A connection that has a successor", () => {
  test(
    "goes on receiving a member that has moved, and ends once the new one brings it",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 20_000 });
      const alice = enter("alice", "sfu1");
      const bob = enter("bob", "sfu2");
      sfu.server("sfu3").connectMs = 800;
      at(2_000, () => bob.transport$.next(transportAt("sfu3")));
      const gaps = gapsOf(alice, "bob", 2_000, 12_000);
      at(12_000, () => {
        expect(gaps).toEqual([]);
        // Each is on its own SFU, and receives on that of the other.
        expect(["sfu1", "sfu2", "sfu3"].map((name) => sfu.server(name).rooms.size)).toEqual([2, 0, 2]);
      });
      flush();
    }),
  );

  test(
    "goes on receiving a member that has moved to where we are, until the SFU may send its new video",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 20_000 });
      enter("alice", "sfu1");
      const bob = enter("bob", "sfu2");
      at(2_000, () => bob.transport$.next(transportAt("sfu1")));
      const gaps: number[] = [];
      for (let ms = 1_000; ms < 12_000; ms += 10)
        at(ms, () => sfu.flows("camera").includes("<bob camera") || gaps.push(ms));
      at(12_000, () => {
        expect(gaps).toEqual([]);
        expect(sfu.connected).toBe("sfu1:alice sfu1:bob");
      });
      flush();
    }),
  );

  test(
    "goes on receiving when we begin to publish where we only received",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 20_000 });
      const alice = enter("alice", "sfu1");
      enter("bob", "sfu2");
      sfu.server("sfu2").connectMs = 800;
      at(3_000, () => alice.transport$.next(transportAt("sfu2")));
      const gaps = gapsOf(alice, "bob", 3_000, 15_000);
      at(15_000, () => {
        expect(gaps).toEqual([]);
        expect(sfu.connected).toBe("sfu2:alice sfu2:bob");
      });
      flush();
    }),
  );

  /** Bob has moved from `old` to `new`. Words: the SFU on which we show him, and our connections. */
  const moving = (newBringsTs: number, newConnectsTs: number, expected: string) =>
    marbles(({ flush, expectObservable, cold }) => {
      const { home, sfu, roomId } = callScene(["alice"]);
      const matrix = home.client(userOf("alice"), "PHONE");
      const bobAt = (name: string) =>
        ({ ...membersNamed("bob")[0]!, transports: [transportAt(name)] }) as unknown as Membership;
      const track = { sid: "TR1", kind: "audio", source: "microphone", muted: false, encrypted: false } as const;
      const rooms: SfuRooms<string> = () => {
        const changes$ = new Subject<void>();
        let isNew = false;
        return {
          changes$,
          connect: (url) => {
            isNew = url.includes("new");
            timer(newBringsTs).subscribe(() => changes$.next());
            return timer(isNew ? newConnectsTs : 0).pipe(
              map(() => "connected" as const),
              concatWith(NEVER),
            );
          },
          get participants() {
            const brings = !isNew || asyncScheduler.now() >= newBringsTs;
            const identity = bobAt("old").participantIdentity;
            const tracks = [{ ...track, ...(brings && { track: "sound" }) }];
            return new Map([[identity, { identity, tracks, speaking: false, level: 0, quality: "unknown" as const }]]);
          },
          local: undefined,
          hasKey: () => true,
          receive: () => {},
          publish: () => NEVER,
        };
      };
      const own: OwnMember = {
        kind: "state",
        userId: userOf("alice"),
        deviceId: "PHONE",
        memberId: `${userOf("alice")}:PHONE`,
        participantIdentity: `${userOf("alice")}:PHONE`,
      };
      const again$ = new Subject<void>();
      const links = new SfuLinks<string>({
        matrix,
        session: { ...encryptedSession(matrix, { roomId, slot }), decryption: { next: () => {} } } as never,
        rooms,
        service: { fetch: sfu.service.fetch },
        media$: NEVER,
        clock: new IntervalClock(),
        changed: () => again$.next(),
        trace: () => {},
      });
      const words$ = merge(cold("o 99ms n"), again$.pipe(delay(0))).pipe(
        scan((where, next) => (typeof next === "string" ? next : where), "o"),
        switchMap((where) => {
          const bob = bobAt(where === "o" ? "old" : "new");
          return defer(() => {
            const { wanted } = planSfus({ own, publishOn: [], members: [bob], maxSfus: 10 });
            const dueTs = links.align(wanted, false);
            const name = (sfuOf: string | undefined) => (sfuOf?.includes("old") ? "old" : "new");
            const shown = name(links.of(bob)?.wanted.sfu);
            return of([shown, "of", ...links.all.map(({ wanted: { sfu: one } }) => name(one))].join(" ")).pipe(
              concatWith(
                dueTs < Infinity
                  ? timer(dueTs - asyncScheduler.now()).pipe(
                      tap(() => again$.next()),
                      ignoreElements(),
                    )
                  : EMPTY,
              ),
            );
          });
        }),
        distinctUntilChanged(),
      );
      expectObservable(words$, "---- 29s !").toBe(expected, {
        o: "old of old",
        b: "old of old new",
        n: "new of new",
      });
      timer(30_000).subscribe(() => links.stop());
      flush();
    });

  // A token takes 5 ms.
  test("ends when the new one brings the member", moving(3_000, 500, "o 99ms b 2904ms n"));
  test("ends 10 s after the new one was connected, whatever that brings", moving(60_000, 500, "o 99ms b 10504ms n"));
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
