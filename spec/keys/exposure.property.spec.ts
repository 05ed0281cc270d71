// Properties of random calls and networks: no leaver can decrypt for longer than the policy says, every member that stays
// gets the key in use, and no key is ever visible in a log or on a screen.
import fc from "fast-check";
import {
  asyncScheduler,
  BehaviorSubject,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  Subject,
  takeUntil,
  throwError,
  timer,
} from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { expect, it } from "vitest";
import type { KeysContext } from "../../src/keys/channel.ts";
import { sessionKeys } from "../../src/keys/keys.ts";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import { importInOrder } from "../../src/livekit/key-import.ts";
import {
  type Device,
  MatrixError,
  type RoomEvent,
  type ToDeviceMessage,
  type ToDeviceOutcome,
} from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import type { TraceEntry } from "../../src/trace.ts";
import type { Membership } from "../../src/types.ts";
import { keyIn, letter, member, nameOf, roomId } from "./scene.ts";

const names = ["bob", "carl", "dave", "erin", "frank"];
const endTs = 300_000;

/** Each change adds or removes a member, or makes it re-join at once. */
const changes = fc.array(
  fc.record({ ts: fc.integer({ min: 0, max: 40_000 }), who: fc.constantFrom(...names), isSwap: fc.boolean() }),
  { maxLength: 40 },
);
const policies = fc.record({
  useDelayMs: fc.integer({ min: 0, max: 5_000 }),
  graceMs: fc.integer({ min: 0, max: 12_000 }),
  coalesceMs: fc.integer({ min: 0, max: 6_000 }),
  maxCoalesceMs: fc.constantFrom(0, 0, 3_000, 10_000),
  periodMs: fc.constantFrom(Infinity, 20_000),
});
/** What happens to each message, one after the other. */
const fates = fc.array(
  fc.record({
    latencyMs: fc.integer({ min: 0, max: 3_000 }),
    outcome: fc.constantFrom("sent", "sent", "sent", "failed", "unknown-device", "lost-answer"),
  }),
  { minLength: 1, maxLength: 30 },
);

type Fate = typeof fates extends fc.Arbitrary<(infer F)[]> ? F : never;
type Change = typeof changes extends fc.Arbitrary<(infer C)[]> ? C : never;
type Policy = typeof policies extends fc.Arbitrary<infer P> ? P : never;

/** From when to when. The last one goes to the end. */
type Span = readonly [fromTs: number, toTs: number];

interface History {
  /** Our keys, in the order of their use. */
  readonly uses: readonly { readonly key: string; readonly ts: number }[];
  /** When each device first got each key. */
  readonly held: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** When each device was out of the call. */
  readonly absences: ReadonlyMap<string, readonly Span[]>;
  /** Messages to devices that were not in the call when they were sent. */
  readonly strays: readonly string[];
  /** All that a log or a screen can show: decisions, statuses, counts and errors. */
  readonly shown: readonly unknown[];
  /** Our keys, and those that came, accepted or not. */
  readonly secrets: readonly Uint8Array[];
}

function play(plan: readonly Change[], policy: Policy, fate: readonly Fate[]): History {
  const uses: { key: string; ts: number }[] = [];
  const held = new Map<string, Map<string, number>>();
  const absences = new Map<string, [number, number][]>(names.map((name) => [name, [[0, endTs]]]));
  const strays: string[] = [];
  const shown: unknown[] = [];
  const secrets: Uint8Array[] = [];
  const left = [...fate];

  new TestScheduler(() => {}).run(({ flush }) => {
    const now = () => asyncScheduler.now();
    const instances = new Map<string, number>();
    const membership$ = new BehaviorSubject<readonly Membership[]>([member("me")]);
    const toDevice$ = new Subject<ToDeviceMessage>();
    let count = 1;

    /** Each member that joins sends its key: a valid one, or not. */
    const sendKey = (who: string) => {
      const key = Uint8Array.from({ length: 16 }, (_, index) => (count * 31 + index * 67 + 0xf8) % 256);
      secrets.push(key);
      const good = letter({ from: `${who}${count}`, bytes: key });
      const forged = { ...good, proof: { deviceId: "LAPTOP", crossSigned: true } };
      const letters = [
        good,
        forged,
        { ...good, proof: { crossSigned: false } },
        { ...good, sender: "@eve:example.org" },
        letter({ from: `${who}${count}`, content: { keys: { index: 300, key: toBase64(key) } } }),
      ];
      for (const message of [letters[count % letters.length], ...(count % 2 === 0 ? [good] : [])])
        if (message) toDevice$.next(message);
    };

    const change = ({ who, isSwap }: Change) => {
      const isIn = instances.has(who);
      if (isIn && !isSwap) {
        instances.delete(who);
        absences.get(who)?.push([now(), endTs]);
      } else {
        instances.set(who, (count += 1));
        const absence = absences.get(who)?.at(-1);
        if (!isIn && absence) absence[1] = now();
        sendKey(who);
      }
      membership$.next([member("me"), ...[...instances].map(([name, instance]) => member(`${name}${instance}`))]);
    };

    const sendOne = (device: Device, key: string): Observable<ToDeviceOutcome> => {
      const name = nameOf(device);
      if (!instances.has(name)) strays.push(name);
      const { latencyMs, outcome } = left.shift() ?? { latencyMs: 0, outcome: "sent" };
      return timer(latencyMs).pipe(
        map((): ToDeviceOutcome => {
          const keys = held.get(name) ?? new Map<string, number>();
          held.set(name, keys);
          if ((outcome === "sent" || outcome === "lost-answer") && !keys.has(key)) keys.set(key, now());
          if (outcome === "sent" || outcome === "unknown-device") return { ...device, outcome };
          return { ...device, outcome: "failed", cause: new MatrixError("network", `no answer of ${name}`) };
        }),
      );
    };

    const context: KeysContext = {
      matrix: {
        changes$: NEVER,
        toDevice$,
        stateEvent: (_, type, sender) => (type === "m.room.member" ? inRoom(sender) : undefined),
        send: () => throwError(() => new MatrixError("other", "no key goes into the room")),
        sendToDevice: (devices, type, content) => {
          const key = toBase64(keyIn({ type, content, sender: "" }) ?? new Uint8Array());
          return of(...devices).pipe(mergeMap((device) => sendOne(device, key)));
        },
      },
      roomId,
      slot: "m.call#ROOM",
      membership$,
      rejected$: new BehaviorSubject([]),
      trace: (entry) => shown.push(entry),
    };
    const keys = sessionKeys(context);

    for (const one of plan.toSorted((a, b) => a.ts - b.ts)) timer(one.ts).subscribe(() => change(one));
    keys.encryptionStatus$.subscribe((statuses) => shown.push([...statuses.values()]));
    keys.statistics$.subscribe((statistics) => shown.push(statistics));
    const broken = () => throwError(() => new Error("no import"));
    importInOrder(keys.encryptionKey$, broken).subscribe(({ error }) => shown.push(error));
    keys
      .exchange(member("me"), resolveKeyOptions({ rotation: policy }))
      .pipe(takeUntil(timer(endTs)))
      .subscribe({
        next: (event) => {
          if (event.kind !== "key") return;
          secrets.push(event.key.key);
          if (event.key.own) uses.push({ key: toBase64(event.key.key), ts: now() });
        },
        error: (error: unknown) => shown.push(error),
      });
    flush();
  });
  return { uses, held, absences, strays, shown, secrets };
}

const inRoom = (sender: string): RoomEvent => ({
  type: "m.room.member",
  sender,
  stateKey: sender,
  eventId: "$room",
  originServerTs: 0,
  content: { membership: "join" },
});

/** All that can be read of a value, including errors and their causes. */
function textOf(thing: unknown): string {
  return JSON.stringify(thing, (_, value: unknown) => {
    if (value instanceof Uint8Array) return toBase64(value);
    if (value instanceof Map || value instanceof Set) return [...value];
    if (value instanceof Error) return [value.name, value.message, value.stack, value.cause, { ...value }];
    return value;
  });
}

/** The ways in which a key can be written. */
function spellings(key: Uint8Array): readonly string[] {
  const padded = toBase64(key);
  const unpadded = padded.replace(/=+$/, "");
  const hex = Buffer.from(key).toString("hex");
  return [unpadded, unpadded.replaceAll("+", "-").replaceAll("/", "_"), hex, hex.toUpperCase(), key.join()];
}

/** The longest time that a device outside the call could decrypt. */
function exposureMs({ uses, held, absences }: History): number {
  let longest = 0;
  for (const [name, keys] of held) {
    for (const [index, { key, ts }] of uses.entries()) {
      const heldTs = keys.get(key);
      if (heldTs === undefined) continue;
      const untilTs = uses[index + 1]?.ts ?? endTs;
      for (const [goneTs, backTs] of absences.get(name) ?? []) {
        const [fromTs, toTs] = [Math.max(ts, heldTs, goneTs), Math.min(untilTs, backTs)];
        if (fromTs < toTs) longest = Math.max(longest, toTs - goneTs);
      }
    }
  }
  return longest;
}

it("a leaver cannot decrypt for longer than the policy says, on any network", () => {
  let longest = 0;
  fc.assert(
    fc.property(changes, policies, fates, (plan, policy, fate) => {
      const bound = rotationCost(policy, { members: 6, joinsPerHour: 0, leavesPerHour: 0 }).leaverExposureMs;
      const measured = exposureMs(play(plan, policy, fate));
      longest = Math.max(longest, measured / Math.max(1, bound));
      expect(measured).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 100 },
  );
  // The bound is close to what was measured.
  expect(longest).toBeGreaterThan(0.9);
});

it("a key is sent only to devices in the call, and each device that stays gets the key in use", () => {
  fc.assert(
    fc.property(changes, policies, fates, (plan, policy, fate) => {
      const { strays, uses, held, absences } = play(plan, { ...policy, periodMs: Infinity }, fate);
      expect(strays).toEqual([]);
      for (const name of names) {
        if (absences.get(name)?.at(-1)?.[1] === endTs) continue;
        expect(held.get(name)?.has(uses.at(-1)?.key ?? "")).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

it("no decision, status, count or error contains a key, ours or another, in any spelling", () => {
  const kinds = new Set<unknown>();
  fc.assert(
    fc.property(changes, policies, fates, (plan, policy, fate) => {
      const { shown, secrets } = play(plan, policy, fate);
      for (const one of shown) kinds.add(one instanceof Error ? one.name : (one as Partial<TraceEntry>).kind);
      const text = textOf(shown);
      const found = secrets.flatMap(spellings).filter((spelling) => text.includes(spelling));
      expect(found).toEqual([]);
    }),
    { numRuns: 50 },
  );
  // There was something to search in.
  for (const kind of ["key-used", "key-received", "key-rejected", "key-early", "key-not-delivered", "RtcError"])
    expect(kinds).toContain(kind);
});

it("the search finds a key in each of its spellings, also in errors and their causes", () => {
  const key = Uint8Array.from({ length: 16 }, (_, index) => 255 - index);
  const hides: readonly unknown[] = [
    { key },
    { key: toBase64(key) },
    { key: [...key] },
    new Error("no", { cause: new Error(Buffer.from(key).toString("hex")) }),
    new Map([["key", Buffer.from(key).toString("base64url")]]),
  ];
  for (const hide of hides) expect(spellings(key).some((spelling) => textOf([hide]).includes(spelling))).toBe(true);
});
