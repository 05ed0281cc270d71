// Exhaustive: two members and up to six messages from one to the other, in every order, each in time, lost, late or doubled.
import { EMPTY, NEVER, of, Subject } from "rxjs";
import { type Membership, watchSession } from "../../src/index.ts";
import { encryptedSession } from "../../src/encryption/index.ts";
import { keyMessage } from "../../src/keys/wire.ts";
import type { Matrix, ToDeviceMessage } from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import { participantIdentity } from "../../src/membership/identity.ts";
import { stickyJoin, stickyLeave } from "../../src/join/content.ts";
import { SyncedRooms } from "../../src/testing/synced-rooms.ts";
import type { SyncChange } from "../../src/testing/sync-change.ts";
import { Life, SimulatedClock } from "./clock.ts";
import { seededCrypto } from "./seeded-crypto.ts";

const [alice, bob] = ["@alice:example.org", "@bob:example.org"];
const [phone, laptop] = ["PHONE", "LAPTOP"];
const roomId = "!room:example.org";
const slot = "m.call#ROOM";
const hourMs = 3_600_000;
/** Early keys wait for their member for a minute: what is late comes after that. */
const lateMs = 70_000;
/** Requests for what is missing, and their answers, take their time. */
const settledMs = 10_000;

/** What Bob sends: he joins with a key, leaves, joins again with another key, and makes a new one. */
export const messages = ["join 1", "key 1#0", "leave 1", "join 2", "key 2#0", "key 2#1"] as const;
export type MessageName = (typeof messages)[number];

export type Fate = "in time" | "lost" | "late" | "doubled";

/** The messages in the order in which Alice gets them. A message that is missing here is lost. */
export interface Delivery {
  readonly inTime: readonly MessageName[];
  readonly late: readonly MessageName[];
}

/** What Alice shows in the end. */
export interface Ending {
  /** What is wrong, in words. */
  readonly wrong: readonly string[];
  /** The same for all orders of the same messages, if none is late. */
  readonly picture: string;
}

const member = (stay: number) => ({
  kind: "sticky" as const,
  userId: bob,
  deviceId: laptop,
  memberId: `stay-${stay}`,
  participantIdentity: participantIdentity("sticky", bob, laptop, `stay-${stay}`),
});
const keyOf = (stay: number, index: number) => new Uint8Array(16).fill(stay * 16 + index + 1);
const data = { application: { type: "m.call" }, intent: undefined, transports: [] };

/** Each message as a part of a sync response. Its time is that of its sending, whenever it arrives. */
const contents: Readonly<Record<MessageName, (startTs: number) => SyncChange>> = {
  "join 1": (ts) => sticky("$1", stickyJoin(slot, member(1), data), ts, 1),
  "key 1#0": (ts) => key(1, 0, ts + 2_000),
  "leave 1": (ts) => sticky("$3", stickyLeave(slot, "stay-1", undefined), ts, 3),
  "join 2": (ts) => sticky("$4", stickyJoin(slot, member(2), data), ts, 4),
  "key 2#0": (ts) => key(2, 0, ts + 5_000),
  "key 2#1": (ts) => key(2, 1, ts + 6_000),
};

function sticky(eventId: string, content: object, startTs: number, second: number): SyncChange {
  const originServerTs = startTs + second * 1_000;
  return {
    kind: "event",
    event: {
      roomId,
      type: "org.matrix.msc4143.rtc.member",
      sender: bob,
      eventId,
      originServerTs,
      content,
      sticky: {
        durationMs: hourMs,
        untilTs: originServerTs + hourMs,
        encryption: "decrypted",
        senderDeviceId: laptop,
      },
    },
  };
}

function key(stay: number, keyIndex: number, sentTs: number): SyncChange {
  const outgoing = {
    roomId,
    slot,
    memberId: `stay-${stay}`,
    deviceId: laptop,
    keyIndex,
    key: keyOf(stay, keyIndex),
    sentTs,
  };
  const { type, content } = keyMessage("io.element.call.encryption_keys", outgoing);
  const message: ToDeviceMessage = { type, sender: bob, content, proof: { deviceId: laptop, crossSigned: true } };
  return { kind: "message", message };
}

/** Every way in which the messages can arrive. Two that deliver the same are one. */
export function* deliveries(of_: readonly MessageName[], fates: readonly Fate[]): Iterable<Delivery> {
  for (const fate of fatesOf(of_, fates)) {
    const inTime = of_.filter((_, index) => fate[index] === "in time");
    const doubled = of_.filter((_, index) => fate[index] === "doubled");
    const late = of_.filter((_, index) => fate[index] === "late");
    for (const ordered of permutations([...inTime, ...doubled]))
      for (const lateOrdered of permutations(late))
        yield {
          inTime: ordered.flatMap((name) => (doubled.includes(name) ? [name, name] : [name])),
          late: lateOrdered,
        };
  }
}

function* fatesOf(of_: readonly MessageName[], fates: readonly Fate[]): Iterable<readonly Fate[]> {
  if (of_.length === 0) return yield [];
  for (const rest of fatesOf(of_.slice(1), fates)) for (const fate of fates) yield [fate, ...rest];
}

function* permutations<T>(list: readonly T[]): Iterable<readonly T[]> {
  if (list.length <= 1) return yield list;
  for (const [index, first] of list.entries())
    for (const rest of permutations(list.toSpliced(index, 1))) yield [first, ...rest];
}

/** Plays one delivery to Alice. She is in the call. */
export function play({ inTime, late }: Delivery): Ending {
  const wrong: string[] = [];
  const clock = new SimulatedClock((error) => wrong.push(`thrown: ${String(error)}`));
  const restoreClock = clock.install();
  const restoreCrypto = seededCrypto(() => clock.life, 1);
  try {
    const page = new Life("alice");
    const startTs = Date.now();
    return clock.as(page, () => {
      const synced = new SyncedRooms(alice);
      synced.ingest([{ kind: "room", roomId, events: roomState(startTs), timeline: [] }]);
      const matrix = portOf(synced);
      const session = encryptedSession(matrix, { roomId, slot });
      const installed = new Map<string, Map<number, string>>();
      let members: readonly Membership[] = [];
      const hangUp$ = new Subject<void>();
      const subscriptions = [
        session.membership$.subscribe((list) => (members = list)),
        session.encryptionStatus$.subscribe(),
        session.encryptionKey$.subscribe(({ own, participantIdentity: identity, keyIndex, key: bytes }) => {
          if (own) return;
          installed.set(
            identity,
            (installed.get(identity) ?? new Map<number, string>()).set(keyIndex, toBase64(bytes)),
          );
        }),
        session
          .join({ mode: "matrix_2_0", leaveOn: hangUp$ })
          .subscribe({ error: (error) => wrong.push(`join: ${error}`) }),
      ];
      const deliver = (names: readonly MessageName[]) => {
        for (const name of names) {
          clock.as(page, () => synced.ingest([contents[name](startTs)]));
          clock.run(clock.ms + 10, () => false);
        }
      };
      clock.run(8_000, () => false);
      deliver(inTime);
      clock.run(clock.ms + (late.length > 0 ? lateMs : 0), () => false);
      deliver(late);
      clock.run(clock.ms + settledMs, () => false);

      const fresh = clock.as(page, () => watchSession(matrix, { roomId, slot }).membership$.value);
      if (inWords(fresh) !== inWords(members)) wrong.push(`live ${inWords(members)}, fresh ${inWords(fresh)}`);
      const arrived = new Set([...inTime, ...late]);
      const shown = [
        ...(arrived.has("join 1") && !arrived.has("leave 1") ? [1] : []),
        ...(arrived.has("join 2") ? [2] : []),
      ];
      const stays = members.filter(({ userId }) => userId === bob).map(({ memberId }) => Number(memberId.at(-1)));
      // If the leave is lost, the device is shown once or twice; its newest stay always is.
      if (stays.at(-1) !== shown.at(-1)) wrong.push(`shows the stays ${stays.join()}, and not ${shown.join()}`);
      const statuses: string[] = [];
      for (const stay of [1, 2]) {
        const { participantIdentity: identity } = member(stay);
        const ring = installed.get(identity) ?? new Map<number, string>();
        for (const [index, bytes] of ring)
          if (bytes !== toBase64(keyOf(stay, index))) wrong.push(`stay ${stay} has a wrong key at #${index}`);
        const status = clock.as(page, () => session.encryptionStatus$.value.get(identity));
        if (!status) continue;
        statuses.push(`${stay} ${status.status}`);
        if (status.status === "ok" && ring.size === 0) wrong.push(`stay ${stay} is ok without a key`);
        const keysInTime = inTime.filter((name) => name.startsWith(`key ${stay}`));
        const isMemberInTime = inTime.includes(`join ${stay}` as MessageName);
        if (status.status !== "ok" && isMemberInTime && keysInTime.length > 0)
          wrong.push(`stay ${stay} is ${status.status} although its key came`);
        for (const name of isMemberInTime ? keysInTime : [])
          if (stays.includes(stay) && !ring.has(Number(name.at(-1)))) wrong.push(`${name} is not installed`);
      }
      hangUp$.next();
      clock.run(clock.ms + 1_000, () => false);
      for (const subscription of subscriptions) subscription.unsubscribe();
      if (clock.timersOf(page) > 0) wrong.push(`${clock.timersOf(page)} timers are left`);
      return { wrong, picture: `${inWords(members)} | ${statuses.join(", ")}` };
    });
  } finally {
    restoreCrypto();
    restoreClock();
  }
}

const inWords = (members: readonly Membership[]): string =>
  members
    .filter(({ userId }) => userId === bob)
    .map(({ memberId, eventId }) => `${memberId} ${eventId}`)
    .join(", ");

/** A port whose requests all succeed at once. Its own events come back as it sends them. */
function portOf(synced: SyncedRooms): Matrix {
  let count = 0;
  const echo = (type: string, content: object, stickyMs: number) =>
    synced.ingest([
      {
        kind: "event",
        event: {
          roomId,
          type,
          sender: alice,
          eventId: `$own${(count += 1)}`,
          originServerTs: Date.now(),
          content,
          sticky: {
            durationMs: stickyMs,
            untilTs: Date.now() + stickyMs,
            encryption: "decrypted",
            senderDeviceId: phone,
          },
        },
      },
    ]);

  return {
    userId: alice,
    deviceId: phone,
    rooms: () => [roomId],
    hasRoom: () => true,
    stateEvent: (room, type, stateKey) => synced.stateEvent(room, type, stateKey),
    stateEvents: (room, type) => synced.stateEvents(room, type),
    stickyEvents: (room) => synced.stickyEvents(room),
    changes$: synced.changes$,
    toDevice$: synced.toDevice$,
    roomKey$: NEVER,
    sendToDevice: (devices) => of(...devices.map((device) => ({ ...device, outcome: "sent" as const }))),
    send: ({ type, content, stickyMs }) => {
      if (stickyMs !== undefined) echo(type, content, stickyMs);
      return of(`$own${count}`);
    },
    schedule: () => of("delay-id"),
    updateDelayedEvent: () => EMPTY,
    delayedEventLimits: () => of({}),
  };
}

const roomState = (originServerTs: number) => {
  const state = (type: string, content: object, stateKey = "", sender = alice) => ({
    roomId,
    type,
    sender,
    stateKey,
    eventId: `$${type}${stateKey}`,
    originServerTs,
    content,
  });
  return [
    state("m.room.create", { room_version: "11" }),
    state("m.room.member", { membership: "join" }, alice),
    state("m.room.member", { membership: "join" }, bob, bob),
    state("m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" }),
  ];
};
