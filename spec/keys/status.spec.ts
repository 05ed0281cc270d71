// The encryption status of each member, as a UI reads it. protocol.md 5.4, 5.7, pitfalls 2, item 4.
import { distinctUntilChanged, map, Observable, takeUntil, timer } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import type { DecryptionReport } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { keyName } from "../../src/testing/marble-names.ts";
import { letter, member, type Plan, scene } from "./scene.ts";

/** `ok 0`, or why not; then whether our key is on its way. */
function wordsOf(encryption: MemberEncryption | undefined): string {
  if (!encryption) return "absent";
  const { unreached } = encryption;
  const word = encryption.status === "ok" ? `ok ${encryption.keyIndex}` : encryption.reason;
  return unreached ? `${word}, unreached: ${unreached}` : word;
}

/** The status of a member, in words, while we exchange keys. */
const statusOf = ({ keys, key$ }: ReturnType<typeof scene>, name: string): Observable<string> =>
  new Observable<string>((subscriber) => {
    const words$ = keys.encryptionStatus$.pipe(
      map((statuses) => wordsOf(statuses.get(member(name).participantIdentity))),
      distinctUntilChanged(),
    );
    subscriber.add(key$.subscribe());
    subscriber.add(words$.subscribe(subscriber));
  });

/** Letters of Bob: a number is a key of this index, upper case is something that is not accepted. */
const letters = {
  "0": letter({ from: "bob", index: 0 }),
  "1": letter({ from: "bob", index: 1 }),
  /** The key of the largest index. */
  m: letter({ from: "bob", index: 255 }),
  /** Another key with index 0. */
  n: letter({ from: "bob", index: 0, key: 2, sentTs: 9 }),
  /** The key with index 0 again, as an answer. */
  r: letter({ from: "bob", index: 0, sentTs: 5 }),
  /** Keys for a membership that we do not see. */
  E: letter({ from: "bob2", index: 0 }),
  F: letter({ from: "bob2", index: 1 }),
  C: letter({ from: "bob", proof: "none" }),
  U: letter({ from: "bob", proof: { crossSigned: false } }),
  L: letter({ from: "bob", proof: { deviceId: "LAPTOP", crossSigned: true } }),
  O: letter({ from: "bob", content: { member: { id: "id-of-bob", claimed_device_id: "LAPTOP" } } }),
  S: letter({ from: "bob", proof: { deviceId: "PHONE", crossSigned: false } }),
  M: letter({ from: "bob", memberId: "id-of-carl" }),
};

const report = (result: DecryptionReport["result"], keyIndex?: number): DecryptionReport => ({
  participantIdentity: "sfu-bob",
  result,
  keyIndex,
});
/** Reports about Bob. */
const reports = {
  o: report("ok"),
  i: report("invalid-key"),
  x: report("missing-key"),
  "0": report("missing-key", 0),
  "1": report("missing-key", 1),
  "2": report("missing-key", 2),
  m: report("missing-key", 255),
};

const words: Record<string, string> = {
  "0": "ok 0",
  "1": "ok 1",
  "5": "ok 255",
  n: "no-key",
  e: "key-early",
  m: "missing-key",
  i: "invalid-key",
  u: "device-unknown, unreached: unknown-device",
  f: "send-failed, unreached: failed",
  g: "ok 0, unreached: failed",
  c: "cleartext",
  a: "absent",
};

interface Drawing extends Omit<Plan, "members" | "letters" | "reports"> {
  readonly members?: string;
  readonly letters?: string;
  readonly reports?: string;
  readonly expected: string;
}

/** `b`: Bob, `d`: Bob again on the same device, `s`: Bob as two members, `n`: nobody but Carl, `w` and `x`: `b` and `d` without Carl. */
const lists = { b: "me carl bob", w: "me bob", x: "me bob2", d: "me carl bob2", s: "me carl bob bob2", n: "me carl" };

/** Draws letters, reports and members; and the status of Bob. */
const shows = (drawing: Drawing, name = "bob") =>
  marbles(({ cold, expectObservable }: RunHelpers) => {
    const { members = "b", letters: mail = "", reports: reported = "", expected, ...plan } = drawing;
    const call = scene({
      ...plan,
      members: cold(members, lists),
      letters: cold(mail, letters),
      reports: cold(reported, reports),
    });
    expectObservable(statusOf(call, name), "^ 100s !").toBe(expected, words);
  });

describe("the status of a member", () => {
  it("the status is no-key until a key comes", shows({ letters: "--0", expected: "n-0" }));
  it("the status is ok with the newest key", shows({ letters: "--0-1", expected: "n-0-1" }));
  it("the status is absent for a user who is no member", shows({ members: "n", expected: "a" }));

  it(
    "the status is key-early while a key waits for a membership that we do not see, for a minute",
    shows({ letters: "--E", expected: "n-e 59999ms n" }),
  );
  it(
    "the status is key-early while a key names the id of another member",
    shows({ letters: "--M", expected: "n-e 59999ms n" }),
  );
  it(
    "the status is key-early again when another key waits after the first was given up",
    shows({ letters: "--E 69997ms F", expected: "n-e 59999ms n 9997ms e" }),
  );
  it("the status is key-early until both of two keys are given up", shows({ letters: "--EF", expected: "n-e 60s n" }));
  it(
    "the status is no-key again once the key that waited counts for another membership of the device",
    shows({ members: "b----s", letters: "--E", expected: "n-e--n" }),
  );
  it(
    "the status is no-key for a member that we see a minute after its key was given up",
    shows({ members: "n 62s b", letters: "--E", expected: "a 62s n" }),
  );

  it(
    "the status is ok from the start if a key came before a member that was reported to have none at all",
    shows({ members: "n----b", reports: "--x", letters: "---0", expected: "a----0" }),
  );
  it(
    "the status is ok from the start if a member was reported to have no key at all after its key came",
    shows({ members: "n----b", letters: "--0", reports: "---x", expected: "a----0" }),
  );
  it(
    "the status is missing-key if the key that came before its member is of another index than the media lacks",
    shows({ members: "n----b", reports: "--1", letters: "---0", expected: "a----m" }),
  );
  it(
    "the status is ok from the start if the key that the media lacked came before its membership",
    shows({ members: "n----b", letters: "---0", reports: "--0", expected: "a----0" }),
  );
  it(
    "the status stays invalid-key when the key that does not fit is sent again",
    shows({ reports: "---i", letters: "-0---r", expected: "n0-i" }),
  );

  it("the status stays ok when a forged key comes after a good one", shows({ letters: "--0L", expected: "n-0-" }));
  it("the status stays ok when an outdated key comes", shows({ letters: "--n0", expected: "n-0-" }));

  it(
    "the status is device-unknown while no key came and the server does not know the device",
    shows({ outcome: () => "unknown-device", expected: "u" }),
  );
  it(
    "the status is send-failed while no key came and ours cannot be sent",
    shows({ outcome: () => "failed", expected: "f" }),
  );
  it(
    "the status says that our key did not arrive, although theirs did",
    shows({ outcome: () => "failed", letters: "--0", expected: "f-g" }),
  );
  /** Carl leaves, so that there is a new key. The answer about the first key for Bob is late. */
  const lateAnswer = {
    members: "b--w",
    letters: "--0",
    rotation: { useDelayMs: 4, maxCoalesceMs: 0 },
    latencyOf: (name: string, attempt: number) => (name === "bob" && attempt === 1 ? 20_000 : 0),
  };
  it(
    "a late failure of an older key says nothing once a newer key arrived",
    shows({ ...lateAnswer, outcome: (_, attempt) => (attempt === 1 ? "failed" : "sent"), expected: "n-0" }),
  );
  it(
    "a late delivery of an older key says nothing once a newer key failed",
    shows({ ...lateAnswer, outcome: (_, attempt) => (attempt === 1 ? "sent" : "failed"), expected: "n-0g" }),
  );
  it(
    "a late failure of an older key counts until there is an answer about a newer one",
    shows({
      ...lateAnswer,
      latencyOf: (name, attempt) => (name !== "bob" ? 0 : attempt === 1 ? 6 : 9),
      outcome: (_, attempt) => (attempt === 1 ? "failed" : "sent"),
      expected: "n-0---g-----0",
    }),
  );
  it(
    "the status forgets that our key did not arrive once it has",
    shows({
      outcome: (name, attempt) => (name === "bob" && attempt === 1 ? "failed" : "sent"),
      letters: "--0",
      expected: "f-g 997ms 0",
    }),
  );
  it(
    "the status of a membership that follows another one of its device keeps that our key did not arrive",
    shows({ members: "b--d", outcome: () => "failed", expected: "a--f" }, "bob2"),
  );
  it(
    "a late failure of an older key says nothing about a later membership of the device either",
    shows(
      {
        members: "b--w--x",
        rotation: { useDelayMs: 4, maxCoalesceMs: 0 },
        // The first answer comes when the second key has arrived and the third message is still on its way.
        latencyOf: (name, attempt) => (name !== "bob" || attempt === 2 ? 0 : attempt === 1 ? 9 : 9_000),
        outcome: (_, attempt) => (attempt === 1 ? "failed" : "sent"),
        expected: "a-----n",
      },
      "bob2",
    ),
  );
  it(
    "the status keeps that our key did not arrive when another member of the device leaves",
    shows({ members: "s-b", outcome: () => "failed", expected: "f--" }),
  );

  it(
    "the status is missing-key while the media needs another key",
    shows({ letters: "-0", reports: "--1", expected: "n0m" }),
  );
  it("the status is ok once that key comes", shows({ letters: "-0-1", reports: "--1", expected: "n0m1" }));
  it(
    "the status is ok once a later key comes, to which its member changes",
    shows({ letters: "-1-m-0", reports: "----m", expected: "n1-5-0" }),
  );
  it("the status is ok once key 0 comes after 255", shows({ letters: "-m-0", reports: "--0", expected: "n5m0" }));
  it(
    "the status stays ok if the key that the media needs has just come",
    shows({ letters: "-1", reports: "--1", expected: "n1" }),
  );
  it(
    "the status stays ok if the media needs the key before in the 5 s after a key came",
    shows({ letters: "9s 1", reports: "13999ms 0", expected: "n 8999ms 1" }),
  );
  it(
    "the status is missing-key if the media needs the key before 5 s later: it is of the next stay",
    shows({ letters: "-1 6999ms 0", reports: "5001ms 0", expected: "n1 4999ms m 1999ms 0" }),
  );
  it(
    "the status is not helped by an older key than the media needs",
    shows({ letters: "-0-1", reports: "--2", expected: "n0m" }),
  );
  it(
    "the status stays missing-key when the media layer also lacks the key that we have: it will install that",
    shows({ letters: "-0", reports: "--1-0", expected: "n0m" }),
  );
  it(
    "the status is ok again when the media layer lacks the key that we have, after one that did not fit",
    shows({ letters: "-0", reports: "--i-0", expected: "n0i-0" }),
  );
  it(
    "the status is invalid-key when the media does not fit a key that came after another one of its index",
    shows({ members: "n--b", letters: "-n----0", reports: "--------i", expected: "a--0----i" }),
  );
  it.each([
    ["ok once a key comes that is 127 indexes later than the one that the media needs", "k", "n5m7"],
    ["missing-key when a key comes that is 128 indexes off: it counts as earlier", "l", "n5m"],
  ])("the status is %s", (_, mark, expected) =>
    marbles(({ cold, expectObservable }) => {
      const marks = { ...letters, k: letter({ from: "bob", index: 127 }), l: letter({ from: "bob", index: 128 }) };
      const call = scene({
        members: cold("b", lists),
        letters: cold(`-m-${mark}`, marks),
        reports: cold("--0", reports),
      });
      expectObservable(statusOf(call, "bob"), "^----!").toBe(expected, { ...words, "7": "ok 127" });
    })(),
  );
  it(
    "the status is missing-key by a report about the membership that stays of two with one LiveKit identity",
    marbles(({ cold, expectObservable }) => {
      const { participantIdentity } = member("bob.state");
      const call = scene({
        members: cold("a--b", { a: "me bob.state bob2.state", b: "me bob2.state" }),
        letters: cold("-k", { k: letter({ from: "bob", memberId: "a-uuid" }) }),
        reports: cold("-----r", { r: { participantIdentity, result: "missing-key", keyIndex: 1 } as const }),
      });
      expectObservable(statusOf(call, "bob.state"), "^------!").toBe("n--0-m", words);
    }),
  );
  it("the status is ok once the media is decrypted", shows({ letters: "-0", reports: "--1-o", expected: "n0m-0" }));
  it(
    "the status is invalid-key while the media does not fit the key",
    shows({ letters: "-0", reports: "--i", expected: "n0i" }),
  );
  it(
    "the status is ok once another key comes instead of one that did not fit",
    shows({ letters: "-0-n", reports: "--i", expected: "n0i0" }),
  );
  it(
    "the status is ok once late media is decrypted with an older key",
    shows({ letters: "-01", reports: "---io", expected: "n01i1" }),
  );
  it(
    "the status is no-key while no key came, even if media was tried with a key of an earlier membership",
    shows({ reports: "-i1", expected: "n" }),
  );
  it(
    "the status is the reason of a rejection, even if media was tried",
    shows({ letters: "-C", reports: "--i", expected: "nc" }),
  );

  it(
    "the status starts again for the same device as another member",
    shows({ members: "n-b---d", letters: "---0", expected: "a-----n" }, "bob2"),
  );
  it(
    "the status starts again for a member that left, was reported and is back",
    shows({ members: "b--n-b", letters: "-0----0", reports: "----i", expected: "n0-a-n0" }),
  );
});

describe("the status of a member whose key is rejected", () => {
  const cases: readonly [reason: string, mark: string, plan?: Partial<Plan>][] = [
    ["cleartext", "C"],
    ["unproven-device", "U"],
    ["forged-device", "O"],
    ["not-cross-signed", "S", { requireCrossSigned: true }],
  ];
  it.each(cases)("the status is unverified: %s", (reason, mark, plan) =>
    marbles(({ cold, flush }) => {
      const call = scene({ ...plan, members: cold("b", lists), letters: cold("-k", { k: letters[mark as "C"] }) });
      let status: MemberEncryption | undefined;
      call.keys.encryptionStatus$.subscribe((statuses) => (status = statuses.get("sfu-bob") ?? status));
      call.key$.subscribe();
      flush();
      expect(status).toMatchObject({ status: "unverified", reason });
    })(),
  );

  it(
    "the status is unverified for a member that we see shortly after its key was rejected",
    shows({ members: "n--b", letters: "-C", expected: "a--c" }),
  );

  it(
    "the status is unverified for the membership that follows, in one sync, the one whose key was rejected",
    shows({ members: "b--d", letters: "-C", expected: "a--c" }, "bob2"),
  );

  it(
    "the status is no-key for a member whose device had a key rejected in a stay that is over",
    shows({ members: "b--n--d", letters: "-C", expected: "a-----n" }, "bob2"),
  );

  it.each([
    ["in the clear", "none"],
    ["by an unproven device", { crossSigned: false }],
  ] as const)("the status stays no-key when somebody else sent the message %s", (_, proof) =>
    marbles(({ cold, expectObservable }) => {
      const content = { member: { id: "id-of-bob", claimed_device_id: "PHONE", claimed_user_id: "@bob:example.org" } };
      const call = scene({
        members: cold("b", lists),
        letters: cold("-k", { k: letter({ from: "eve", proof, content }) }),
      });
      expectObservable(statusOf(call, "bob"), "^---!").toBe("n", words);
    })(),
  );
});

describe("the map of statuses", () => {
  it(
    "the map holds all members in their order, and keeps the statuses that do not change",
    marbles(({ cold, flush }) => {
      const call = scene({ members: cold("b----s", lists), letters: cold("-0-1", letters) });
      const maps: ReadonlyMap<string, MemberEncryption>[] = [];
      call.key$.subscribe();
      call.keys.encryptionStatus$.subscribe((statuses) => statuses.size > 0 && maps.push(statuses));
      flush();
      expect(maps.map((statuses) => [...statuses.keys()].join(" "))).toEqual([
        "sfu-me sfu-carl sfu-bob",
        "sfu-me sfu-carl sfu-bob",
        "sfu-me sfu-carl sfu-bob",
        "sfu-me sfu-carl sfu-bob sfu-bob2",
      ]);
      const [first, , third, last] = maps;
      expect(third?.get("sfu-carl")).toBe(first?.get("sfu-carl"));
      expect(last?.get("sfu-bob")).toBe(third?.get("sfu-bob"));
      expect(first?.get("sfu-me")).toMatchObject({ userId: "@me:example.org", status: "ok", keyIndex: 0, sinceTs: 0 });
    }),
  );

  it(
    "the map is the same object after a renewal of a member",
    marbles(({ cold, flush }) => {
      const call = scene({ members: cold("a-b", { a: "me bob", b: "me bob~" }) });
      const maps = new Set<unknown>();
      call.key$.subscribe();
      call.keys.encryptionStatus$.subscribe((statuses) => statuses.size > 0 && maps.add(statuses));
      cold("-a-b").subscribe(() => maps.add(call.keys.encryptionStatus$.value));
      flush();
      expect(maps.size).toBe(1);
    }),
  );

  it(
    "the map is the same object while nothing changes, also with a member that has no key of its own: our earlier stay",
    marbles(({ cold, flush }) => {
      const call = scene({ members: cold("a", { a: [{ ...member("me2") }, member("bob"), member("me")] }) });
      const maps = new Set<unknown>();
      call.key$.subscribe();
      cold("-a-b").subscribe(() => maps.add(call.keys.encryptionStatus$.value));
      flush();
      expect(maps.size).toBe(1);
    }),
  );
});

/** The keys that are known, as `me#0 bob#1`, each time they change. */
const knownKeys = ({ keys, key$ }: ReturnType<typeof scene>): Observable<string> =>
  new Observable((subscriber) => {
    subscriber.add(keys.keys$.pipe(map((list) => list.map(keyName).join(" "))).subscribe(subscriber));
    subscriber.add(key$.subscribe());
  });

describe("the keys that are known", () => {
  /** `a`: without Bob. */
  const drawn = { a: "me", b: "me bob", s: "me bob bob2", d: "me bob2" };
  interface KeysDrawing extends Omit<Drawing, "members"> {
    readonly members: string;
    readonly values: Readonly<Record<string, string>>;
    readonly until?: string;
  }
  const draws = ({
    members,
    letters: mail = "",
    reports: reported = "",
    expected,
    values,
    until,
    ...plan
  }: KeysDrawing) =>
    marbles(({ cold, expectObservable }: RunHelpers) => {
      const call = scene({
        rotation: { useDelayMs: 4, graceMs: 10, maxCoalesceMs: 0 },
        ...plan,
        members: cold(members, drawn),
        letters: cold(mail, letters),
        reports: cold(reported, reports),
      });
      expectObservable(knownKeys(call), until ?? "^ 90ms !").toBe(expected, { e: "", i: "me#0", ...values });
    });

  it(
    "a new key of ours is among the keys at once, also if it comes into use as a member joins",
    draws({
      members: " a-----------b",
      expected: "(ei)--------n",
      values: { n: "me#0 me#1" },
    }),
  );
  it(
    "a new key of ours is among the keys at once, also if it comes into use as a member leaves",
    draws({
      members: " b------a",
      letters: " -----0",
      expected: "(ei)-k-n",
      values: { k: "me#0 bob#0", n: "me#0 me#1" },
    }),
  );
  it(
    "the last eight keys of ours are kept",
    draws({
      members: " b",
      rotation: { useDelayMs: 1, periodMs: 8 },
      expected: "(ei)-----a-------b-------c-------d-------f-------g-------h-------j",
      values: {
        a: "me#0 me#1",
        b: "me#0 me#1 me#2",
        c: "me#0 me#1 me#2 me#3",
        d: "me#0 me#1 me#2 me#3 me#4",
        f: "me#0 me#1 me#2 me#3 me#4 me#5",
        g: "me#0 me#1 me#2 me#3 me#4 me#5 me#6",
        h: "me#0 me#1 me#2 me#3 me#4 me#5 me#6 me#7",
        j: "me#1 me#2 me#3 me#4 me#5 me#6 me#7 me#8",
      },
      until: "   ^ 70ms !",
    }),
  );
  it(
    "a key of a member is among the keys although its media needs a later one",
    draws({
      members: " b",
      letters: " -----0---1",
      reports: " -------2",
      expected: "(ei)-k---l",
      values: { k: "me#0 bob#0", l: "me#0 bob#0 bob#1" },
    }),
  );
  it(
    "another key of an index replaces the one before",
    draws({
      members: " b",
      letters: " -----0---n",
      expected: "(ei)-k---k",
      values: { k: "me#0 bob#0" },
    }),
  );
  it(
    "the keys of one of two members of a device go with it",
    draws({
      members: " s---------d",
      letters: " -----0-E",
      expected: "(ei)-k-l--m",
      values: { k: "me#0 bob#0", l: "me#0 bob#0 bob#0", m: "me#0 bob#0" },
    }),
  );

  it(
    "no key is known once we have left",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold("b", lists), letters: cold("--0", letters) });
      expectObservable(call.keys.keys$.pipe(map((list) => list.map(keyName).join(" ")))).toBe("i-b------e", {
        i: "me#0",
        e: "",
        b: "me#0 bob#0",
      });
      call.key$.pipe(takeUntil(timer(9))).subscribe();
    }),
  );
});
