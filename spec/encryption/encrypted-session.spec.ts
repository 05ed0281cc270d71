// Keys between sessions over the virtual homeserver: what each holds, and what it says about the others. protocol.md 5.
import { map, type Observable, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import { encryptedSession, type EncryptedSession } from "../../src/encryption/encrypted-session.ts";
import { keyName, virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";
import type { EncryptionKey } from "../../src/types.ts";
import { stateContent, stateMember, stickyContent, stickyLeave, stickyMember } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];
const modes = ["compatibility", "matrix_2_0"] as const;

function twoSessions(options: VirtualHomeserverOptions = {}) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1, ...options });
  const roomId = home.createRoom({ members: [alice, bob, carl], encrypted: true });
  const sessionOf = (userId: string) => encryptedSession(home.client(userId, "PHONE"), { roomId, slot: "m.call#ROOM" });
  return { home, roomId, a: sessionOf(alice), b: sessionOf(bob) };
}

/** `alice ok 0, bob waiting no-key` */
const inWords = ({ encryptionStatus$ }: EncryptedSession): Observable<string> =>
  encryptionStatus$.pipe(map((statuses) => Array.from(statuses.values(), wordOf).join(", ")));

const wordOf = (one: MemberEncryption): string => {
  const name = one.userId.slice(1, one.userId.indexOf(":"));
  return `${name} ${one.status} ${one.status === "ok" ? one.keyIndex : one.reason}`;
};

const statuses = ({ encryptionStatus$ }: EncryptedSession): string =>
  Array.from(encryptionStatus$.value.values(), wordOf).toSorted().join(", ");

/** `alice#0 bob#0`: the keys that a session holds. */
const heldKeys = ({ keys$ }: EncryptedSession): string => keys$.value.map(keyName).join(" ");

/** The keys that a late subscriber gets. */
function lateKeys({ encryptionKey$ }: EncryptedSession): readonly EncryptionKey[] {
  const keys: EncryptionKey[] = [];
  encryptionKey$.subscribe((key) => keys.push(key)).unsubscribe();
  return keys;
}

const slotPairs = [
  ["m.call#ROOM", "m.call#SIDE"],
  ["m.call#ROOM", "org.board#1"],
  ["org.board#1", "org.board#2"],
] as const;
const transports = ["to-device", "room-event"] as const;

describe("two calls in one room", () => {
  it.each(
    modes.flatMap((mode) =>
      slotPairs.flatMap(([one, other]) => transports.map((transport) => [one, other, mode, transport] as const)),
    ),
  )("calls in %s and %s do not mix their keys (%s, %s)", (one, other, mode, transport) =>
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice, bob], encrypted: true });
      const clients = [alice, bob].map((userId) => home.client(userId, "PHONE"));
      const slotOf = new Map<string, string>();
      const received: { by: string; key: string }[] = [];
      for (const slot of [one, other])
        for (const client of clients) {
          const session = encryptedSession(client, { roomId, slot });
          session.encryptionKey$.subscribe(({ own, key }) =>
            own ? slotOf.set(key.join(), slot) : received.push({ by: slot, key: key.join() }),
          );
          session.join({ mode, keys: { transport }, leaveOn: timer(20_000) }).subscribe();
        }
      flush();
      const words = received.map(({ by, key }) => `${by} has a key of ${slotOf.get(key)}`);
      expect(words.toSorted()).toEqual(
        [one, one, other, other].map((slot) => `${slot} has a key of ${slot}`).toSorted(),
      );
    })(),
  );
});

describe("the keys of a session", () => {
  it.each(modes)("keys come to late subscribers too, go with the member that leaves, and go with us (%s)", (mode) =>
    marbles(({ cold, expectObservable, flush }) => {
      const { a, b } = twoSessions();
      a.join({ mode, leaveOn: timer(1_000) }).subscribe();
      b.join({ mode, leaveOn: timer(500) }).subscribe();
      const look$ = cold("    100ms i 799ms j 1099ms k");
      const both = "alice#0 bob#0";
      const ours = "alice#0 alice#1";
      const expected = "      100ms i 799ms j 1099ms k";
      expectObservable(look$.pipe(map(() => heldKeys(a)))).toBe(expected, { i: both, j: ours, k: "" });
      const late$ = look$.pipe(map(() => lateKeys(a).map(keyName).join(" ")));
      expectObservable(late$).toBe(expected, { i: both, j: ours, k: "" });
      const status$ = look$.pipe(map(() => statuses(a)));
      expectObservable(status$).toBe(expected, { i: "alice ok 0, bob ok 0", j: "alice ok 1", k: "" });
      flush();
      expect(b.statistics$.value).toMatchObject({ keysCreated: 1, received: 1, rejected: 0 });
    })(),
  );

  it(
    "all keys go with our leave although others stay, and come again with our next join",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = twoSessions();
      b.join({ leaveOn: timer(4_000) }).subscribe();
      timer(10).subscribe(() => a.join({ leaveOn: timer(990) }).subscribe());
      timer(2_000).subscribe(() => a.join({ leaveOn: timer(1_000) }).subscribe());
      const look$ = cold("900ms i 599ms j 504ms k 894ms l 599ms m");
      const expected = "  900ms i 599ms j 504ms k 894ms l 599ms m";
      // Bob makes a new key at each of our leaves.
      const status = { i: "alice ok 0, bob ok 0", k: "bob waiting no-key", l: "alice ok 0, bob ok 1" };
      expectObservable(look$.pipe(map(() => statuses(a)))).toBe(expected, { ...status, j: "", m: "" });
      const keys = { i: "alice#0 bob#0", j: "", k: "alice#0", l: "alice#0 bob#1", m: "" };
      expectObservable(look$.pipe(map(() => heldKeys(a)))).toBe(expected, keys);
    }),
  );

  it(
    "our key is shown at once in each stay, also while nobody else is in the call",
    marbles(({ expectObservable }) => {
      const { a } = twoSessions();
      a.join({ leaveOn: timer(500) }).subscribe();
      timer(1_000).subscribe(() => a.join({ leaveOn: timer(500) }).subscribe());
      const shown$ = a.keys$.pipe(map((keys) => keys.map(keyName).join(" ")));
      const expected = "i 499ms n 499ms i 499ms n";
      expectObservable(shown$).toBe(expected, { n: "", i: "alice#0" });
    }),
  );

  it(
    "the keys of a member go with it, also if its device is back without a key",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b } = twoSessions();
      const event = { type: stateMember, sender: bob, stateKey: `_${bob}_PHONE_m.call` };
      const content = stateContent({ device_id: "PHONE", membershipID: `${bob}:PHONE` });
      timer(1_000).subscribe(() => home.setState(roomId, { ...event, content }));
      a.join({ leaveOn: timer(3_000) }).subscribe();
      b.join({ leaveOn: timer(500) }).subscribe();
      const status$ = cold("        400ms i 499ms j 199ms k").pipe(map(() => statuses(a)));
      expectObservable(status$).toBe("400ms i 499ms j 199ms k", {
        i: "alice ok 0, bob ok 0",
        j: "alice ok 1",
        k: "alice ok 1, bob waiting no-key",
      });
    }),
  );

  it(
    "each key says since when it is in use",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = twoSessions();
      a.join({ leaveOn: timer(9_000) }).subscribe();
      timer(100).subscribe(() => b.join({ leaveOn: timer(400) }).subscribe());
      const since$ = cold("        300ms i 4699ms j").pipe(
        map(() => lateKeys(a).map((key) => `${keyName(key)} since ${key.sinceTs}`)),
      );
      expectObservable(since$).toBe("300ms i 4699ms j", {
        i: ["alice#0 since 0", "bob#0 since 108"],
        j: ["alice#0 since 0", "alice#1 since 502"],
      });
    }),
  );
});

describe("a stay in a call", () => {
  const hourMs = 3_600_000;

  it(
    "a stay lasts for days without a re-join or the loss of a key, though others stop to believe its age after one day",
    marbles(({ flush }) => {
      const { home, roomId, a, b } = twoSessions({ delayedEvents: false });
      const joined: string[] = [];
      a.trace$.subscribe((entry) => entry.kind === "member-joined" && joined.push(entry.member.userId));
      const log: string[] = [];
      timer(30 * hourMs).subscribe(() => log.push(statuses(a), heldKeys(a)));
      for (const session of [a, b]) session.join({ leaveOn: timer(31 * hourMs) }).subscribe();
      flush();
      expect(joined).toEqual([alice, bob]);
      expect(log).toEqual(["alice ok 0, bob ok 0", "alice#0 bob#0"]);
      const bobs = home.events(roomId).filter(({ type, sender }) => type === stateMember && sender === bob);
      const [join, ...claims] = bobs.map(({ content }) => (content as { created_ts?: number }).created_ts);
      expect([join, claims.pop()]).toEqual([undefined, undefined]);
      expect([claims.length > 28, new Set(claims).size]).toEqual([true, 1]);
    }),
  );

  it(
    "a stay ends with a leave, also if the re-join comes in the same sync response with the same member id (ordering 23)",
    marbles(({ flush }) => {
      const { home, roomId, a } = twoSessions({ syncMs: 50 });
      const content = stickyContent({ member: { id: "page", user_id: bob, device_id: "PHONE" } });
      const send = (ts: number, sent: object) =>
        timer(ts).subscribe(() =>
          home.sendSticky(roomId, { type: stickyMember, sender: bob, content: sent, encryption: "decrypted" }),
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
    "we keep our key when the room shows us as another stay",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a } = twoSessions();
      const content = stateContent({ device_id: "PHONE", created_ts: 500 });
      const event = { type: stateMember, sender: alice, stateKey: `_${alice}_PHONE_m.call`, content };
      timer(1_000).subscribe(() => home.setState(roomId, event));
      a.join({ leaveOn: timer(2_000) }).subscribe();
      expectObservable(cold("1500ms i").pipe(map(() => statuses(a)))).toBe("1500ms i", { i: "alice ok 0" });
    }),
  );
});

const roomKeyType = "io.element.call.encryption_keys";

describe("keys as room events", () => {
  it.each(modes)("two sessions understand each other by encrypted room events alone (%s)", (mode) =>
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, a, b } = twoSessions();
      const options = { mode, keys: { transport: "room-event", rotation: { useDelayMs: 100 } } } as const;
      a.join({ ...options, leaveOn: timer(9_000) }).subscribe();
      timer(1_000).subscribe(() => b.join({ ...options, leaveOn: timer(5_000) }).subscribe());
      const look$ = cold("2s i 5999ms j");
      const status = { i: "alice ok 0, bob ok 0", j: "alice ok 1" };
      expectObservable(look$.pipe(map(() => statuses(a)))).toBe("2s i 5999ms j", status);
      const keys = { i: "alice#0 bob#0", j: "alice#0 alice#1" };
      expectObservable(look$.pipe(map(() => heldKeys(a)))).toBe("2s i 5999ms j", keys);
      flush();
      // One of each: nobody but Bob has ever received a key of Alice.
      const events = home.events(roomId).filter(({ type }) => type === roomKeyType);
      expect(events.map(({ sender, proof }) => [sender, proof?.deviceId])).toEqual([
        [alice, "PHONE"],
        [bob, "PHONE"],
      ]);
      expect(home.requests.filter(({ request }) => request === "to-device")).toEqual([]);
    })(),
  );

  it(
    "with both transports, a client of 2025 and one of 2026 get our key, and we get theirs",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, a, b } = twoSessions();
      const old = home.client(carl, "OLD");
      const heard: unknown[] = [];
      old.roomKey$?.subscribe(({ sender, content }) => heard.push([sender, content]));
      const content = stateContent({ device_id: "OLD", membershipID: `${carl}:OLD` });
      const keys = { device_id: "OLD", call_id: "", keys: [{ index: 3, key: "AQEBAQEBAQEBAQEBAQEBAQ" }] };

      a.join({ keys: { transport: "both" }, leaveOn: timer(4_500) }).subscribe();
      b.join({ leaveOn: timer(4_500) }).subscribe();
      timer(500).subscribe(() => {
        old.send({ roomId, type: stateMember, stateKey: `_${carl}_OLD_m.call`, content }).subscribe();
        old.send({ roomId, type: roomKeyType, txnId: "1", content: keys }).subscribe();
      });
      const status$ = cold("4s i").pipe(map(() => [a, b].map(statuses)));
      const all = "alice ok 0, bob ok 0, carl ok 3";
      expectObservable(status$).toBe("4s i", { i: [all, all] });
      flush();
      const key = { index: 0, key: expect.any(String) };
      const sent = { keys: [key], device_id: "PHONE", call_id: "", sent_ts: expect.any(Number) };
      // For Bob, and once more when Carl has joined.
      expect(heard).toEqual([
        [alice, sent],
        [carl, keys],
        [alice, sent],
      ]);
    }),
  );
});

describe("a lost key message", () => {
  it(
    "a lost key message leaves its member waiting until the key is requested and sent again",
    marbles(({ expectObservable }) => {
      const { home, a, b } = twoSessions();
      home.injectFault({ userId: bob, request: "to-device" }, { lose: "request" });
      a.join({ leaveOn: timer(8_000) }).subscribe();
      b.join({ leaveOn: timer(9_000) }).subscribe();
      expectObservable(inWords(a), "^ 7s !").toBe("e 5ms w 5003ms k", {
        e: "",
        w: "alice ok 0, bob waiting no-key",
        k: "alice ok 0, bob ok 0",
      });
    }),
  );
});
