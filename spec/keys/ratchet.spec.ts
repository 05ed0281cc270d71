// A join ratchets the key in use. Vector K3 of protocol.md 12.2, and section 5.9.
import {
  asyncScheduler,
  concatMap,
  filter,
  from,
  map,
  merge,
  mergeMap,
  Observable,
  of,
  takeUntil,
  timer,
  toArray,
} from "rxjs";
import { describe, expect, it } from "vitest";
import { isLaterStep, maxSteps, nextStep } from "../../src/keys/ratchet.ts";
import type { ToDeviceMessage } from "../../src/matrix.ts";
import type { DecryptionReport } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { keyIn, keyOf, letter, nameOf, type Plan, scene } from "./scene.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A key after some steps. */
const stepOf = (key: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> =>
  count === 0 ? key : stepOf(nextStep(key), count - 1);

describe("the ratchet", () => {
  const k1 = Uint8Array.from({ length: 16 }, (_, index) => index);

  it("the next step of a key is vector K3", () => {
    expect(hex(nextStep(k1))).toBe("4086b4641064e1ae8b63d4eb83ad3e7e878c21ab850a1f6b36c5954be5919e3a");
  });

  it("WebCrypto derives the AES key of K3 from it, and the same next step", async () => {
    const salt = new TextEncoder().encode("LKFrameEncryptionKey");
    const algorithm = { name: "HKDF", salt, hash: "SHA-256", info: new ArrayBuffer(128) };
    const derived = async (key: Uint8Array<ArrayBuffer>, bits: number) => {
      const material = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
      return hex(new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, bits)));
    };
    expect(await derived(nextStep(k1), 128)).toBe("af61b566e2c6adff55bf8c20f94b4765");
    expect(await derived(nextStep(k1), 256)).toBe(hex(stepOf(k1, 2)));
  });

  it("later chain are recognised for eight chain, and never backwards", () => {
    const chain = Array.from({ length: maxSteps + 2 }, (_, count) => stepOf(k1, count));
    expect(chain.map((step) => isLaterStep(step, k1))).toEqual([false, ...Array(8).fill(true), false]);
    expect(chain.map((step) => isLaterStep(k1, step))).toEqual(Array(10).fill(false));
  });
});

const others = ["ann", "ben", "carl", "dave", "erin", "finn", "gina", "hugo", "iris", "jack"];
const rotation = { onJoin: "ratchet", useDelayMs: 4, graceMs: 10, maxCoalesceMs: 0 } as const;

/** What goes out and comes into use, with the step of the key: `0.1 > bob`, `me#0.1`, and `? 0.1 > bob` for a request. */
function steps(call: ReturnType<typeof scene>): Observable<string> {
  const names = new Map<string, string>();
  const nameOfStep = (index: number, key: Uint8Array<ArrayBuffer>): string => {
    if (!names.has(hex(key)))
      for (let count = 0; count <= maxSteps; count++) names.set(hex(stepOf(key, count)), `${index}.${count}`);
    return names.get(hex(key))!;
  };
  return new Observable((subscriber) => {
    call.messages$.subscribe(({ message, devices }) => {
      const content = message.content as { keys: { index: number }; "rx.matrixrtc.wants_key"?: true };
      const request = content["rx.matrixrtc.wants_key"] ? "? " : "";
      subscriber.next(
        `${request}${nameOfStep(content.keys.index, keyIn(message)!)} > ${devices.map(nameOf).join(" ")}`,
      );
    });
    const own$ = call.key$.pipe(filter(({ own }) => own));
    subscriber.add(own$.pipe(map(({ keyIndex, key }) => `me#${nameOfStep(keyIndex, key)}`)).subscribe(subscriber));
  });
}

interface Drawing extends Omit<Plan, "members"> {
  readonly members: string;
  readonly expected: string;
  readonly until?: string;
}

/** Draws the members, and what goes out and comes into use. One column is one millisecond. */
const shows = (drawing: Drawing, lists: Record<string, string>, words: Record<string, string>) =>
  marbles(({ cold, expectObservable }) => {
    const { members, expected, until = "4s !", ...plan } = drawing;
    const call = scene({ rotation, letters: everybodyFollows(), ...plan, members: cold(members, lists) });
    expectObservable(steps(call), until).toBe(expected, { i: "me#0.0", j: "me#0.1", k: "me#0.2", ...words });
  });

/** All that happens, with the second of each word. One member joins in each second. */
const tells = (joins: number, expected: readonly string[], plan: Partial<Plan> = {}) =>
  marbles(({ expectObservable }) => {
    const members = from(others.slice(0, joins)).pipe(
      concatMap((_, index) => timer(1_000).pipe(map(() => ["me", ...others.slice(0, index + 1)].join(" ")))),
    );
    const call = scene({ rotation, letters: everybodyFollows(), members, ...plan });
    const words$ = steps(call).pipe(map((word) => `${asyncScheduler.now() / 1_000} ${word}`));
    expectObservable(words$.pipe(takeUntil(timer(12_000)), toArray())).toBe("12s (x|)", { x: expected });
  });

/** What happens while eight members join, one in each second. */
const eightSteps = [
  "0 me#0.0",
  "1 me#0.1",
  "1 0.1 > ann",
  "2 me#0.2",
  "2 0.2 > ben",
  "3 me#0.3",
  "3 0.3 > carl",
  "4 me#0.4",
  "4 0.4 > dave",
  "5 me#0.5",
  "5 0.5 > erin",
  "6 me#0.6",
  "6 0.6 > finn",
  "7 me#0.7",
  "7 0.7 > gina",
  "8 me#0.8",
  "8 0.8 > hugo",
];

/** Everybody sends a key early, and says that it follows eight steps. */
const everybodyFollows = (reach = 8) => from(others).pipe(map((name) => letter({ from: name, reach })));

describe("a join", () => {
  it(
    "a joiner gets the next step at once, which is in use before the message goes out, and nobody else gets a message",
    shows(
      {
        members: "  a---- 1200ms b---",
        expected: " (ijs) 1200ms (kt)",
      },
      { a: "me ann", b: "me ann ben" },
      { s: "0.1 > ann", t: "0.2 > ben" },
    ),
  );

  it(
    "several joiners of one sync are one step",
    shows(
      {
        members: "  a-----b---",
        expected: " i-----(js)",
      },
      { a: "me", b: "me ann ben carl" },
      { s: "0.1 > ann ben carl" },
    ),
  );

  it(
    "joiners within a second after a step share the next one, because livekit-client needs a frame of each step",
    shows(
      {
        members: "  a---b---c 995ms d---",
        expected: " i---(js)    996ms (kt)",
      },
      { a: "me", b: "me ann", c: "me ann ben", d: "me ann ben carl" },
      { s: "0.1 > ann", t: "0.2 > ben carl" },
    ),
  );

  it(
    "a joiner that leaves before its step gets nothing, and causes none",
    shows(
      {
        members: "  a---b---c-d",
        expected: " i---(js)---",
      },
      { a: "me", b: "me ann", c: "me ann ben", d: "me ann" },
      { s: "0.1 > ann" },
    ),
  );

  it(
    "a device that re-joins gets the present step again, and causes none",
    shows(
      {
        members: "  a---- 5s b",
        expected: " (ijs) 5s s",
        until: "   6s !",
      },
      { a: "me ann", b: "me ann2" },
      { s: "0.1 > ann" },
    ),
  );

  it(
    "after eight steps there is a new key for all, and the count begins again",
    tells(10, [
      ...eightSteps,
      "9 1.0 > ann ben carl dave erin finn gina hugo iris",
      "9.004 me#1.0",
      "10 me#1.1",
      "10 1.1 > jack",
    ]),
  );

  it(
    "a member that follows one step only gets every second step by a message",
    tells(
      5,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "3 me#0.3",
        "3 0.3 > carl ann",
        "4 me#0.4",
        "4 0.4 > dave ben",
        "5 me#0.5",
        "5 0.5 > erin ann carl",
      ],
      { letters: everybodyFollows(1) },
    ),
  );

  it(
    "with the participant limit reached, a joiner gets the key in use as it is",
    tells(2, ["0 me#0.0", "1 me#0.1", "1 0.1 > ann", "2 0.1 > ben"], {
      rotation: { ...rotation, participantLimit: 3 },
    }),
  );

  it(
    "with the participant limit reached while a joiner waits for the ninth step, both joiners get the key in use as it is",
    tells(10, [...eightSteps, "8.7 0.8 > jack", "9 0.8 > iris"], {
      rotation: { ...rotation, participantLimit: 11 },
      members: from([1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 8_500, 8_700]).pipe(
        mergeMap((ts, index) => timer(ts).pipe(map(() => ["me", ...others.slice(0, index + 1)].join(" ")))),
      ),
    }),
  );
});

describe("a leave", () => {
  it(
    "a leave makes a new key as before, and the count begins again",
    shows(
      {
        members: "  a----b---- 1s c---",
        expected: " (ijs)t---u 1s (vw)",
      },
      { a: "me ann ben", b: "me ann", c: "me ann carl" },
      { s: "0.1 > ann ben", t: "1.0 > ann", u: "me#1.0", v: "me#1.1", w: "1.1 > carl" },
    ),
  );

  it(
    "a joiner during a rotation gets the next step of the key in use, and the next key",
    shows(
      {
        members: "  a---- 1s b-c--------",
        expected: " (ijs) 1s t-(kvw)---x",
        rotation: { ...rotation, useDelayMs: 10 },
      },
      { a: "me ann ben", b: "me ann", c: "me ann carl" },
      { s: "0.1 > ann ben", t: "1.0 > ann", v: "0.2 > carl", w: "1.0 > carl", x: "me#1.0" },
    ),
  );

  it(
    "a joiner that waits for the next step gets the new key instead",
    shows(
      {
        members: "  a---- 200ms b 100ms c--------",
        expected: " (ijs) 301ms         t---u",
      },
      { a: "me ann ben", b: "me ann ben carl", c: "me ann carl" },
      { s: "0.1 > ann ben", t: "1.0 > ann carl", u: "me#1.0" },
    ),
  );

  it(
    "a joiner during a rotation gets the next key alone if the key in use has made all its steps",
    tells(8, [...eightSteps, "8.5 1.0 > ann ben carl dave erin finn gina", "9.2 1.0 > iris", "10.5 me#1.0"], {
      rotation: { ...rotation, useDelayMs: 2_000 },
      members: merge(
        from(others.slice(0, 8)).pipe(
          mergeMap((_, index) =>
            timer(1_000 * (index + 1)).pipe(map(() => ["me", ...others.slice(0, index + 1)].join(" "))),
          ),
        ),
        timer(8_500).pipe(map(() => ["me", ...others.slice(0, 7)].join(" "))),
        timer(9_200).pipe(map(() => ["me", ...others.slice(0, 7), "iris"].join(" "))),
      ),
    }),
  );
});

describe("everything that hands out a key gives its present step", () => {
  const failing = (outcome: "failed" | "unknown-device", times: number) => ({
    outcome: (name: string, attempt: number) => (name === "ann" && attempt <= times ? outcome : "sent"),
  });

  it(
    "a retry",
    tells(
      3,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "3 me#0.3",
        "3 0.3 > carl",
        "4 0.3 > ann",
      ],
      failing("failed", 2),
    ),
  );

  it(
    "a retry, which serves for the steps that a member cannot derive, too",
    tells(
      3,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "3 me#0.3",
        "3 0.3 > carl",
        "4 0.3 > ann",
      ],
      { ...failing("failed", 2), letters: everybodyFollows(1) },
    ),
  );

  it(
    "a message to a device that the server lists late",
    tells(
      2,
      ["0 me#0.0", "1 me#0.1", "1 0.1 > ann", "2 0.1 > ann", "2 me#0.2", "2 0.2 > ben", "4 0.2 > ann"],
      failing("unknown-device", 2),
    ),
  );

  it(
    "the answer to a request, and our own requests",
    tells(
      3,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "3 me#0.3",
        "3 0.3 > carl",
        "3.5 0.3 > ann",
        "7 ? 0.3 > ben",
        "8 ? 0.3 > carl",
        // In the pause after the answer at 3.5 s, so it waits.
        "8.5 ? 0.3 > ann",
      ],
      {
        letters: merge(
          of(letter({ from: "ann", reach: 8 })),
          timer(3_500).pipe(map(() => letter({ from: "ann", content: { "rx.matrixrtc.wants_key": true } }))),
        ),
      },
    ),
  );

  it(
    "what a late subscriber gets, which is one key",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ rotation, members: cold("a 2s b", { a: "me ann", b: "me ann ben" }) });
      const used: string[] = [];
      call.key$.subscribe(({ key }) => used.push(hex(key)));
      const late$ = timer(3_000).pipe(mergeMap(() => call.keys.encryptionKey$));
      expectObservable(late$.pipe(map(({ key }) => `step ${used.indexOf(hex(key))} of ${used.length - 1}`))).toBe(
        "3s l",
        { l: "step 2 of 2" },
      );
    }),
  );
});

describe("a member that cannot follow", () => {
  const wants = (ts: number) =>
    timer(ts).pipe(
      map(() => letter({ from: "ann", sentTs: ts, reach: 8, content: { "rx.matrixrtc.wants_key": true } })),
    );

  it(
    "gets the step by its request; if that happens again, joins make new keys",
    tells(
      8,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "2.5 0.2 > ann",
        "3 me#0.3",
        "3 0.3 > carl",
        "4 me#0.4",
        "4 0.4 > dave",
        "5 me#0.5",
        "5 0.5 > erin",
        "6 me#0.6",
        "6 0.6 > finn",
        "7 me#0.7",
        "7 0.7 > gina",
        "7.6 0.7 > ann",
        "8 1.0 > ann ben carl dave erin finn gina hugo",
        "8.004 me#1.0",
      ],
      { letters: merge(everybodyFollows(), wants(2_500), wants(7_600)) },
    ),
  );

  const joinsAt = (...changes: readonly (readonly [ts: number, names: string])[]) =>
    from(changes).pipe(mergeMap(([ts, names]) => timer(ts).pipe(map(() => names))));

  it(
    "gets the key by its request, and joins still make steps, if it has the present step each time",
    tells(2, ["0 me#0.0", "1 me#0.1", "1 0.1 > ann", "2.5 0.1 > ann", "7.6 0.1 > ann", "8 me#0.2", "8 0.2 > ben"], {
      letters: merge(everybodyFollows(), wants(2_500), wants(7_600)),
      members: joinsAt([1_000, "me ann"], [8_000, "me ann ben"]),
    }),
  );

  it(
    "has another try after a re-join: joins still make steps if it happens once in each stay",
    tells(
      5,
      [
        "0 me#0.0",
        "1 me#0.1",
        "1 0.1 > ann",
        "2 me#0.2",
        "2 0.2 > ben",
        "2.5 0.2 > ann",
        "4 1.0 > ben",
        "4.004 me#1.0",
        "5 me#1.1",
        "5 1.1 > ann",
        "6 me#1.2",
        "6 1.2 > carl",
        "7.6 1.2 > ann",
        "8 me#1.3",
        "8 1.3 > dave",
      ],
      {
        letters: merge(everybodyFollows(), of(letter({ from: "ann2", reach: 8 })), wants(2_500), wants(7_600)),
        members: joinsAt(
          [1_000, "me ann"],
          [2_000, "me ann ben"],
          [4_000, "me ben"],
          [5_000, "me ben ann2"],
          [6_000, "me ben ann2 carl"],
          [8_000, "me ben ann2 carl dave"],
        ),
      },
    ),
  );
});

describe("the trace", () => {
  it(
    "says each step, and why there are no more",
    marbles(({ cold, flush }) => {
      const wants = (sentTs: number) =>
        timer(sentTs).pipe(
          map(() => letter({ from: "ann", sentTs, reach: 8, content: { "rx.matrixrtc.wants_key": true } })),
        );
      const lists = { a: "me ann", b: "me ann ben", c: "me ann ben carl" };
      const members = cold("a 1999ms b 6s c", lists);
      const call = scene({ rotation, members, letters: merge(everybodyFollows(), wants(3_000), wants(9_000)) });
      call.key$.pipe(takeUntil(timer(10_000))).subscribe();
      flush();
      expect(call.traced("key-ratcheted", "ratchet-ended")).toEqual([
        { kind: "key-ratcheted", keyIndex: 0, step: 1 },
        { kind: "key-ratcheted", keyIndex: 0, step: 2 },
        { kind: "key-ratcheted", keyIndex: 0, step: 3 },
        { kind: "ratchet-ended", userId: "@ann:example.org", deviceId: "PHONE" },
      ]);
    }),
  );
});

describe("a key that comes", () => {
  const first = keyOf(1);
  const sent = (count: number, sentTs: number | undefined) =>
    letter({ from: "ann", bytes: stepOf(first, count), content: { sent_ts: sentTs } });

  /** The steps that are installed, and why the others are not. */
  const installs = (messages: readonly ToDeviceMessage[], expected: readonly string[]) =>
    marbles(({ cold, flush }) => {
      const call = scene({ members: cold("a", { a: "me ann" }), letters: timer(1).pipe(mergeMap(() => messages)) });
      const seen: string[] = [];
      const stepOfKey = (key: Uint8Array) => [0, 1, 2, 3, 8, 9].find((count) => hex(stepOf(first, count)) === hex(key));
      call.key$.subscribe(({ own, key }) => own || seen.push(`step ${stepOfKey(key)}`));
      call.trace$.subscribe((entry) => entry.kind === "key-rejected" && seen.push(entry.reason));
      flush();
      expect(seen).toEqual(expected);
    });

  it("replaces an earlier step of its index", installs([sent(0, 1), sent(3, 2)], ["step 0", "step 3"]));

  it(
    "is outdated if it is an earlier step, whatever the clock of its sender says",
    installs([sent(3, 1), sent(1, 2), sent(0, undefined)], ["step 3", "outdated", "outdated"]),
  );

  it(
    "replaces an earlier step also if its sender says no time, or an earlier one",
    installs(
      [sent(0, undefined), sent(1, undefined), sent(2, 5), sent(8, 4)],
      ["step 0", "step 1", "step 2", "step 8"],
    ),
  );
});

describe("media that no step fits", () => {
  const report = (result: "invalid-key" | "ok") => ({ participantIdentity: "sfu-ann", result }) as const;

  /** Requests, with the second in which they go out. */
  const requests = (reach: number | undefined, reports: Observable<DecryptionReport>, expected: readonly string[]) =>
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a", { a: "me ann" }),
        letters: timer(1).pipe(map(() => letter({ from: "ann", ...(reach && { reach }) }))),
        reports,
      });
      const requests$ = steps(call).pipe(
        filter((word) => word.startsWith("?")),
        map((word) => `${asyncScheduler.now() / 1_000} ${word}`),
      );
      expectObservable(requests$.pipe(takeUntil(timer(12_000)), toArray())).toBe("12s (x|)", { x: expected });
    });

  it(
    "makes us request the key of a member that ratchets it, once the media layer has had time to follow",
    requests(8, timer(1_000).pipe(map(() => report("invalid-key"))), ["4 ? 0.0 > ann"]),
  );

  it(
    "is no reason for a request if the media layer follows in time",
    requests(
      8,
      of(1_000, 3_500).pipe(mergeMap((ts) => timer(ts).pipe(map(() => report(ts === 1_000 ? "invalid-key" : "ok"))))),
      [],
    ),
  );

  it(
    "is no reason for a request to a member that does not ratchet",
    requests(undefined, timer(1_000).pipe(map(() => report("invalid-key"))), []),
  );
});
