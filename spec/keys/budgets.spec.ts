// What one hostile member can make us send in a minute, in a call of 10 and of 100. docs/budgets-keys.md.
import { concatMap, filter, map, merge, mergeMap, NEVER, type Observable, range, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Membership } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { letter, member, scene } from "./scene.ts";

const minutes = 5;
const endMs = minutes * 60_000;

/** `count` members who stay, ourselves included. */
const others = (count: number): readonly Membership[] =>
  Array.from({ length: count }, (_, index) => {
    const name = `user-${String.fromCharCode(97 + Math.floor(index / 26))}${String.fromCharCode(97 + (index % 26))}`;
    return member(index === 0 ? "me" : name);
  });

/** Mallory, in her nth stay. With `deviceId`: on a device that she has just made up. */
const mallory = (stay: number, deviceId?: string): Membership => ({
  ...member(`mallory${stay}`),
  ...(deviceId !== undefined && { deviceId, participantIdentity: `sfu-${deviceId}` }),
});

/** A list of members for each time. */
const every = (ms: number, lists: (count: number) => readonly Membership[]): Observable<readonly Membership[]> =>
  range(0, Math.floor(endMs / ms)).pipe(concatMap((count) => timer(count > 0 ? ms : 0).pipe(map(() => lists(count)))));

interface Attack {
  readonly title: string;
  readonly members: (stay: readonly Membership[]) => Observable<readonly Membership[]>;
  readonly letters?: Observable<ReturnType<typeof letter>>;
  /** How many devices it makes up in a minute. */
  readonly newDevices?: number;
}

const wants = { "rx.matrixrtc.wants_key": true };
const eachSecond = range(0, endMs / 1_000).pipe(concatMap(() => timer(1_000)));

const attacks: readonly Attack[] = [
  ...[500, 1_000, 3_000, 7_000, 12_000].map((ms) => ({
    title: `comes and goes every ${ms} ms`,
    members: (stay: readonly Membership[]) =>
      every(ms, (count) => (count % 2 === 0 ? [...stay, mallory(count)] : stay)),
  })),
  {
    title: "re-joins every second without a leave",
    members: (stay) => every(1_000, (count) => [...stay, mallory(count)]),
  },
  ...[1_000, 5_000].map((ms) => ({
    title: `comes with a new device every ${ms} ms, and leaves with the one before`,
    newDevices: 60_000 / ms,
    members: (stay: readonly Membership[]) => every(ms, (count) => [...stay, mallory(count, `MADE-UP-${count}`)]),
  })),
  {
    title: "requests our key every second",
    members: (stay) => every(endMs / 2, () => [...stay, member("mallory")]),
    letters: eachSecond.pipe(map(() => letter({ from: "mallory", content: wants }))),
  },
  {
    title: "never sends a key",
    members: (stay) => every(endMs / 2, () => [...stay, member("mallory")]),
  },
];

/** What goes out in each minute. */
function costOf({ members, letters = NEVER }: Attack, size: number) {
  const [rotations, toMallory, sent] = [0, 0, 0].map(() => Array.from({ length: minutes }, () => 0));
  marbles(({ flush }) => {
    const stay = others(size - 1);
    // The others send their keys, so that we do not request them.
    const keys = stay.slice(1).map(({ memberId }) => letter({ from: memberId.replace("id-of-", "") }));
    const call = scene({ members: members(stay), letters: merge(timer(1).pipe(mergeMap(() => keys)), letters) });
    const add = (counts: number[] | undefined, count: number) => {
      const minute = Math.floor(call.nowTs() / 60_000);
      if (counts?.[minute] !== undefined) counts[minute] += count;
    };
    call.trace$.pipe(filter(({ kind }) => kind === "key-created")).subscribe(() => add(rotations, 1));
    call.messages$.subscribe(({ devices }) => {
      add(sent, devices.length);
      add(toMallory, devices.filter(({ userId }) => userId.startsWith("@mallory")).length);
    });
    call.key$.pipe(takeUntil(timer(endMs))).subscribe();
    flush();
  })();
  return { rotations: rotations ?? [], toMallory: toMallory ?? [], sent: sent ?? [] };
}

describe.each([10, 100])("in a call of %d", (size) => {
  it.each(attacks)("one hostile member that $title costs no more than the budget", (attack) => {
    const { rotations, toMallory, sent } = costOf(attack, size);
    const [first, ...later] = rotations;
    expect(first).toBeLessThanOrEqual(10);
    expect(Math.max(...later)).toBeLessThanOrEqual(6);
    // One message for each device that joins, 12 re-sends, and the new keys.
    const { newDevices = 0 } = attack;
    expect(toMallory[0]).toBeLessThanOrEqual(newDevices + 12 + 10);
    expect(Math.max(...toMallory.slice(1))).toBeLessThanOrEqual(newDevices + 12 + 6);
    expect(sent[0]).toBeLessThanOrEqual(newDevices + 12 + 10 * (size - 1));
    expect(Math.max(...sent.slice(1))).toBeLessThanOrEqual(newDevices + 12 + 6 * (size - 1));
  });
});
