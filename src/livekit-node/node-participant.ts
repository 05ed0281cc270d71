// NodeParticipant: the media of one member in Node, the same shape as in browsers, except for its tracks.
import { BehaviorSubject } from "rxjs";
import type {
  MediaConnection,
  MediaEncryption,
  MediaParticipant,
  MediaProblem,
  MediaQuality,
} from "../media/participant.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { Membership } from "../types.ts";
import type { NodeTrack, ParticipantView } from "./participant-view.ts";

/**
 * The media of one member of a call. A member that did not change is the same object as before, and each part of it is a
 * Behavior.
 */
export interface NodeParticipant extends Omit<MediaParticipant, "tracks$"> {
  /** Its tracks. Those that can be decrypted and are wanted have a `track`. */
  readonly tracks$: Behavior<readonly NodeTrack[]>;
}

/** A participant that is kept up to date. */
export class KeptParticipant implements NodeParticipant {
  readonly member: Membership;
  readonly isLocal: boolean;
  readonly connection$: BehaviorSubject<MediaConnection>;
  readonly tracks$: BehaviorSubject<readonly NodeTrack[]>;
  readonly speaking$: BehaviorSubject<boolean>;
  readonly quality$: BehaviorSubject<MediaQuality>;
  readonly encryption$: BehaviorSubject<MediaEncryption>;
  readonly problem$: BehaviorSubject<MediaProblem | undefined>;

  /** @param before The item of the same stay with an older event. Its streams go on. */
  constructor(member: Membership, isLocal: boolean, before?: KeptParticipant) {
    this.member = member;
    this.isLocal = isLocal;
    this.connection$ = before?.connection$ ?? new BehaviorSubject<MediaConnection>("waiting");
    this.tracks$ = before?.tracks$ ?? new BehaviorSubject<readonly NodeTrack[]>([]);
    this.speaking$ = before?.speaking$ ?? new BehaviorSubject(false);
    this.quality$ = before?.quality$ ?? new BehaviorSubject<MediaQuality>("unknown");
    this.encryption$ = before?.encryption$ ?? new BehaviorSubject<MediaEncryption>({ status: "pending" });
    this.problem$ = before?.problem$ ?? new BehaviorSubject<MediaProblem | undefined>(undefined);
  }

  update({ connection, tracks, speaking, quality, encryption, problem }: ParticipantView, now: number): void {
    change(this.connection$, connection);
    change(this.speaking$, speaking);
    change(this.quality$, quality);
    const before = this.tracks$.value;
    const kept = tracks.map((track) => before.find((old) => isSame(old, track)) ?? track);
    const isUnchanged = kept.length === before.length && kept.every((track, at) => track === before[at]);
    if (!isUnchanged) this.tracks$.next(kept);
    if (encryption.status !== this.encryption$.value.status) this.encryption$.next(encryption);
    const old = this.problem$.value;
    if (problem?.code === old?.code && problem?.nextTryTs === old?.nextTryTs) return;
    this.problem$.next(problem && { ...problem, sinceTs: problem.code === old?.code ? old.sinceTs : now });
  }
}

function change<T>(subject: BehaviorSubject<T>, value: T): void {
  if (subject.value !== value) subject.next(value);
}

const isSame = (a: NodeTrack, b: NodeTrack): boolean =>
  a.source === b.source && a.muted === b.muted && a.track === b.track;
