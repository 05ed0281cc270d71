import { asyncScheduler, Subject, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import type { MediaQuality } from "../../src/media/participant.ts";
import { marbles } from "../support/marbles.ts";
import { encryptedSession } from "../../src/encryption/encrypted-session.ts";
import { livekitMedia } from "../../src/livekit/livekit-media.ts";
import type { SfuRooms } from "../../src/livekit/sfu-room.ts";
import { callScene, sendingOf, slot, transportAt, userOf, wordsNow } from "./call-scene.ts";
import { serviceOf } from "./virtual-sfu.ts";

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const identityOf = (name: string): string => `${userOf(name)}:PHONE`;

describe("While LiveKit repairs a connection", () => {
  test(
    "the tracks stay, the tile says so, and the banner waits a second (24)",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      enter("bob");
      const said: string[] = [];
      at(1_000, () => {
        const [, item] = alice.call.participants$.value;
        const tracks = item!.tracks$.value;
        const connects = sfu.connects.length;
        const listening = alice.call.problems$.subscribe((problems) =>
          said.push(problems.map(({ code }) => code).join()),
        );
        sfu.server("sfu").shake("reconnecting", identityOf("alice"));
        at(500, () => {
          expect(wordsNow(alice.call.participants$.value)).toBe("bob reconnecting microphone,camera reconnecting");
          expect(item!.tracks$.value).toBe(tracks);
          expect(said).toEqual([""]);
        });
        at(2_000, () => sfu.server("sfu").shake("connected", identityOf("alice")));
        at(2_500, () => {
          expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
          expect(said).toEqual(["", "sfu-reconnecting", ""]);
          expect(sfu.connects).toHaveLength(connects);
          listening.unsubscribe();
        });
      });
      flush();
    }),
  );

  test(
    "nothing is decided again and again, also if a video was about to come",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 20_000 });
      const reads: number[] = [];
      const rooms: SfuRooms<string> = (options) => {
        const room = sfu.rooms(options);
        const { participants } = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(room));
        const get = () => (reads.push(asyncScheduler.now()), participants!.get!.call(room));
        return Object.defineProperty(room, "participants", { get });
      };
      enter("alice", "sfu", { rooms });
      const bob = enter("bob");
      at(2_000, () => bob.media$.next(sendingOf("bob", "mic cam screen")));
      at(2_050, () => sfu.server("sfu").shake("reconnecting", identityOf("alice")));
      at(12_000, () => {
        expect(reads.filter((ts) => ts > 5_100 && ts < 10_000)).toEqual([]);
        expect(sfu.flows("screen_share")).toBe("");
        sfu.server("sfu").shake("connected", identityOf("alice"));
        expect(sfu.flows("screen_share")).toBe("alice<bob screen_share");
      });
      flush();
    }),
  );
});

describe("A member that its SFU has lost", () => {
  test(
    "is shown as reconnecting before the SFU removes it, and again as before once its media is back",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice");
      enter("bob");
      const rate = (quality: MediaQuality) => {
        for (const room of sfu.server("sfu").rooms) if (room.identity === identityOf("bob")) room.quality = quality;
        sfu.server("sfu").changed();
      };
      at(1_000, () => rate("lost"));
      at(1_500, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe("bob reconnecting microphone,camera reconnecting");
        expect(alice.call.problems$.value).toEqual([]);
        rate("poor");
      });
      at(2_000, () => expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video"));
      flush();
    }),
  );
});

describe("An SFU that dies", () => {
  test(
    "shows its members as reconnecting with the reason, leaves the others alone, and is back after its return",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob", "carol"], { endMs: 60_000 });
      const alice = enter("alice", "sfu1");
      enter("bob", "sfu2");
      enter("carol", "sfu1");
      at(2_000, () => {
        sfu.server("sfu2").refuses = "unreachable";
        sfu.server("sfu2").drop("connection-lost");
      });
      for (let ms = 1_900; ms < 40_000; ms += 100) at(ms, () => expect(sfu.flows()).toContain("alice<carol camera"));
      at(10_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe(
          "bob reconnecting sfu-not-connected unreachable | carol connected microphone,camera video",
        );
        const [problem] = alice.call.problems$.value;
        expect([problem?.code, problem?.sfu, problem?.detail]).toEqual([
          "sfu-failed",
          serviceOf("sfu2"),
          "unreachable",
        ]);
        expect(problem!.nextTryTs).toBeGreaterThan(0);
        sfu.server("sfu2").refuses = undefined;
      });
      at(40_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe(
          "bob connected microphone,camera video | carol connected microphone,camera video",
        );
        expect(alice.call.problems$.value).toEqual([]);
      });
      flush();
    }),
  );
});

describe("A device that is in the call twice", () => {
  test(
    "loses its older connection, says so, and does not come back at once",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"], { endMs: 25_000 });
      const alice = enter("alice");
      at(2_000, () => sfu.server("sfu").drop("duplicate-identity", identityOf("alice")));
      at(20_000, () => {
        expect(sfu.connects).toHaveLength(1);
        const [problem] = alice.call.problems$.value;
        expect([problem?.code, problem?.detail]).toEqual(["not-publishing", "duplicate-identity"]);
      });
      flush();
    }),
  );
});

describe("A re-join under another identity", () => {
  test(
    "goes on receiving on the old connection until the new one works",
    marbles(({ flush }) => {
      const { enter, sfu, home } = callScene(["alice", "bob"], { join: { mode: "matrix_2_0" }, endMs: 120_000 });
      const alice = enter("alice");
      enter("bob");
      const gaps: number[] = [];
      at(3_000, () => {
        const before = alice.states.at(-1)!.member.memberId;
        // The server has sent our leave: we come back as another member.
        home.injectFault({ userId: userOf("alice"), request: "restart" }, { lose: "request", times: 20 });
        for (let ms = 0; ms < 90_000; ms += 50)
          at(ms, () => {
            const bob = alice.call.participants$.value.find(
              ({ isLocal, member }) => !isLocal && member.userId === userOf("bob"),
            );
            if (bob && bob.tracks$.value.filter(({ track }) => track !== undefined).length < 2) gaps.push(ms);
          });
        at(100_000, () => {
          expect(alice.states.at(-1)!.member.memberId).not.toBe(before);
          expect(gaps).toEqual([]);
          expect([...sfu.server("sfu").rooms]).toHaveLength(2);
        });
      });
      flush();
    }),
  );
});

describe("The banner", () => {
  test.each([
    [
      "says after 5 s that the session that joined is another one, because all tiles would be black",
      "another",
      "own-key-missing",
    ],
    ["is empty while the session that joined has a key, also alone in the call", "the same", ""],
  ])("%s", (_, which, code) =>
    marbles(({ flush }) => {
      const { home, sfu, roomId } = callScene(["alice"]);
      const matrix = home.client(userOf("alice"), "PHONE");
      const [joining, another] = [0, 1].map(() => encryptedSession(matrix, { roomId, slot }));
      const media = livekitMedia<string>(matrix, which === "another" ? another! : joining!, {
        join: joining!.join({ transports: [transportAt("sfu")] }),
        transport: transportAt("sfu"),
        rooms: sfu.rooms,
        fetch: sfu.service.fetch,
      });
      const said: string[] = [];
      const listening = media.problems$.subscribe((problems) => said.push(problems.map((one) => one.code).join()));
      at(4_900, () => expect(said).toEqual([""]));
      at(9_000, () => {
        expect(said.at(-1)).toBe(code);
        listening.unsubscribe();
      });
      flush();
    })(),
  );
});

test(
  "A hundred calls leave nothing behind",
  marbles(({ flush }) => {
    const { enter, sfu } = callScene(["alice", "bob"], { endMs: 900_000 });
    enter("bob");
    const next$ = new Subject<number>();
    next$.subscribe((count) => {
      if (count === 100) return;
      const alice = enter("alice");
      at(6_000, () => {
        expect(wordsNow(alice.call.participants$.value)).toBe("bob connected microphone,camera video");
        alice.leave();
      });
      at(7_000, () => {
        expect(sfu.connected).toBe("sfu:bob");
        alice.stop();
        next$.next(count + 1);
      });
    });
    at(1_000, () => next$.next(0));
    at(800_000, () => expect([...sfu.open].flatMap(({ changes$ }) => changes$.observed)).toEqual([true]));
    flush();
    expect(sfu.open.size).toBe(0);
  }),
);

test(
  "An SDK that sees a change in each thing that it is asked for is asked no more often as time passes",
  marbles(({ flush }) => {
    const { enter, sfu } = callScene(["alice", "bob"]);
    const asked: number[] = [];
    const rooms: SfuRooms<string> = (options) => {
      const room = sfu.rooms(options);
      const changes$ = new Subject<void>();
      const take = room.receive.bind(room);
      const receive: typeof take = (...what) => {
        asked.push(asyncScheduler.now());
        take(...what);
        changes$.next();
      };
      return Object.defineProperties(room, { changes$: { value: changes$ }, receive: { value: receive } });
    };
    const alice = enter("alice", "sfu", { rooms });
    enter("bob");
    for (let ms = 1_000; ms < 8_000; ms += 100)
      at(ms, () => alice.media$.next(sendingOf("alice", ms % 200 === 0 ? "mic cam" : "mic cam!")));
    at(8_000, () => {
      const between = (fromTs: number, toTs: number) => asked.filter((ts) => ts > fromTs && ts < toTs).length;
      expect(between(6_000, 8_000)).toBeLessThan(between(1_000, 3_000) * 1.5);
    });
    flush();
  }),
);
