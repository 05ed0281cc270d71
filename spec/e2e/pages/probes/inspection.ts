// Inspection: what the end-to-end test reads of a call, on `window.callInspection`. Figures only: never a key or a token.
import { type Participant, RemoteTrackPublication, type Room } from "livekit-client";
import type { JoinState, Membership } from "matrixrtc-rx";
import type { EncryptionStatus, MemberEncryption, EncryptedSession } from "matrixrtc-rx/encryption";
import { exhaustMap, merge, type Observable, Subscription, tap, timer } from "rxjs";
import type { MediaLock } from "matrixrtc-rx/media";
import { lineOf } from "../../first-picture.ts";
import { videoOf } from "../sfu.ts";
import { type Mark, Marks, type MemberMark } from "./marks.ts";

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
  /** Whether we ask the SFU for its videos: they are subscribed to and not paused. */
  readonly asksForVideo: boolean;
  /** The lock on its tile, if it has a tile. */
  readonly lock: MediaLock | undefined;
  /** Undefined while nothing is encrypted. */
  readonly encryption: InspectedEncryption | undefined;
  /** Indexes of the keys that we have of it, in the order of their arrival. Of our own keys, the last is in use. */
  readonly keyIndexes: readonly number[];
  /** The time from the sending of its newest key to its arrival, by both clocks. */
  readonly keyAgeMs: number | undefined;
  /** Video frames that we have decoded. */
  readonly framesDecoded: number;
  /** The longest time without a decoded frame since the first one, or since `resetGaps()`. */
  readonly longestGapMs: number;
}

export interface WallTimes {
  readonly joinTs: number;
  readonly ownKeysTs: readonly number[];
}

/** What happened to keys since we joined. */
export interface KeyCounts {
  /** New keys of ours, and steps of them. */
  readonly created: number;
  readonly ratcheted: number;
  /** Devices that a key of ours was sent to, each time. */
  readonly sent: number;
  /** Keys that we requested, and that were requested of us. */
  readonly requested: number;
  readonly answered: number;
}

export type InspectedEncryption = EncryptionStatus & Pick<MemberEncryption, "unreached">;

export interface CallInspection {
  /** The states of our own membership since we joined, one entry for each change. The last 100. */
  states(): readonly string[];
  /** Milliseconds from our join to the first time of each. */
  marks(): Partial<Record<Mark, number>>;
  /** The time of our join, and when LiveKit began to encrypt with each of our keys, by the wall clock. */
  wallTimes(): WallTimes;
  /** The same for each other member, by identity. */
  memberMarks(): Readonly<Record<string, Partial<Record<MemberMark, number>>>>;
  members(): readonly InspectedMember[];
  keyCounts(): KeyCounts;
  /** Measures gaps from now on. */
  resetGaps(): void;
}

declare global {
  interface Window {
    /** Present while we are in a call. */
    callInspection?: CallInspection | undefined;
  }
}

const maxStates = 100;
const sampleMs = 250;

interface Gap {
  readonly frames: number;
  readonly sinceTs: number;
  readonly longestMs: number;
}

/** The call that this page is in. */
let present: Inspection | undefined;
/** The LiveKit rooms of this page. */
const rooms = new Set<Room>();

/** Marks a step of the call of this page, if it is in a call. */
export const mark = (name: Mark): void => present?.marked.mark(name);

/** The same for a step with one other member. */
export function markMember(identity: string, name: MemberMark): void {
  const isFirst = present?.marked.markMember(identity, name);
  if (isFirst && name === "frame") present?.noteFirstPicture(identity);
}

/** LiveKit encrypts our media with another key from now on. */
export function noteOwnKey(identity: string): void {
  const ts = Date.now();
  present?.ownKeysTs.push(ts);
  console.debug(lineOf({ kind: "own-key", identity, ts }));
}

/** Counts a LiveKit room as a room of this page while the subscription lasts. */
export function noteRoom(room: Room): Subscription {
  rooms.add(room);
  return new Subscription(() => rooms.delete(room));
}

class Inspection implements CallInspection {
  readonly marked = new Marks();
  readonly ownKeysTs: number[] = [];
  readonly #session: EncryptedSession;
  readonly #states: string[] = [];
  readonly #keyIndexes = new Map<string, readonly number[]>();
  readonly #keyAges = new Map<string, number>();
  #ownIdentity: string | undefined;
  #gaps = new Map<string, Gap>();
  readonly #counts = new Map<string, number>();

  constructor(session: EncryptedSession) {
    this.#session = session;
  }

  states = (): readonly string[] => this.#states;
  marks = (): Partial<Record<Mark, number>> => this.marked.times();
  wallTimes = (): WallTimes => ({ joinTs: this.marked.joinTs, ownKeysTs: this.ownKeysTs });
  memberMarks = () => this.marked.timesOfMembers();
  members = (): readonly InspectedMember[] => this.#session.membership$.value.map((member) => this.#inspect(member));
  keyCounts = (): KeyCounts => {
    const [created = 0, ratcheted = 0, sent = 0, requested = 0, answered = 0] = [
      "key-created",
      "key-ratcheted",
      "key-sent",
      "key-requested",
      "key-request-received",
    ].map((kind) => this.#counts.get(kind));
    return { created, ratcheted, sent, requested, answered };
  };
  resetGaps = (): void => void (this.#gaps = new Map());

  /** Follows keys and frames while subscribed to. */
  follow(): Observable<unknown> {
    const { encryptionKey$, trace$ } = this.#session;
    return merge(
      encryptionKey$.pipe(
        tap(({ participantIdentity: identity, keyIndex, own }) => {
          const others = (this.#keyIndexes.get(identity) ?? []).filter((index) => index !== keyIndex);
          this.#keyIndexes.set(identity, [...others, keyIndex]);
          if (own) return;
          this.marked.mark("key");
          this.marked.markMember(identity, "key");
        }),
      ),
      trace$.pipe(
        tap((entry) => {
          const count = entry.kind === "key-sent" ? entry.devices : 1;
          this.#counts.set(entry.kind, (this.#counts.get(entry.kind) ?? 0) + count);
        }),
        tap((entry) => entry.kind === "key-received" && this.#keyAges.set(entry.participantIdentity, entry.ageMs)),
      ),
      timer(0, sampleMs).pipe(exhaustMap(() => this.#sample())),
    );
  }

  /** Says how long the picture of a member took that was in the call when we joined. */
  noteFirstPicture(identity: string): void {
    const { joinTs } = this.marked;
    const member = this.#session.membership$.value.find(({ participantIdentity }) => participantIdentity === identity);
    const { readyMs, frame } = this.marked.pictureOf(identity);
    if (!member || member.createdTs >= joinTs || frame === undefined) return;
    console.debug(lineOf({ kind: "first-picture", identity, readyTs: joinTs + readyMs, ts: joinTs + frame }));
  }

  onState(state: JoinState): void {
    this.#ownIdentity = state.member.participantIdentity;
    if (state.status === "joined") this.marked.mark("homeserver");
    const name = nameOf(state);
    if (name === this.#states.at(-1)) return;
    this.#states.push(name);
    if (this.#states.length > maxStates) this.#states.shift();
  }

  async #sample(): Promise<void> {
    const { membership$ } = this.#session;
    const samples = await Promise.all(
      membership$.value.map(async ({ participantIdentity: identity }) => {
        const { framesDecoded } = await videoOf([participantOf(identity)]);
        return [identity, framesDecoded] as const;
      }),
    );
    const decoded = samples.filter(([, frames]) => frames > 0);
    this.#gaps = new Map(decoded.map(([identity, frames]) => [identity, nextGap(this.#gaps.get(identity), frames)]));
    if (decoded.length > 0) this.marked.mark("frame");
  }

  #inspect(member: Membership): InspectedMember {
    const { userId, deviceId, memberId, participantIdentity: identity, createdTs } = member;
    const participant = participantOf(identity);
    const gap = this.#gaps.get(identity);
    const tile = document.querySelector<HTMLElement>(`[data-user="${CSS.escape(userId)}"]`);
    return {
      userId,
      deviceId,
      memberId,
      identity,
      createdTs,
      isOwn: identity === this.#ownIdentity,
      inSfu: participant !== undefined,
      tracks: participant?.trackPublications.size ?? 0,
      encrypted: participant?.isEncrypted ?? false,
      asksForVideo: asksForVideo(participant),
      lock: tile?.dataset["lock"] as MediaLock | undefined,
      encryption: this.#encryptionOf(identity),
      keyIndexes: this.#keyIndexes.get(identity) ?? [],
      keyAgeMs: this.#keyAges.get(identity),
      framesDecoded: gap?.frames ?? 0,
      longestGapMs: Math.round(gap?.longestMs ?? 0),
    };
  }

  #encryptionOf(identity: string): InspectedEncryption | undefined {
    return this.#session.encryptionStatus$.value.get(identity);
  }
}

/**
 * The same states, with `window.callInspection` while subscribed to, however often. An error of the inspection never reaches
 * the call.
 */
export function inspected(session: EncryptedSession, state$: Observable<JoinState>): Observable<JoinState> {
  let subscribers = 0;
  let following = Subscription.EMPTY;
  return state$.pipe(
    tap({
      subscribe: () => {
        subscribers += 1;
        if (subscribers > 1) return;
        present = window.callInspection = new Inspection(session);
        following = present.follow().subscribe({ error: reportError });
      },
      next: harmless((state) => present?.onState(state)),
      finalize: () => {
        subscribers -= 1;
        if (subscribers > 0) return;
        following.unsubscribe();
        present = window.callInspection = undefined;
      },
    }),
  );
}

const harmless =
  <T>(act: (value: T) => void) =>
  (value: T): void => {
    try {
      act(value);
    } catch (error) {
      reportError(error);
    }
  };

/** A member that receives media is in rooms in which it publishes nothing. */
const participantOf = (identity: string) =>
  [...rooms]
    .flatMap((room) => room.getParticipantByIdentity(identity) ?? [])
    .toSorted((one, other) => other.trackPublications.size - one.trackPublications.size)[0];

const asksForVideo = (participant: Participant | undefined): boolean =>
  Array.from(participant?.videoTrackPublications.values() ?? []).every(
    (one) => one instanceof RemoteTrackPublication && one.isSubscribed && one.isEnabled,
  );

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
