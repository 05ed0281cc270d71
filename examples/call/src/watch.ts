// Watch: what is to be seen of each member, several times a second: the decoders' progress, the lock, the keys.
import { type Participant, type Room, RoomEvent } from "livekit-client";
import type { EncryptionKey, Membership } from "matrixrtc-rx";
import {
  combineLatest,
  distinctUntilChanged,
  exhaustMap,
  fromEventPattern,
  map,
  merge,
  type Observable,
  scan,
  startWith,
  switchMap,
  throttleTime,
  timer,
  withLatestFrom,
} from "rxjs";
import type { Call } from "./call.ts";
import { changesOf } from "./connection.ts";
import { type Lock, lockOf } from "./lock.ts";
import { type Connections, participantOf } from "./media.ts";
import { type Progress, progressOf } from "./progress.ts";

export interface Seen {
  readonly member: Membership;
  readonly isOwn: boolean;
  readonly participant: Participant | undefined;
  /** The indexes of the keys that we have of this member, in the order in which they came. */
  readonly keyIndexes: readonly number[];
  readonly progress: Progress;
  /** When something was last decoded. */
  readonly decodedTs: number | undefined;
  readonly lock: Lock;
}

const sampleMs = 250;
const changesMs = 50;

/** By participant identity. */
type KeyIndexes = ReadonlyMap<string, readonly number[]>;
type Failures = ReadonlyMap<string, number>;

export function watch(call$: Observable<Call>, encryptionKey$: Observable<EncryptionKey>): Observable<readonly Seen[]> {
  const rooms$ = call$.pipe(
    map(({ rooms }) => rooms),
    distinctUntilChanged(),
  );
  const often$ = merge(
    timer(0, sampleMs),
    rooms$.pipe(switchMap((rooms) => merge(...[...rooms.values()].map(changesOf)))),
  );
  const latest$ = combineLatest([call$, keyIndexes(encryptionKey$), failures(rooms$)]);
  return often$.pipe(
    throttleTime(changesMs, undefined, { leading: true, trailing: true }),
    withLatestFrom(latest$),
    exhaustMap(([, latest]) => look(...latest)),
    scan((before, now) => now.map((seen) => compared(seen, before)), [] as readonly Seen[]),
  );
}

/** One look at everybody. */
function look({ state, members, rooms }: Call, keyIndexes: KeyIndexes, failures: Failures): Promise<(Seen & Failed)[]> {
  const ownIdentity = state.member.participantIdentity;
  return Promise.all(
    members.map(async (member) => {
      const participant = participantOf(member, members, rooms);
      return {
        member,
        isOwn: member.participantIdentity === ownIdentity,
        participant,
        keyIndexes: keyIndexes.get(member.participantIdentity) ?? [],
        progress: await progressOf(participant),
        decodedTs: undefined,
        lock: "none" as const,
        failedTs: failures.get(member.participantIdentity),
      };
    }),
  );
}

interface Failed {
  readonly failedTs: number | undefined;
}

/** Compares with the look before. Our own media counts as decoded while we have a key to encrypt it with. */
function compared({ failedTs, ...seen }: Seen & Failed, before: readonly Seen[]): Seen {
  const now = performance.now();
  const { isOwn, participant, keyIndexes, progress } = seen;
  const last = before.find(({ member }) => member.participantIdentity === seen.member.participantIdentity);
  const moved =
    last !== undefined && (progress.frames > last.progress.frames || progress.samples > last.progress.samples);
  const decodedTs = moved || (isOwn && keyIndexes.length > 0) ? now : last?.decodedTs;
  return { ...seen, decodedTs, lock: lockOf(participant, { decodedTs, failedTs }, now) };
}

function keyIndexes(encryptionKey$: Observable<EncryptionKey>): Observable<KeyIndexes> {
  return encryptionKey$.pipe(
    scan((indexes, { participantIdentity, keyIndex }) => {
      const known = indexes.get(participantIdentity) ?? [];
      return new Map(indexes).set(participantIdentity, [...known.filter((index) => index !== keyIndex), keyIndex]);
    }, new Map<string, readonly number[]>()),
    startWith(new Map<string, readonly number[]>()),
  );
}

/** When decrypting last failed. */
function failures(rooms$: Observable<Connections>): Observable<Failures> {
  return rooms$.pipe(
    switchMap((rooms) => merge(...[...rooms.values()].map(undecryptable))),
    scan((times, identity) => new Map(times).set(identity, performance.now()), new Map<string, number>()),
    startWith(new Map<string, number>()),
  );
}

/** The identity of a participant each time that its media could not be decrypted. */
function undecryptable(room: Room): Observable<string> {
  return fromEventPattern(
    (listener) => room.on(RoomEvent.EncryptionError, listener),
    (listener) => room.off(RoomEvent.EncryptionError, listener),
    (_: Error, participant?: Participant) => participant?.identity ?? "",
  );
}
