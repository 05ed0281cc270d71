// Keys between sessions over the virtual homeserver: what each holds, and what it can say of the others. protocol.md 5.
import { map, type Observable, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import { rtcSession } from "../../src/session.ts";
import { keyName, virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";
import type { EncryptionKey } from "../../src/types.ts";
import { stateContent, stateMember, stickyContent, stickyLeave, stickyMember } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];

function twoSessions(options: VirtualHomeserverOptions = {}) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1, ...options });
  const roomId = home.createRoom({ members: [alice, bob, carl], encrypted: true });
  const sessionOf = (userId: string) => rtcSession(home.client(userId, "PHONE"), { roomId, slot: "m.call#ROOM" });
  return { home, roomId, a: sessionOf(alice), b: sessionOf(bob) };
}

for (const mode of ["compatibility", "matrix_2_0"] as const)
  for (const [one, other] of [
    ["m.call#ROOM", "m.call#SIDE"],
    ["m.call#ROOM", "org.board#1"],
    ["org.board#1", "org.board#2"],
  ] as const)
    for (const keyTransport of ["to-device", "room-event"] as const)
      it(
        `two people in ${one} and in ${other} of one room in ${mode} mode, keys as ${keyTransport}, do not mix their keys`,
        marbles(({ flush }) => {
          const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
          const roomId = home.createRoom({ members: [alice, bob], encrypted: true });
          const clients = [alice, bob].map((userId) => home.client(userId, "PHONE"));
          const slotOf = new Map<string, string>();
          const taken: { by: string; key: string }[] = [];
          for (const slot of [one, other])
            for (const client of clients) {
              const session = rtcSession(client, { roomId, slot });
              session.encryptionKey$.subscribe(({ own, key }) =>
                own ? slotOf.set(key.join(), slot) : taken.push({ by: slot, key: key.join() }),
              );
              session.join({ mode, keyTransport, leaveOn: timer(20_000) }).subscribe();
            }
          flush();
          const words = taken.map(({ by, key }) => `${by} has a key of ${slotOf.get(key)}`);
          expect(words.toSorted()).toEqual(
            [one, one, other, other].map((slot) => `${slot} has a key of ${slot}`).toSorted(),
          );
        }),
      );

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

describe("what is known of keys", () => {
  it(
    "ends with our leave, though others stay, and begins anew with our next join",
    marbles(({ flush }) => {
      const { a, b } = twoSessions();
      const log: string[] = [];
      const look = (at: number) =>
        timer(at).subscribe(() => {
          const keys = a.membership$.value.flatMap((member) => a.keysOf(member).map(keyName));
          log.push([at, a.encryptionStatus$.value.map(wordOf).join(", "), ...keys].join(" "));
        });
      b.join({ leaveOn: timer(4_000) }).subscribe();
      timer(10).subscribe(() => a.join({ leaveOn: timer(990) }).subscribe());
      timer(2_000).subscribe(() => a.join({ leaveOn: timer(1_000) }).subscribe());
      [900, 1_500, 2_005, 2_900, 3_500].forEach(look);
      flush();
      // At each leave of ours Bob makes a new key.
      expect(log).toEqual([
        "900 bob ok 0, alice ok 0 bob#0 alice#0",
        "1500 ",
        "2005 bob waiting no-key",
        "2900 bob ok 1, alice ok 0 bob#1 alice#0",
        "3500 ",
      ]);
    }),
  );

  it(
    "of a member is over when it leaves, though it comes back on the same device without a key",
    marbles(({ flush }) => {
      const { home, roomId, a, b } = twoSessions();
      const event = { type: stateMember, sender: bob, stateKey: `_${bob}_PHONE_m.call` };
      const content = stateContent({ device_id: "PHONE", membershipID: `${bob}:PHONE` });
      timer(1_000).subscribe(() => home.setState(roomId, { ...event, content }));
      const log: string[] = [];
      const look = (at: number) =>
        timer(at).subscribe(() => log.push(`${at} ${a.encryptionStatus$.value.map(wordOf).join(", ")}`));
      a.join({ leaveOn: timer(3_000) }).subscribe();
      b.join({ leaveOn: timer(500) }).subscribe();
      [400, 900, 1_100].forEach(look);
      flush();
      expect(log).toEqual(["400 alice ok 0, bob ok 0", "900 alice ok 1", "1100 alice ok 1, bob waiting no-key"]);
    }),
  );

  it(
    "tells those who come late since when each key is in use",
    marbles(({ flush }) => {
      const { a, b } = twoSessions();
      const log: string[] = [];
      const look = (at: number) =>
        timer(at).subscribe(() => {
          const since = (key: EncryptionKey) => log.push(`${at}: ${keyName(key)} since ${key.sinceTs}`);
          a.encryptionKey$.subscribe(since).unsubscribe();
        });
      a.join({ leaveOn: timer(9_000) }).subscribe();
      timer(100).subscribe(() => b.join({ leaveOn: timer(400) }).subscribe());
      [300, 5_000].forEach(look);
      flush();
      expect(log).toEqual([
        "300: alice#0 since 0",
        "300: bob#0 since 108",
        "5000: alice#0 since 0",
        "5000: alice#1 since 502",
      ]);
    }),
  );
});

describe("a stay in a call", () => {
  const hourMs = 3_600_000;

  it(
    "lasts for days, though after one its beginning is believed no more: nobody joins anew or loses a key",
    marbles(({ flush }) => {
      const { home, roomId, a, b } = twoSessions({ delayedEvents: false });
      const joined: string[] = [];
      a.trace$.subscribe((entry) => entry.kind === "member-joined" && joined.push(entry.member.userId));
      const log: string[] = [];
      timer(30 * hourMs).subscribe(() => {
        log.push(a.encryptionStatus$.value.map(wordOf).toSorted().join(", "));
        a.encryptionKey$.subscribe((key) => log.push(keyName(key))).unsubscribe();
      });
      for (const session of [a, b]) session.join({ leaveOn: timer(31 * hourMs) }).subscribe();
      flush();
      expect(joined).toEqual([alice, bob]);
      expect(log).toEqual(["alice ok 0, bob ok 0", "alice#0", "bob#0"]);
      const bobs = home.events(roomId).filter(({ type, sender }) => type === stateMember && sender === bob);
      const [join, ...claims] = bobs.map(({ content }) => (content as { created_ts?: number }).created_ts);
      expect([join, claims.pop()]).toEqual([undefined, undefined]);
      expect([claims.length > 28, new Set(claims).size]).toEqual([true, 1]);
    }),
  );

  it(
    "ends with a leave, be the re-join in the same sync response and under the same member id (ordering 23)",
    marbles(({ flush }) => {
      const { home, roomId, a } = twoSessions({ syncMs: 50 });
      const content = stickyContent({ member: { id: "page", user_id: bob, device_id: "PHONE" } });
      const send = (ts: number, said: object) =>
        timer(ts).subscribe(() =>
          home.sendSticky(roomId, { type: stickyMember, sender: bob, content: said, encryption: "decrypted" }),
        );
      home.client(bob, "PHONE");
      send(100, content);
      send(20_000, stickyLeave());
      send(20_010, content);
      send(22_000, content);
      const delivered: number[] = [];
      a.trace$.subscribe(({ kind, ts }) => kind === "key-delivered" && delivered.push(ts));
      a.join({ mode: "matrix_2_0", leaveOn: timer(40_000) }).subscribe();
      flush();
      const times = delivered.filter((ts) => ts > 20_000 && ts < 21_000);
      expect([times.length, delivered.some((ts) => ts > 22_000 && ts < 23_000)]).toEqual([1, false]);
    }),
  );

  it(
    "of our own that the room takes for another does not leave us without a key",
    marbles(({ flush }) => {
      const { home, roomId, a } = twoSessions();
      const content = stateContent({ device_id: "PHONE", created_ts: 500 });
      const event = { type: stateMember, sender: alice, stateKey: `_${alice}_PHONE_m.call`, content };
      timer(1_000).subscribe(() => home.setState(roomId, event));
      const log: string[] = [];
      timer(1_500).subscribe(() => log.push(a.encryptionStatus$.value.map(wordOf).join(", ")));
      a.join({ leaveOn: timer(2_000) }).subscribe();
      flush();
      expect(log).toEqual(["alice ok 0"]);
    }),
  );
});

const roomKeyType = "io.element.call.encryption_keys";

for (const mode of ["compatibility", "matrix_2_0"] as const) {
  it(
    `two sessions in ${mode} mode understand each other by room events alone, which are encrypted`,
    marbles(({ flush }) => {
      const { home, roomId, a, b } = twoSessions();
      const options = { mode, keyTransport: "room-event", rotation: { useDelayMs: 100 } } as const;
      const keys: string[] = [];
      const names = () => a.encryptionKey$.subscribe((key) => keys.push(keyName(key))).unsubscribe();
      const statuses: string[] = [];
      const look = (at: number) =>
        timer(at).subscribe(() => {
          names();
          statuses.push(a.encryptionStatus$.value.map(wordOf).join(", "));
        });
      a.join({ ...options, leaveOn: timer(9_000) }).subscribe();
      timer(1_000).subscribe(() => b.join({ ...options, leaveOn: timer(5_000) }).subscribe());
      look(2_000);
      look(8_000);
      flush();
      expect(statuses).toEqual(["alice ok 0, bob ok 0", "alice ok 1"]);
      expect(keys).toEqual(["alice#0", "bob#0", "alice#0", "alice#1"]);
      // One of each: Bob was the last one to hear Alice.
      const events = home.events(roomId).filter(({ type }) => type === roomKeyType);
      expect(events.map(({ sender, proof }) => [sender, proof?.deviceId])).toEqual([
        [alice, "PHONE"],
        [bob, "PHONE"],
      ]);
      expect(home.requests.filter(({ request }) => request === "to-device")).toEqual([]);
    }),
  );
}

it(
  "both ways, a client of 2025 and one of 2026 each get the key, and are heard",
  marbles(({ flush }) => {
    const { home, roomId, a, b } = twoSessions();
    const old = home.client(carl, "OLD");
    const heard: unknown[] = [];
    old.roomKey$?.subscribe(({ sender, content }) => heard.push([sender, content]));
    const content = stateContent({ device_id: "OLD", membershipID: `${carl}:OLD` });
    const keys = { device_id: "OLD", call_id: "", keys: [{ index: 3, key: "AQEBAQEBAQEBAQEBAQEBAQ" }] };
    const seen: string[] = [];
    const see = () =>
      seen.push(...[a, b].map(({ encryptionStatus$ }) => encryptionStatus$.value.map(wordOf).join(", ")));

    a.join({ keyTransport: "both", leaveOn: timer(4_500) }).subscribe();
    b.join({ leaveOn: timer(4_500) }).subscribe();
    timer(500).subscribe(() => {
      old.send({ roomId, type: stateMember, stateKey: `_${carl}_OLD_m.call`, content }).subscribe();
      old.send({ roomId, type: roomKeyType, txnId: "1", content: keys }).subscribe();
    });
    timer(4_000).subscribe(see);
    flush();
    expect(seen).toEqual(Array(2).fill("alice ok 0, bob ok 0, carl ok 3"));
    const key = { index: 0, key: expect.any(String) };
    const told = { keys: [key], device_id: "PHONE", call_id: "", sent_ts: expect.any(Number) };
    // For Bob, and when Carl has come.
    expect(heard).toEqual([
      [alice, told],
      [carl, keys],
      [alice, told],
    ]);
  }),
);

it(
  "a key message that is lost leaves its member waiting, until it is asked for and given again",
  marbles(({ expectObservable }) => {
    const { home, a, b } = twoSessions();
    home.injectFault({ userId: bob, request: "to-device" }, { lose: "request" });
    a.join({ leaveOn: timer(8_000) }).subscribe();
    b.join({ leaveOn: timer(9_000) }).subscribe();
    expectObservable(inWords(a.encryptionStatus$), "^ 7s !").toBe("e 5ms w 5003ms k", {
      e: "",
      w: "alice ok 0, bob waiting no-key",
      k: "alice ok 0, bob ok 0",
    });
  }),
);
