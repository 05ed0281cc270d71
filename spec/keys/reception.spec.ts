// Keys of others: when they are installed, and which are not. protocol.md 5.4, 11 rows 11 to 13; pitfalls 3: orderings 13 to 15.
import { filter, map, merge, mergeMap, type Observable, of } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it, vi } from "vitest";
import type { Device, RoomKeyEvent, ToDeviceMessage } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { type Letter, letter, type Plan, scene } from "./scene.ts";
import type { Decryption } from "../../src/types.ts";

interface Drawing extends Omit<Plan, "members" | "letters"> {
  readonly members?: string;
  readonly letters: string;
  readonly expected: string;
}

/** The keys of others, as `bob2#0=7`: whose, of which instance, its index, and the byte that it is made of. */
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
    const messages = Object.entries(letters).map(([mark, it]) => [mark, "type" in it ? it : letter(it)] as const);
    const call = scene({ ...plan, members: cold(members, lists), letters: cold(times, Object.fromEntries(messages)) });
    expectObservable(others(call)).toBe(expected, words);
  });

describe("a key and its member", () => {
  it(
    "meet when the key comes first (ordering 13)",
    shows(
      { members: "  a--b", letters: "-k", expected: "---x" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "meet when the member comes first (ordering 13)",
    shows(
      { members: "  a-b", letters: "---k", expected: "---x" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "meet when the member is a state member, whose keys carry another id",
    shows(
      { letters: "-k", expected: "-x" },
      { a: "me bob.state" },
      { k: { from: "bob", key: 7, memberId: "a-uuid" } },
      { x: "@bob:example.org:PHONE#0=7" },
    ),
  );
});

it(
  "a key waits for its member, though somebody else claims that member's id",
  shows(
    { members: "  a--b", letters: "-k", expected: "---x" },
    { a: "me eve.state.bob", b: "me eve.state.bob bob.state" },
    { k: { from: "bob", key: 7, memberId: "@bob:example.org:PHONE" } },
    { x: "@bob:example.org:PHONE#0=7" },
  ),
);

it(
  "a key of an outsider that names a member's id waits in vain",
  shows(
    { members: "a", letters: "-k", expected: "" },
    { a: "me bob" },
    { k: { from: "eve", key: 7, memberId: "id-of-bob" } },
  ),
);

it(
  "a key says since when it may be installed: since it came, or since its member did",
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
    "of another membership of the device is not applied (ordering 14)",
    shows(
      { members: "  a-b-c", letters: "-k---k-m", expected: "-x-----y" },
      { a: "me bob", b: "me", c: "me bob2" },
      { k: { from: "bob", key: 7 }, m: { from: "bob2", key: 8 } },
      { x: "bob#0=7", y: "bob2#0=8" },
    ),
  );

  it(
    "of the same index gives way to the newer one by the sender's clock, in whichever order they come (ordering 15)",
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
    "that waited with a newer one for the member is not installed",
    shows(
      { members: "  a---b", letters: "-no", expected: "----y" },
      { a: "me", b: "me bob" },
      { n: { from: "bob", key: 8, sentTs: 20 }, o: { from: "bob", key: 7, sentTs: 10 } },
      { y: "bob#0=8" },
    ),
  );

  it(
    "is not taken for a state member that has re-joined",
    shows(
      { members: "  a-b", letters: "-k--n", expected: "-x--y" },
      { a: "me bob.state", b: "me bob2.state" },
      { k: { from: "bob", key: 7, sentTs: 10 }, n: { from: "bob", key: 8, sentTs: 5 } },
      { x: "@bob:example.org:PHONE#0=7", y: "@bob:example.org:PHONE#0=8" },
    ),
  );

  it(
    "is not told again when it is sent again",
    shows(
      { letters: "-k-l", expected: "-x--" },
      { a: "me bob" },
      { k: { from: "bob", key: 7, sentTs: 10 }, l: { from: "bob", key: 7, sentTs: 20 } },
      { x: "bob#0=7" },
    ),
  );
});

it(
  "keys of a sticky member that came while the room showed its device as a state member are installed for it too",
  shows(
    { members: "  a-b", letters: "-k", expected: "-xy" },
    { a: "me bob.state", b: "me bob" },
    { k: { from: "bob", key: 7 } },
    { x: "@bob:example.org:PHONE#0=7", y: "bob#0=7" },
  ),
);

it(
  "a sticky member does not get the keys of another membership of its device",
  shows(
    { members: "  a--b", letters: "-kl", expected: "-xy-" },
    { a: "me bob.state", b: "me bob" },
    { k: { from: "bob", key: 7, memberId: "a-uuid" }, l: { from: "bob", key: 8, memberId: "a-uuid", index: 1 } },
    { x: "@bob:example.org:PHONE#0=7", y: "@bob:example.org:PHONE#1=8" },
  ),
);

it(
  "keys of a device are taken when another membership of it has left",
  shows(
    { members: "  a-b", letters: "---k", expected: "---x" },
    { a: "me bob bob2", b: "me bob2" },
    { k: { from: "bob2", key: 7 } },
    { x: "bob2#0=7" },
  ),
);

describe("of the keys of a member", () => {
  it(
    "nothing is kept once it has left",
    shows(
      { members: "  a-b-a", letters: "-k---k", expected: "-x---x" },
      { a: "me bob", b: "me" },
      { k: { from: "bob", key: 7 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "the last eight are kept in mind",
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

describe("refused, with a trace of the reason, is", () => {
  const refused = (
    title: string,
    it_: Letter | ToDeviceMessage,
    reason: object,
    plan: Partial<Plan> = {},
    names = "me bob carl",
  ) =>
    it(
      title,
      marbles(({ cold, expectObservable, flush }) => {
        const message = "type" in it_ ? it_ : letter(it_);
        const call = scene({ ...plan, members: cold("a", { a: names }), letters: cold("-k", { k: message }) });
        expectObservable(others(call), "^---!").toBe("");
        flush();
        expect(call.traced("key-rejected", "key-early", "key-received")).toMatchObject([
          { kind: "key-rejected", userId: message.sender, ...reason },
        ]);
      }),
    );

  refused("a message in the clear", { from: "bob", proof: "none" }, { reason: "cleartext", deviceId: "PHONE" });
  refused(
    "one of which the device is not known",
    { from: "bob", proof: { crossSigned: true } },
    { reason: "unproven-device", deviceId: "PHONE" },
  );
  refused(
    "one that claims to be of another device",
    { from: "bob", proof: { deviceId: "LAPTOP", crossSigned: true } },
    { reason: "forged-device" },
  );
  refused(
    "one of a device that is not cross-signed, if that is required",
    { from: "bob", proof: { deviceId: "PHONE", crossSigned: false } },
    { reason: "not-cross-signed" },
    { requireCrossSigned: true },
  );
  refused("a key for somebody else's member id", { from: "carl", memberId: "id-of-bob" }, { reason: "not-its-member" });

  const malformed: readonly [string, object, string][] = [
    ["no keys", { keys: undefined }, "keys"],
    ["keys as a list", { keys: [{ index: 0, key: "AAAA" }] }, "keys"],
    ["a negative index", { keys: { index: -1, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["an index over 255", { keys: { index: 256, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["a fractional index", { keys: { index: 0.5, key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["an index in words", { keys: { index: "0", key: "AAECAwQFBgcICQoLDA0ODw==" } }, "keys.index"],
    ["a short key", { keys: { index: 0, key: "AAEC" } }, "keys.key"],
    ["a key that is no base64", { keys: { index: 0, key: "!" } }, "keys.key"],
    ["a key that is no string", { keys: { index: 0, key: 7 } }, "keys.key"],
    ["no room", { room_id: undefined }, "room_id"],
    ["no device", { member: {} }, "member.claimed_device_id"],
    ["a device without end", { member: { claimed_device_id: "X".repeat(513) } }, "member.claimed_device_id"],
    ["no member", { member: "bob" }, "member.claimed_device_id"],
  ];
  for (const [title, content, path] of malformed) {
    refused(`a message with ${title}`, { from: "bob", content }, { reason: "malformed", path });
  }
  refused(
    "a message that is nothing",
    { type: "io.element.call.encryption_keys", sender: "@bob:example.org", content: null },
    { reason: "malformed", path: "room_id" },
  );

  it(
    "a message played again",
    marbles(({ cold, expectObservable, flush }) => {
      const message = letter({ from: "bob", sentTs: 10 });
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k-k", { k: message }) });
      expectObservable(others(call)).toBe("-x", { x: "bob#0=1" });
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "outdated", userId: "@bob:example.org" }]);
    }),
  );

  it(
    "a key whose member is not seen within a minute",
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
    "the oldest of more than ten keys that wait for one device",
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
  /** One key of each of so many: of devices of one user, or of users. */
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
    "are not driven out by those of a thousand strangers, who are not in the room",
    marbles((helpers) => {
      const call = scene(plan(helpers, crowd(1_000, eves), "eve"));
      helpers.expectObservable(others(call)).toBe("----k", { k: "bob#0=1" });
      helpers.flush();
      expect(call.traced("key-rejected")[0]).toMatchObject({ reason: "too-many-early", userId: "@eve0:elsewhere.org" });
    }),
  );

  it(
    "are a thousand at most: of more, the oldest goes",
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
    "are a hundred of one user at most",
    marbles((helpers) => {
      const laptops = crowd(101, (number) => ({ userId: "@eve:example.org", deviceId: `LAPTOP${number}` }));
      const call = scene(plan(helpers, laptops));
      helpers.expectObservable(others(call), "^-----!").toBe("----k", { k: "bob#0=1" });
      helpers.flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "too-many-early", deviceId: "LAPTOP0" }]);
    }),
  );
});

describe("passed over without a word is", () => {
  const ignored = (title: string, message: ToDeviceMessage) =>
    it(
      title,
      marbles(({ cold, expectObservable, flush }) => {
        const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-k", { k: message }) });
        expectObservable(others(call), "^---!").toBe("");
        flush();
        expect(call.traced("key-rejected", "key-early")).toEqual([]);
      }),
    );

  ignored("a message of another type", { ...letter({ from: "bob" }), type: "m.room_key" });
  ignored("a key of another room", letter({ from: "bob", content: { room_id: "!garden:example.org" } }));
  ignored("a key of our own device", letter({ from: "me" }));
  ignored("a key of another slot", letter({ from: "bob", content: { "rx.matrixrtc.slot_id": "m.call#SIDE" } }));
  ignored("a key of another application", letter({ from: "bob", content: { session: { application: "org.board" } } }));
});

describe("a key that names no slot, as those of matrix-js-sdk do not,", () => {
  const side = { slot: "m.call#SIDE" };

  it(
    "is for the call of the room, whether it names an application or not",
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
    "is for another slot if a sticky member of that has the very id, whichever of both comes first",
    shows(
      { ...side, members: "a--b", letters: "-kl", expected: "---x-" },
      { a: "me", b: "me bob" },
      { k: { from: "bob", key: 7 }, l: { from: "bob", key: 8, memberId: "id-in-another-slot", sentTs: 10 } },
      { x: "bob#0=7" },
    ),
  );

  it(
    "may name the application of that slot instead of m.call",
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
    "is refused by another slot where its device is a state member, which may be in both",
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
  "the proposal's format is read too, and keys of 32 bytes",
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
  "the age of a key is between none and a day, whatever its sender's clock says",
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
    "nothing comes in, and nobody listens",
    marbles(({ cold, hot, expectObservable, expectSubscriptions, flush }) => {
      const letters = hot<ToDeviceMessage>("---k", { k: letter({ from: "bob" }) });
      const roomKeys = hot<RoomKeyEvent>("  ----");
      const decryption$ = hot<Decryption>(" ----");
      const call = scene({ members: cold("a 90s b", { a: "me bob", b: "me" }), letters, roomKeys, decryption$ });
      expectObservable(others(call), "^-!").toBe("");
      for (const source of [letters, roomKeys, decryption$]) expectSubscriptions(source.subscriptions).toBe("^-!");
      flush();
      expect(call.isWatched()).toBe(false);
      expect(call.trace.map(({ kind }) => kind)).toEqual(["key-created", "key-used", "key-sent", "key-delivered"]);
    }),
  );

  it("no timer is left, though a key waits for its member and members wait for their keys", () => {
    vi.useFakeTimers();
    const { key$ } = scene({ members: of("me bob"), letters: of(letter({ from: "carl" })) });
    const subscription = key$.subscribe();
    expect(vi.getTimerCount()).toBe(1);
    subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe("keys in the timeline, as old clients send them,", () => {
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
    "are taken from the device that encrypted them, each that is a key",
    marbles(({ cold, expectObservable }) => {
      const keys = [{ index: 1 }, ...bobsKeys.keys, null, { index: 3, key: "AgICAgICAgICAgICAgICAg==" }];
      const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: event({ keys }) }) });
      expectObservable(others(call)).toBe("-(xy)", { x: "bob#2=1", y: "bob#3=2" });
    }),
  );

  it(
    "are taken by one whose clock is wrong, since the server says that they are new",
    marbles(({ cold, expectObservable }) => {
      const fresh = event({}, { originServerTs: -90_000, ageMs: 40 });
      const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: fresh }) });
      expectObservable(others(call)).toBe("-k", { k: "bob#2=1" });
    }),
  );

  const cases: readonly [string, ReturnType<typeof event>, object[]][] = [
    ["of another device are refused", event({}, { proof: { deviceId: "LAPTOP" } }), [{ reason: "forged-device" }]],
    ["of a doubtful sender are refused", event({}, { proof: { crossSigned: false } }), [{ reason: "unproven-device" }]],
    ["that name no device are refused", event({ device_id: 7 }), [{ reason: "malformed", path: "device_id" }]],
    ["that name no call are refused", event({ call_id: 7 }), [{ reason: "malformed", path: "call_id" }]],
    ["of another call are passed over", event({ call_id: "m.call#SIDE" }), []],
    ["that are no list are refused", event({ keys: {} }), [{ reason: "malformed", path: "keys" }]],
    ["from long ago are refused", event({}, { originServerTs: -61_000 }), [{ reason: "stale" }]],
    ["that were old when they came are refused", event({}, { ageMs: 61_000 }), [{ reason: "stale" }]],
    ["of another room are passed over", event({}, { roomId: "!garden:example.org" }), []],
  ];
  for (const [title, roomKey, refusals] of cases) {
    it(
      title,
      marbles(({ cold, expectObservable, flush }) => {
        const call = scene({ members: cold("a", { a: "me bob" }), roomKeys: cold("-k", { k: roomKey }) });
        expectObservable(others(call), "^---!").toBe("");
        flush();
        expect(call.traced("key-rejected")).toMatchObject(refusals);
      }),
    );
  }
});
