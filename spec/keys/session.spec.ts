// Keys between sessions over the virtual homeserver: what each holds, and what it can say of the others. protocol.md 5.
import { map, type Observable, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import { rtcSession } from "../../src/session.ts";
import { keyName, virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";

const [alice, bob] = ["@alice:example.org", "@bob:example.org"];

function twoSessions(options: VirtualHomeserverOptions = {}) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1, ...options });
  const roomId = home.createRoom({ members: [alice, bob], encrypted: true });
  const sessionOf = (userId: string) => rtcSession(home.client(userId, "PHONE"), { roomId, slot: "m.call#ROOM" });
  return { home, a: sessionOf(alice), b: sessionOf(bob) };
}

/** `alice ok 0, bob waiting no-key` */
const inWords = (status$: Observable<readonly MemberEncryption[]>): Observable<string> =>
  status$.pipe(map((statuses) => statuses.map(wordOf).join(", ")));

const wordOf = ({ member, ...it_ }: MemberEncryption): string => {
  const name = member.userId.slice(1, member.userId.indexOf(":"));
  return `${name} ${it_.status} ${it_.status === "ok" ? it_.keyIndex : it_.why}`;
};

for (const mode of ["compatibility", "matrix_2_0"] as const) {
  describe(`two sessions in ${mode} mode`, () => {
    it(
      "hold each other's keys, tell late subscribers, forget who left, and hold nothing after leaving",
      marbles(({ flush }) => {
        const { a, b } = twoSessions();
        const [alices, bobs] = [a.join({ mode, leaveOn: timer(1_000) }), b.join({ mode, leaveOn: timer(500) })];
        const log: string[] = [];
        const look = (at: number, read: () => unknown) =>
          timer(at).subscribe(() => log.push(`${at} ${JSON.stringify(read())}`));
        const late = () => {
          const names: string[] = [];
          a.encryptionKey$.subscribe((key) => names.push(keyName(key))).unsubscribe();
          return names;
        };
        const bobsKeys = () => b.membership$.value.flatMap((member) => b.keysOf(member).map(keyName));

        look(100, late);
        look(100, bobsKeys);
        look(100, () => a.encryptionStatus$.value.map(wordOf));
        look(900, late);
        look(900, () => a.encryptionStatus$.value.map(wordOf));
        look(2_000, late);
        look(2_000, () => a.encryptionStatus$.value.length);
        look(2_000, () => [b.statistics$.value.keysMade, b.statistics$.value.received, b.statistics$.value.refused]);
        alices.subscribe();
        bobs.subscribe();
        flush();
        expect(log).toEqual([
          '100 ["alice#0","bob#0"]',
          '100 ["alice#0","bob#0"]',
          '100 ["alice ok 0","bob ok 0"]',
          '900 ["alice#0","alice#1"]',
          '900 ["alice ok 1"]',
          "2000 []",
          "2000 0",
          "2000 [1,1,0]",
        ]);
      }),
    );
  });
}

it(
  "a key message that is lost leaves its member waiting, until it is asked for and given again",
  marbles(({ expectObservable }) => {
    const { home, a, b } = twoSessions();
    home.answer({ userId: bob, request: "to-device" }, { lose: "request" });
    a.join({ leaveOn: timer(8_000) }).subscribe();
    b.join({ leaveOn: timer(9_000) }).subscribe();
    expectObservable(inWords(a.encryptionStatus$), "^ 7s !").toBe("e 5ms w 5003ms k", {
      e: "",
      w: "alice ok 0, bob waiting no-key",
      k: "alice ok 0, bob ok 0",
    });
  }),
);
