// Inspection: what tests may know of the call, on `window.callInspection`. Figures only: never a key, never a token.
import type { EncryptionStatus, JoinState, MemberEncryption, RtcSession } from "matrixrtc-rx";
import { distinctUntilChanged, finalize, ignoreElements, map, merge, type Observable, tap } from "rxjs";
import type { Call } from "./call.ts";
import { encryptionOf } from "./encryption.ts";
import type { Lock } from "./lock.ts";
import type { Mark, Marks } from "./marks.ts";
import type { Seen } from "./watch.ts";

/** One member of the call, ourselves included. Times in milliseconds. */
export interface InspectedMember {
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly identity: string;
  readonly createdTs: number;
  readonly isOwn: boolean;
  /** Whether the SFU shows a participant of that identity, and how many tracks it publishes. */
  readonly inSfu: boolean;
  readonly tracks: number;
  /** Whether all of its tracks are marked as encrypted. */
  readonly encrypted: boolean;
  readonly lock: Lock;
  /** How its keys stand; undefined while nothing is encrypted. */
  readonly encryption: InspectedEncryption | undefined;
  /** Indexes of the keys that we have of it, in the order in which they came; our own: the last is in use. */
  readonly keyIndexes: readonly number[];
  /** How long its newest key was under way, by both clocks. */
  readonly keyAgeMs: number | undefined;
  /** Video frames that we have decoded. */
  readonly framesDecoded: number;
  /** The longest time without a decoded frame since the first one, or since `resetGaps()`. */
  readonly longestGapMs: number;
}

export type InspectedEncryption = EncryptionStatus & Pick<MemberEncryption, "unreached">;

export interface CallInspection {
  /** How our own membership has stood since we joined, one entry for each change; the last 100. */
  states(): readonly string[];
  /** Milliseconds from our joining to the first time that each of these happened. */
  marks(): Partial<Record<Mark, number>>;
  members(): readonly InspectedMember[];
  /** Starts the measuring of gaps anew. */
  resetGaps(): void;
}

declare global {
  interface Window {
    /** Present while we are in a call. */
    callInspection?: CallInspection | undefined;
  }
}

const mostStates = 100;

interface Gap {
  readonly frames: number;
  readonly sinceTs: number;
  readonly longestMs: number;
}

/** Keeps `window.callInspection` for as long as it is subscribed to. */
export function inspection(
  call$: Observable<Call>,
  seen$: Observable<readonly Seen[]>,
  session: RtcSession,
  marks: Marks,
): Observable<never> {
  const states: string[] = [];
  const keyAges = new Map<string, number>();
  let latest: readonly Seen[] = [];
  let gaps = new Map<string, Gap>();
  window.callInspection = {
    states: () => states,
    marks: () => marks.sinceJoin(),
    members: () =>
      latest.map((seen) => {
        const { participantIdentity: id } = seen.member;
        return inspected(seen, session, { gap: gaps.get(id), keyAgeMs: keyAges.get(id) });
      }),
    resetGaps: () => (gaps = new Map()),
  };
  const look = (all: readonly Seen[]) => {
    latest = all;
    gaps = new Map(
      all
        .filter(({ progress }) => progress.frames > 0)
        .map(({ member: { participantIdentity: id }, progress }) => [id, nextGap(gaps.get(id), progress.frames)]),
    );
    if (gaps.size > 0) marks.mark("frame");
  };
  const state$ = call$.pipe(
    map(({ state }) => nameOf(state)),
    distinctUntilChanged(),
    tap((name) => {
      states.push(name);
      if (states.length > mostStates) states.shift();
    }),
  );
  const ages$ = session.trace$.pipe(
    tap((entry) => entry.kind === "key-received" && keyAges.set(entry.participantIdentity, entry.ageMs)),
  );
  const keys$ = session.encryptionKey$.pipe(tap(({ own }) => !own && marks.mark("key")));
  return merge(state$, seen$.pipe(tap(look)), keys$, ages$).pipe(
    finalize(() => (window.callInspection = undefined)),
    ignoreElements(),
  );
}

function nextGap(gap: Gap | undefined, frames: number): Gap {
  const now = performance.now();
  if (!gap) return { frames, sinceTs: now, longestMs: 0 };
  const longestMs = Math.max(gap.longestMs, now - gap.sinceTs);
  return frames === gap.frames ? { ...gap, longestMs } : { frames, sinceTs: now, longestMs };
}

/** `joined`, `joined probably-left`, `rejoining left-by-server`, … */
function nameOf(state: JoinState): string {
  switch (state.status) {
    case "joined":
      return state.probablyLeft ? "joined probably-left" : "joined";
    case "rejoining":
      return `rejoining ${state.reason}`;
    default:
      return state.status;
  }
}

/** Without the member, which is told anyway. */
function statusOf(encryption: MemberEncryption | undefined): InspectedEncryption | undefined {
  if (!encryption) return undefined;
  const { userId: _, deviceId: _d, memberId: _m, participantIdentity: _i, ...status } = encryption;
  return status;
}

function inspected(
  { member, isOwn, participant, keyIndexes, progress, lock }: Seen,
  session: RtcSession,
  { gap, keyAgeMs }: { readonly gap: Gap | undefined; readonly keyAgeMs: number | undefined },
): InspectedMember {
  const { userId, deviceId, memberId, participantIdentity: identity, createdTs } = member;
  return {
    userId,
    deviceId,
    memberId,
    identity,
    createdTs,
    isOwn,
    inSfu: participant !== undefined,
    tracks: participant?.trackPublications.size ?? 0,
    encrypted: participant?.isEncrypted ?? false,
    lock,
    encryption: statusOf(encryptionOf(session, member)),
    keyIndexes,
    keyAgeMs,
    framesDecoded: progress.frames,
    longestGapMs: Math.round(gap?.longestMs ?? 0),
  };
}
