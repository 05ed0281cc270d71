// Properties of random calls: nobody holds a key that is used after its leave is covered, whatever the network does;
// everybody who stays gets what it needs; and no key ever shows up where one can read it.
import fc from "fast-check";
import {
  asyncScheduler,
  BehaviorSubject,
  map,
  mergeMap,
  type Observable,
  of,
  Subject,
  takeUntil,
  throwError,
  timer,
} from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { expect, it } from "vitest";
import type { SessionContext } from "../../src/session-context.ts";
import { toBase64 } from "../../src/room/base64.ts";
import { KeyState } from "../../src/keys/key-state.ts";
import { mediaKeys } from "../../src/keys/media-keys.ts";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import { importInOrder } from "../../src/livekit/key-import.ts";
import { type Device, type Matrix, MatrixError, type ToDeviceMessage, type ToDeviceOutcome } from "../../src/matrix.ts";
import type { TraceEntry } from "../../src/trace.ts";
import type { Membership } from "../../src/types.ts";
import { keyIn, letter, member, nameOf, roomId } from "./scene.ts";
import type { KeyTrace } from "../../src/keys/trace.ts";

const names = ["bob", "carl", "dave", "erin", "frank"];
const endTs = 300_000;

/** Who is in the call from when on: each change toggles one, or brings one back as another instance at once. */
const changes = fc.array(
  fc.record({ ts: fc.integer({ min: 0, max: 40_000 }), who: fc.constantFrom(...names), isSwap: fc.boolean() }),
  { maxLength: 40 },
);
const policies = fc.record({
  useDelayMs: fc.integer({ min: 0, max: 5_000 }),
  graceMs: fc.integer({ min: 0, max: 12_000 }),
  coalesceMs: fc.integer({ min: 0, max: 6_000 }),
  periodMs: fc.constantFrom(Infinity, 20_000),
});
/** What the network does to each message, one after the other. */
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

/** From when to when; the last one to the end. */
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
  /** All that a log or a screen may show: decisions, statuses, counts, and what failed. */
  readonly shown: readonly unknown[];
  /** Our keys, and those that came, be they taken or not. */
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
    const keys = new KeyState(membership$, member("me"));
    const toDevice$ = new Subject<ToDeviceMessage>();
    let count = 1;

    /** Each who comes sends its key: as it should be, or not. */
    const greet = (who: string) => {
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
        greet(who);
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

    const matrix = {
      toDevice$,
      stateEvent: () => undefined,
      sendToDevice: (devices: readonly Device[], type: string, content: object) => {
        const key = toBase64(keyIn({ type, content, sender: "" }) ?? new Uint8Array());
        return of(...devices).pipe(mergeMap((device) => sendOne(device, key)));
      },
    } as unknown as Matrix;
    const call = {
      matrix,
      roomId,
      slot: "m.call#ROOM",
      membership$,
      trace: (entry: TraceEntry) => {
        shown.push(entry);
        keys.note(entry);
      },
    } as unknown as SessionContext<KeyTrace>;

    for (const it of plan.toSorted((a, b) => a.ts - b.ts)) timer(it.ts).subscribe(() => change(it));
    keys.encryptionStatus$.subscribe((statuses) => shown.push(statuses));
    keys.statistics$.subscribe((statistics) => shown.push(statistics));
    const broken = () => throwError(() => new Error("no import"));
    importInOrder(keys.known.key$, broken).subscribe(({ error }) => shown.push(error));
    keys
      .keep(mediaKeys(call, member("me"), resolveKeyOptions({ rotation: policy }), new Subject()))
      .pipe(takeUntil(timer(endTs)))
      .subscribe({
        next: ({ own, key }) => {
          secrets.push(key);
          if (own) uses.push({ key: toBase64(key), ts: now() });
        },
        error: (error: unknown) => shown.push(error),
      });
    flush();
  });
  return { uses, held, absences, strays, shown, secrets };
}

/** All that can be read of something, errors and their causes included. */
function textOf(thing: unknown): string {
  return JSON.stringify(thing, (_, value: unknown) => {
    if (value instanceof Uint8Array) return toBase64(value);
    if (value instanceof Map || value instanceof Set) return [...value];
    if (value instanceof Error) return [value.name, value.message, value.stack, value.cause, { ...value }];
    return value;
  });
}

/** A key as it might be written. */
function spellings(key: Uint8Array): readonly string[] {
  const padded = toBase64(key);
  const unpadded = padded.replace(/=+$/, "");
  const hex = Buffer.from(key).toString("hex");
  return [unpadded, unpadded.replaceAll("+", "-").replaceAll("/", "_"), hex, hex.toUpperCase(), key.join()];
}

/** The longest that anybody out of the call could decrypt. */
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

it("nobody decrypts for longer than the policy says after leaving, whatever the network does", () => {
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
  // The bound is no larger than it has to be.
  expect(longest).toBeGreaterThan(0.9);
});

it("a key is sent only to devices that are in the call, and those who stay get the one in use", () => {
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

it("no decision, status, count or error holds a key, of ours or of others, in any spelling", () => {
  const kinds = new Set<unknown>();
  fc.assert(
    fc.property(changes, policies, fates, (plan, policy, fate) => {
      const { shown, secrets } = play(plan, policy, fate);
      for (const it_ of shown) kinds.add(it_ instanceof Error ? it_.name : (it_ as Partial<TraceEntry>).kind);
      const text = textOf(shown);
      const found = secrets.flatMap(spellings).filter((spelling) => text.includes(spelling));
      expect(found).toEqual([]);
    }),
    { numRuns: 50 },
  );
  // There was something to look at.
  for (const kind of ["key-used", "key-received", "key-rejected", "key-early", "key-not-delivered", "RtcError"])
    expect(kinds).toContain(kind);
});

it("a key is found in each of its spellings, in errors and their causes too", () => {
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
