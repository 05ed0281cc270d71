// Keys of others: which are installed, and when. protocol.md 5.4, 11 rows 11 to 13; pitfalls 3: orderings 13 to 15.
import { filter, map, merge, mergeMap, type Observable, of } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it, vi } from "vitest";
import type { Device, RoomKeyEvent, ToDeviceMessage } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { toUnpaddedBase64 } from "../../src/room/base64.ts";
import { keyOf, type Letter, letter, type Plan, scene } from "./scene.ts";
import type { DecryptionReport } from "../../src/types.ts";

interface Drawing extends Omit<Plan, "members" | "letters"> {
  readonly members?: string;
  readonly letters: string;
  readonly expected: string;
}

/** The keys of others, as `bob2#0=7`: the member instance, the index, and the byte that the key consists of. */
const others = ({ key$ }: ReturnType<typeof scene>): Observable<string> =>
  key$.pipe(
    filter(({ own }) => !own),
    map(({ participantIdentity, keyIndex, key }) => `${participantIdentity.replace("sfu-", "")}#${keyIndex}=${key[0]}`),
  );

const shows = (
  drawing: Drawing,
  lists: Record<string, string>,
  letters: Record<string, Letter | ToDeviceMessage>,
  words: Record<string, string> = {},
) =>
  marbles(({ cold, expectObservable }: RunHelpers) => {
    const { members = "a", letters: times, expected, ...plan } = drawing;
    const messages = Object.entries(letters).map(([mark, one]) => [mark, "type" in one ? one : letter(one)] as const);
    const call = scene({ ...plan, members: cold(members, lists), letters: cold(times, Object.fromEntries(messages)) });
    expectObservable(others(call)).toBe(expected, words);
  });

describe("a key and its member", () => {
  it(
    "a key that comes first is installed with its member (ordering 13)",
    shows(
      { members: "  a--b", letters: "-k", expected: "---x" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "a key that comes after its member is installed at once (ordering 13)",
    shows(
      { members: "  a-b", letters: "---k", expected: "---x" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "a key for a state member is installed although it carries another member id",
    shows(
      { letters: "-k", expected: "-x" },
      { a: "me bob.state" },
      { k: { from: "bob", key: 7, memberId: "a-uuid" } },
      { x: "@bob:example.org:PHONE#0=7" },
    ),
  );
});

it(
  "a key waits for its member although another user claims the id of that member",
  shows(
    { members: "  a--b", letters: "-k", expected: "---x" },
    { a: "me eve.state.bob", b: "me eve.state.bob bob.state" },
    { k: { from: "bob", key: 7, memberId: "@bob:example.org:PHONE" } },
    { x: "@bob:example.org:PHONE#0=7" },
  ),
);

it(
  "a key of a user outside the call is not installed for the member that it names",
  shows(
    { members: "a", letters: "-k", expected: "" },
    { a: "me bob" },
    { k: { from: "eve", key: 7, memberId: "id-of-bob" } },
  ),
);

it(
  "a key says since when it can be installed: since it came, or since its member did",
  marbles(({ cold, expectObservable }) => {
    const letters = cold("-k---l", { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 1, sentTs: 1 }) });
    const { key$ } = scene({ members: cold("a--b", { a: "me", b: "me bob" }), letters });
    const since$ = key$.pipe(
      filter(({ own }) => !own),
      map(({ keyIndex, sinceTs }) => `${keyIndex} since ${sinceTs}`),
    );
    expectObservable(since$).toBe("---x-y", { x: "0 since 3", y: "1 since 5" });
  }),
);

describe("an old key", () => {
  it(
    "an old key of another membership of the device is not installed (ordering 14)",
    shows(
      { members: "  a-b-c", letters: "-k---k-m", expected: "-x-----y" },
      { a: "me bob", b: "me", c: "me bob2" },
      { k: { from: "bob", key: 7 }, m: { from: "bob2", key: 8 } },
      { x: "bob#0=7", y: "bob2#0=8" },
    ),
  );

  it(
    "the newer of two keys with one index, by the sender's clock, is installed in any order (ordering 15)",
    shows(
      { letters: "-n-o-p", expected: "-x---y" },
      { a: "me bob" },
      {
        n: { from: "bob", key: 8, sentTs: 20 },
        o: { from: "bob", key: 7, sentTs: 10 },
        p: { from: "bob", key: 9, sentTs: 30 },
      },
      { x: "bob#0=8", y: "bob#0=9" },
    ),
  );

  it(
    "an older key that waited with a newer one for the member is not installed",
    shows(
      { members: "  a---b", letters: "-no", expected: "----y" },
      { a: "me", b: "me bob" },
      { n: { from: "bob", key: 8, sentTs: 20 }, o: { from: "bob", key: 7, sentTs: 10 } },
      { y: "bob#0=8" },
    ),
  );

  it(
    "an older key that waited with a newer one is traced as outdated, with a clock of its sender that is behind",
    marbles(({ cold, expectObservable, flush }) => {
      const letters = cold("-no", {
        n: letter({ from: "bob", key: 8, sentTs: -10 }),
        o: letter({ from: "bob", key: 7, sentTs: -20 }),
      });
      const call = scene({ members: cold("a---b", { a: "me", b: "me bob" }), letters });
      expectObservable(others(call), "^-----!").toBe("----y", { y: "bob#0=8" });
      flush();
      expect(call.traced("key-rejected", "key-received")).toMatchObject([
        { kind: "key-rejected", reason: "outdated", userId: "@bob:example.org", deviceId: "PHONE", keyIndex: 0 },
        { kind: "key-received" },
      ]);
    }),
  );

  it(
    "a longer key that begins with the one before is another key",
    shows(
      { letters: "-k-l", expected: "-x-x" },
      { a: "me bob" },
      {
        k: { from: "bob", key: 7, sentTs: 10 },
        l: { from: "bob", bytes: new Uint8Array(32).fill(7, 0, 16), sentTs: 20 },
      },
      { x: "bob#0=7" },
    ),
  );

  it(
    "an old key of a state member that re-joined does not count",
    shows(
      { members: "  a-b", letters: "-k--n", expected: "-x--y" },
      { a: "me bob.state", b: "me bob2.state" },
      { k: { from: "bob", key: 7, sentTs: 10 }, n: { from: "bob", key: 8, sentTs: 5 } },
      { x: "@bob:example.org:PHONE#0=7", y: "@bob:example.org:PHONE#0=8" },
    ),
  );

  it(
    "a key that is sent again is not emitted again",
    shows(
      { letters: "-k-l", expected: "-x--" },
      { a: "me bob" },
      { k: { from: "bob", key: 7, sentTs: 10 }, l: { from: "bob", key: 7, sentTs: 20 } },
      { x: "bob#0=7" },
    ),
  );
});

it(
  "keys of a sticky member that came while its device was a state member are installed for both",
  shows(
    { members: "  a-b", letters: "-k", expected: "-xy" },
    { a: "me bob.state", b: "me bob" },
    { k: { from: "bob", key: 7 } },
    { x: "@bob:example.org:PHONE#0=7", y: "bob#0=7" },
  ),
);

it(
  "a sticky member does not get keys of another membership of its device",
  shows(
    { members: "  a--b", letters: "-kl", expected: "-xy-" },
    { a: "me bob.state", b: "me bob" },
    { k: { from: "bob", key: 7, memberId: "a-uuid" }, l: { from: "bob", key: 8, memberId: "a-uuid", index: 1 } },
    { x: "@bob:example.org:PHONE#0=7", y: "@bob:example.org:PHONE#1=8" },
  ),
);

it(
  "a key is installed after another membership of its device has left",
  shows(
    { members: "  a-b", letters: "---k", expected: "---x" },
    { a: "me bob bob2", b: "me bob2" },
    { k: { from: "bob2", key: 7 } },
    { x: "bob2#0=7" },
  ),
);

describe("the keys of a member", () => {
  it(
    "no key is kept after its member has left",
    shows(
      { members: "  a-b-a", letters: "-k---k", expected: "-x---x" },
      { a: "me bob", b: "me" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "the last eight keys of a member are kept",
    marbles(({ cold, expectObservable, flush }) => {
      const letters = Object.fromEntries([..."abcdefghi"].map((mark, index) => [mark, letter({ from: "bob", index })]));
      const call = scene({ members: cold("m", { m: "me bob" }), letters: cold("-abcdefghi-b-a", letters) });
      const words = Object.fromEntries([..."abcdefghi"].map((mark, index) => [mark, `bob#${index}=1`]));
      expectObservable(others(call)).toBe("-abcdefghi---a", words);
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "outdated", keyIndex: 1 }]);
    }),
  );
});

describe("a rejected key", () => {
  interface Case {
    readonly title: string;
    readonly message: Letter | ToDeviceMessage;
    readonly rejection: object;
    readonly plan?: Partial<Plan>;
  }
  const cases: readonly Case[] = [
    {
      title: "in the clear",
      message: { from: "bob", proof: "none" },
      rejection: { reason: "cleartext", deviceId: "PHONE" },
    },
    {
      title: "of an unknown device",
      message: { from: "bob", proof: { crossSigned: true } },
      rejection: { reason: "unproven-device", deviceId: "PHONE" },
    },
    {
      title: "that claims to be of another device",
      message: { from: "bob", proof: { deviceId: "LAPTOP", crossSigned: true } },
      rejection: { reason: "forged-device" },
    },
    {
      title: "of a device that is not cross-signed, if that is required",
      message: { from: "bob", proof: { deviceId: "PHONE", crossSigned: false } },
      rejection: { reason: "not-cross-signed" },
      plan: { requireCrossSigned: true },
    },
    {
      title: "that is null",
      message: { type: "io.element.call.encryption_keys", sender: "@bob:example.org", content: null },
      rejection: { reason: "malformed", path: "room_id" },
    },
  ];
  const malformed: readonly [string, object, string][] = [
    ["no keys", { keys: undefined }, "keys"],
    ["keys as a list", { keys: [{ index: 0, key: "AAAA" }] }, "keys"],
    ["a negative index", { keys: { index: -1, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["an index over 255", { keys: { index: 256, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["a fractional index", { keys: { index: 0.5, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["an index as a string", { keys: { index: "0", key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["a short key", { keys: { index: 0, key: "AAEC" } }, "keys.key"],
    ["a key that is no base64", { keys: { index: 0, key: "!" } }, "keys.key"],
    ["a key that is no string", { keys: { index: 0, key: 7 } }, "keys.key"],
    ["no room", { room_id: undefined }, "room_id"],
    ["no device", { member: {} }, "member.claimed_device_id"],
    ["a device id of 256 characters", { member: { claimed_device_id: "X".repeat(256) } }, "member.claimed_device_id"],
    ["no member", { member: "bob" }, "member.claimed_device_id"],
  ];
  const malformedCases = malformed.map(
    ([title, content, path]): Case => ({
      title: `with ${title}`,
      message: { from: "bob", content },
      rejection: { reason: "malformed", path },
    }),
  );

  it.each([...cases, ...malformedCases])(
    "a key $title is traced with the reason",
    ({ message: drawn, rejection, plan }) =>
      marbles(({ cold, expectObservable, flush }) => {
        const message = "type" in drawn ? drawn : letter(drawn);
        const call = scene({ ...plan, members: cold("a", { a: "me bob carl" }), letters: cold("-k", { k: message }) });
        expectObservable(others(call), "^---!").toBe("");
        flush();
        expect(call.traced("key-rejected", "key-early", "key-received")).toMatchObject([
          { kind: "key-rejected", userId: message.sender, ...rejection },
        ]);
      })(),
  );

  it(
    "a replayed key is traced as outdated",
    marbles(({ cold, expectObservable, flush }) => {
      const message = letter({ from: "bob", sentTs: 10 });
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k-k", { k: message }) });
      expectObservable(others(call)).toBe("-x", { x: "bob#0=1" });
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "outdated", userId: "@bob:example.org" }]);
    }),
  );

  it(
    "a key whose member is not seen within a minute is traced as never-a-member",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a 61s b", { a: "me", b: "me bob" }),
        letters: cold("-k", { k: letter({ from: "bob" }) }),
      });
      expectObservable(others(call)).toBe("");
      flush();
      expect(call.traced("key-rejected", "key-early")).toMatchObject([
        { kind: "key-early" },
        { kind: "key-rejected", reason: "never-a-member" },
      ]);
    }),
  );

  it(
    "the oldest of more than ten keys that wait for one device is rejected",
    marbles(({ cold, expectObservable, flush }) => {
      const indexes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
      const marks = Object.fromEntries(indexes.map((index) => [index.toString(16), letter({ from: "bob", index })]));
      const call = scene({
        members: cold(" a------------b", { a: "me", b: "me bob" }),
        letters: cold("-0123456789a", marks),
      });
      expectObservable(others(call).pipe(map((word) => Number(/#(\d+)/.exec(word)?.[1]).toString(16)))).toBe(
        "13ms (123456789a)",
      );
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "too-many-early", keyIndex: 0 }]);
    }),
  );
});

describe("keys that wait for their member", () => {
  const lists = { a: "me", b: "me bob" };
  /** Many keys, each of its own device or user. */
  const crowd = (count: number, make: (number: number) => Device) =>
    Array.from({ length: count }, (_, number): ToDeviceMessage => {
      const { userId: sender, deviceId } = make(number);
      const content = { member: { id: "unseen", claimed_device_id: deviceId } };
      return { ...letter({ from: "eve", content, proof: { deviceId, crossSigned: true } }), sender };
    });
  const eves = (number: number) => ({ userId: `@eve${number}:elsewhere.org`, deviceId: "PHONE" });
  const plan = ({ cold }: RunHelpers, keys: readonly ToDeviceMessage[], outsider?: string) => ({
    ...(outsider !== undefined && { outsider }),
    members: cold("a---b", lists),
    letters: merge(cold("-k", { k: letter({ from: "bob" }) }), cold("--c").pipe(mergeMap(() => keys))),
  });

  it(
    "early keys are not pushed out by those of a thousand users outside the room",
    marbles((helpers) => {
      const call = scene(plan(helpers, crowd(1_000, eves), "eve"));
      helpers.expectObservable(others(call)).toBe("----k", { k: "bob#0=1" });
      helpers.flush();
      expect(call.traced("key-rejected")[0]).toMatchObject({ reason: "too-many-early", userId: "@eve0:elsewhere.org" });
    }),
  );

  it(
    "early keys are a thousand at most, and the oldest goes first",
    marbles((helpers) => {
      const call = scene(plan(helpers, [...crowd(999, eves), letter({ from: "carl" }), letter({ from: "dave" })]));
      helpers.expectObservable(others(call), "^-----!").toBe("");
      helpers.flush();
      expect(call.traced("key-rejected")).toMatchObject([
        { reason: "too-many-early", userId: "@bob:example.org" },
        { reason: "too-many-early", userId: "@eve0:elsewhere.org" },
      ]);
    }),
  );

  it(
    "early keys of one user are a hundred at most",
    marbles((helpers) => {
      const laptops = crowd(101, (number) => ({ userId: "@eve:example.org", deviceId: `LAPTOP${number}` }));
      const call = scene(plan(helpers, laptops));
      helpers.expectObservable(others(call), "^-----!").toBe("----k", { k: "bob#0=1" });
      helpers.flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "too-many-early", deviceId: "LAPTOP0" }]);
    }),
  );
});

describe("a message that is not for us", () => {
  it.each([
    ["of another type", { ...letter({ from: "bob" }), type: "m.room_key" }],
    ["for another room", letter({ from: "bob", content: { room_id: "!garden:example.org" } })],
    ["of our own device", letter({ from: "me" })],
    ["for another slot", letter({ from: "bob", content: { "rx.matrixrtc.slot_id": "m.call#SIDE" } })],
    ["for another application", letter({ from: "bob", content: { session: { application: "org.board" } } })],
  ])("a message %s is ignored without a trace", (_, message) =>
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k", { k: message }) });
      expectObservable(others(call), "^---!").toBe("");
      flush();
      expect(call.traced("key-rejected", "key-early")).toEqual([]);
    })(),
  );
});

describe("a key that names no slot, as matrix-js-sdk sends it", () => {
  const side = { slot: "m.call#SIDE" };

  it(
    "a key without a slot is for the call of the room, with or without an application",
    shows(
      { letters: "-k-l", expected: "-x-y" },
      { a: "me bob.state" },
      {
        k: { from: "bob", key: 7, sentTs: 10 },
        l: { from: "bob", key: 8, sentTs: 20, content: { session: undefined } },
      },
      { x: "@bob:example.org:PHONE#0=7", y: "@bob:example.org:PHONE#0=8" },
    ),
  );

  it(
    "a key without a slot is for another slot if a sticky member there has the id that it names",
    shows(
      { ...side, members: "a--b", letters: "-kl", expected: "---x-" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 }, l: { from: "bob", key: 8, memberId: "id-in-another-slot", sentTs: 10 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "a key without a slot can name the application of our slot instead of m.call",
    shows(
      { slot: "org.board#1", letters: "-kl", expected: "-x-" },
      { a: "me bob" },
      {
        k: { from: "bob", key: 7, content: { session: { application: "org.board" } } },
        l: { from: "bob", key: 8, content: { session: { application: "org.chess" } }, sentTs: 10 },
      },
      { x: "bob#0=7" },
    ),
  );

  it(
    "a key without a slot waits in another slot where its device is a sticky member with another id",
    marbles(({ cold, expectObservable, flush }) => {
      const letters = cold("-k", { k: letter({ from: "bob2" }) });
      const call = scene({ ...side, members: cold("a", { a: "me bob" }), letters });
      expectObservable(others(call), "^----!").toBe("");
      flush();
      expect(call.traced("key-rejected", "key-early")).toMatchObject([
        { kind: "key-early", userId: "@bob:example.org" },
      ]);
    }),
  );

  it(
    "a key without a slot is rejected in another slot where its device is a state member",
    marbles(({ cold, expectObservable, flush }) => {
      const letters = cold("-k-n", {
        k: letter({ from: "bob", key: 7, memberId: "@bob:example.org:PHONE" }),
        n: letter({ from: "bob", key: 8, content: { "rx.matrixrtc.slot_id": side.slot } }),
      });
      const call = scene({ ...side, members: cold("a", { a: "me bob.state" }), letters });
      expectObservable(others(call), "^----!").toBe("---x", { x: "@bob:example.org:PHONE#0=8" });
      flush();
      expect(call.traced("key-rejected", "key-early")).toEqual([
        { kind: "key-rejected", reason: "unknown-slot", userId: "@bob:example.org", deviceId: "PHONE", keyIndex: 0 },
      ]);
    }),
  );
});

it(
  "the format of the proposal and keys of 32 bytes are read too",
  marbles(({ cold, expectObservable }) => {
    const content = {
      room_id: "!kitchen:example.org",
      member_id: "id-of-bob",
      media_key: { index: 3, key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" },
      format: 0,
    };
    const message = { ...letter({ from: "bob" }), type: "org.matrix.msc4143.rtc.encryption_key", content };
    const { key$ } = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k", { k: message }) });
    const bytes$ = key$.pipe(
      filter(({ own }) => !own),
      map(({ keyIndex, key }) => [keyIndex, ...key]),
    );
    expectObservable(bytes$).toBe("-x", { x: [3, ...Array(32).keys()] });
  }),
);

it(
  "the age of a key is between 0 and one day with any clock of the sender",
  marbles(({ cold, flush }) => {
    const times = [-1.7e308, -86_400_000, 0, 5, 1.7e308];
    const letters = cold("----k").pipe(
      mergeMap(() => times.map((sentTs, index) => letter({ from: "bob", index, sentTs }))),
    );
    const call = scene({ members: cold("a", { a: "me bob" }), letters });
    call.key$.subscribe();
    flush();
    const ages = call.traced("key-received").map((entry) => "ageMs" in entry && entry.ageMs);
    expect(ages).toEqual([86_400_000, 86_400_000, 4, 0, 0]);
  }),
);

describe("after leaving", () => {
  it(
    "after leaving, nothing is received and nothing is subscribed to",
    marbles(({ cold, hot, expectObservable, expectSubscriptions, flush }) => {
      const letters = hot<ToDeviceMessage>("---k", { k: letter({ from: "bob" }) });
      const roomKeys = hot<RoomKeyEvent>("  ----");
      const reports = hot<DecryptionReport>(" ----");
      const call = scene({ members: cold("a 90s b", { a: "me bob", b: "me" }), letters, roomKeys, reports });
      expectObservable(others(call), "^-!").toBe("");
      for (const source of [letters, roomKeys, reports]) expectSubscriptions(source.subscriptions).toBe("^-!");
      flush();
      expect(call.isWatched()).toBe(false);
      expect(call.trace.map(({ kind }) => kind)).toEqual(["key-created", "key-used", "key-sent", "key-delivered"]);
    }),
  );

  it("after leaving, no timer is left, although keys and members wait for each other", () => {
    vi.useFakeTimers();
    const { key$ } = scene({ members: of("me bob"), letters: of(letter({ from: "carl" })) });
    const subscription = key$.subscribe();
    expect(vi.getTimerCount()).toBe(1);
    subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe("keys in the timeline, as old clients send them", () => {
  const bobsKeys = { device_id: "PHONE", call_id: "", keys: [{ index: 2, key: "AQEBAQEBAQEBAQEBAQEBAQ" }] };
  const event = (content: object, changes: object = {}) => ({
    roomId: "!kitchen:example.org",
    sender: "@bob:example.org",
    originServerTs: 0,
    content: { ...bobsKeys, ...content },
    proof: { deviceId: "PHONE", crossSigned: true },
    ...changes,
  });

  it(
    "all valid keys of a timeline event are accepted from the device that encrypted it",
    marbles(({ cold, expectObservable }) => {
      const keys = [{ index: 1 }, ...bobsKeys.keys, null, { index: 3, key: "AgICAgICAgICAgICAgICAg==" }];
      const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: event({ keys }) }) });
      expectObservable(others(call)).toBe("-(xy)", { x: "bob#2=1", y: "bob#3=2" });
    }),
  );

  it(
    "a timeline event that is new by the server is accepted although our clock is wrong",
    marbles(({ cold, expectObservable }) => {
      const fresh = event({}, { originServerTs: -90_000, ageMs: 40 });
      const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: fresh }) });
      expectObservable(others(call)).toBe("-k", { k: "bob#2=1" });
    }),
  );

  it(
    "a timeline event is accepted for a minute",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a", { a: "me bob" }),
        roomKeys: cold("-k", { k: event({}, { ageMs: 60_000 }) }),
      });
      expectObservable(others(call)).toBe("-k", { k: "bob#2=1" });
    }),
  );

  it.each<[string, ReturnType<typeof event>, object[]]>([
    ["of another device is rejected", event({}, { proof: { deviceId: "LAPTOP" } }), [{ reason: "forged-device" }]],
    [
      "of an unproven sender is rejected",
      event({}, { proof: { crossSigned: false } }),
      [{ reason: "unproven-device" }],
    ],
    ["without a device is rejected", event({ device_id: 7 }), [{ reason: "malformed", path: "device_id" }]],
    ["without a call is rejected", event({ call_id: 7 }), [{ reason: "malformed", path: "call_id" }]],
    ["for another call is ignored", event({ call_id: "m.call#SIDE" }), []],
    ["without a list of keys is rejected", event({ keys: {} }), [{ reason: "malformed", path: "keys" }]],
    ["from long ago is rejected", event({}, { originServerTs: -61_000 }), [{ reason: "stale" }]],
    ["that was old when it came is rejected", event({}, { ageMs: 61_000 }), [{ reason: "stale" }]],
    ["for another room is ignored", event({}, { roomId: "!garden:example.org" }), []],
  ])("a timeline event %s", (_, roomKey, rejections) =>
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: roomKey }) });
      expectObservable(others(call), "^---!").toBe("");
      flush();
      expect(call.traced("key-rejected")).toMatchObject(rejections);
    })(),
  );
});

describe("keys in the proposal's format, which has no time", () => {
  interface NewLetter {
    readonly index: number;
    readonly key: number;
    readonly sentTs?: number;
  }
  const timeless = ({ index, key, sentTs }: NewLetter): ToDeviceMessage => ({
    ...letter({ from: "bob" }),
    type: "m.rtc.encryption_key",
    content: {
      room_id: "!kitchen:example.org",
      member_id: "id-of-bob",
      media_key: { index, key: toUnpaddedBase64(keyOf(key)) },
      format: 0,
      ...(sentTs !== undefined && { "rx.matrixrtc.sent_ts": sentTs }),
    },
  });
  const draws = (letters: string, mail: Record<string, NewLetter>, expected: string) =>
    marbles(({ cold, expectObservable }: RunHelpers) => {
      const messages = Object.fromEntries(Object.entries(mail).map(([mark, one]) => [mark, timeless(one)]));
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold(letters, messages) });
      const words = Object.fromEntries(
        Object.entries(mail).map(([mark, { index, key }]) => [mark, `bob#${index}=${key}`]),
      );
      expectObservable(others(call), "^ 30ms !").toBe(expected, words);
    });

  it(
    "an old key that comes late does not replace the key in use with its index (F11)",
    draws("-n-o", { n: { index: 0, key: 8 }, o: { index: 0, key: 7 } }, "-n--"),
  );

  it(
    "an old key that comes late does not replace a key with its index before the one in use",
    draws("-abo", { a: { index: 0, key: 7 }, b: { index: 1, key: 8 }, o: { index: 0, key: 6 } }, "-ab-"),
  );

  it(
    "an old key that comes late does not replace a key with its index that two others followed",
    draws(
      "-abco",
      { a: { index: 0, key: 7 }, b: { index: 1, key: 8 }, c: { index: 2, key: 9 }, o: { index: 1, key: 6 } },
      "-abc-",
    ),
  );

  it.each([
    ["the first", { n: { index: 0, key: 8, sentTs: 20 }, o: { index: 0, key: 7 } }],
    ["the second", { n: { index: 0, key: 8 }, o: { index: 0, key: 7, sentTs: 20 } }],
  ])("another key does not replace one with its index if only %s says its time", (_, mail) =>
    draws("-n-o", mail, "-n--")(),
  );

  it(
    "a message without a member id is malformed",
    marbles(({ cold, expectObservable, flush }) => {
      const { content, ...message } = timeless({ index: 0, key: 1 });
      const nobody = { ...message, content: { ...(content as object), member_id: undefined } };
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k", { k: nobody }) });
      expectObservable(others(call), "^---!").toBe("");
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "malformed", path: "member_id" }]);
    }),
  );

  it(
    "the next key in the order of indexes replaces an old one that came late",
    draws(
      "-aocb",
      { a: { index: 0, key: 7 }, o: { index: 2, key: 1 }, c: { index: 1, key: 8 }, b: { index: 2, key: 9 } },
      "-aocb",
    ),
  );

  it(
    "keys of this library say their time, and the newer one counts in any order",
    draws(
      "-n-o-p",
      { n: { index: 0, key: 8, sentTs: 20 }, o: { index: 0, key: 7, sentTs: 10 }, p: { index: 0, key: 9, sentTs: 30 } },
      "-n---p",
    ),
  );
});
