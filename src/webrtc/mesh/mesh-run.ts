// MeshRun: a mesh for as long as somebody listens: its pairs, its messages, and its participants.
import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  filter,
  map,
  merge,
  type Observable,
  of,
  ReplaySubject,
  Subject,
  Subscription,
  switchMap,
  tap,
  timer,
} from "rxjs";
import { findOwn } from "../../join/own-member.ts";
import type { JoinState } from "../../join/state.ts";
import type { Matrix, ToDeviceMessage } from "../../matrix.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import type { MediaParticipant, MediaProblem } from "../../media/participant.ts";
import { isInRoom } from "../../room/room-member.ts";
import { at } from "../../rx/at-deadline.ts";
import type { Membership, OwnMember } from "../../types.ts";
import type { WatchedSession } from "../../watch.ts";
import type { IceServer } from "../peer-connection.ts";
import { meshTiming } from "../timing.ts";
import { iceServers } from "../turn.ts";
import { EarlyMessages } from "./early-messages.ts";
import { type MeshMessage, readEnvelope } from "./envelope.ts";
import { localMedia } from "./local-participant.ts";
import type { ResolvedMeshOptions } from "./options.ts";
import type { Arrival } from "./pair.ts";
import { type MediaBehaviors, ParticipantMedia } from "./participant-media.ts";
import { isSamePeer, type PeerId, peerIdOf, peerKey } from "./peer-id.ts";
import { type Paired, type Roster, rosterOf } from "./roster.ts";
import { runPair } from "./run-pair.ts";
import type { MeshTrace, MeshTraceEntry, PairEnd } from "./trace.ts";
import { isInMesh } from "./transport.ts";

/** A pair that runs. */
interface Entry extends Paired {
  readonly arrival$: Subject<Arrival>;
  readonly leave$: Subject<void>;
  readonly media: ParticipantMedia;
}

/** Who cannot wait for a camera any longer begins without it. */
const mediaPatienceMs = 2_000;

export class MeshRun {
  readonly changed$: Subject<void> = new Subject();
  participants: readonly MediaParticipant[] = [];

  readonly #matrix: Matrix;
  readonly #session: Pick<WatchedSession, "roomId" | "slot" | "membership$">;
  readonly #options: ResolvedMeshOptions;
  readonly #trace$: Subject<MeshTrace>;
  readonly #running = new Subscription();
  readonly #pairs = new Map<string, Entry>();
  readonly #early = new EarlyMessages();
  readonly #earlyChanged$ = new Subject<void>();
  readonly #servers$ = new BehaviorSubject<readonly IceServer[]>([]);
  readonly #media$ = new ReplaySubject<OutgoingMedia>(1);
  readonly #local: MediaBehaviors;
  readonly #localChanged$ = new Subject<void>();
  #media: OutgoingMedia = {};
  #ownMember: OwnMember | undefined;
  #own: PeerId | undefined;
  #isReady = false;
  #isSurplus = false;

  constructor(
    matrix: Matrix,
    session: Pick<WatchedSession, "roomId" | "slot" | "membership$">,
    options: ResolvedMeshOptions,
    trace$: Subject<MeshTrace>,
  ) {
    this.#matrix = matrix;
    this.#session = session;
    this.#options = options;
    this.#trace$ = trace$;
    this.#local = localMedia(() => this.#readLocal(), this.#localChanged$);
  }

  start(): void {
    const { join, media$ } = this.#options;
    const { membership$ } = this.#session;
    // Messages first: none that comes with the members is missed.
    this.#running.add(this.#matrix.toDevice$.subscribe((message) => this.#onMessage(message)));
    this.#running.add(
      this.#earlyChanged$
        .pipe(switchMap(() => at(this.#early.deadlineTs)))
        .subscribe(() => this.#dropEarly(this.#early.takeExpired(asyncScheduler.now()))),
    );
    this.#running.add(
      sendable(media$).subscribe((media) => {
        this.#media = media;
        this.#media$.next(media);
        this.#localChanged$.next();
      }),
    );
    this.#running.add(
      iceServers(this.#matrix).subscribe((servers) => {
        this.#servers$.next(servers);
        if (this.#isReady) return;
        this.#isReady = true;
        this.#update();
      }),
    );
    this.#running.add(
      ownMemberOf(join).subscribe((member) => {
        this.#ownMember = member;
        this.#update();
      }),
    );
    this.#running.add(membership$.subscribe(() => this.#update()));
  }

  stop(): void {
    for (const entry of this.#pairs.values()) this.#close(entry, "we-left");
    this.#running.unsubscribe();
    this.#localChanged$.complete();
    this.participants = [];
  }

  /** Brings the pairs in line with the members. */
  #update(): void {
    const members = this.#session.membership$.value;
    const own = this.#ownMember && findOwn(members, this.#ownMember);
    this.#own = own && isInMesh(own) ? peerIdOf(own) : undefined;
    const present = Array.from(this.#pairs.values(), ({ peer, member, isCaller, media }) => ({
      ...{ peer, member, isCaller },
      isConnected: media.connection === "connected",
    }));
    const roster = rosterOf({
      members,
      own: this.#isReady ? own : undefined,
      limit: this.#options.limit,
      present,
      isInRoom: (userId) => isInRoom(this.#matrix, this.#session.roomId, userId),
      now: asyncScheduler.now(),
    });
    this.#align(roster, members);
    this.#show(members, roster);
    this.#deliverEarly();
  }

  #align({ paired, surplus }: Roster, members: readonly Membership[]): void {
    const wanted = new Map(paired.map((one) => [peerKey(one.peer), one]));
    for (const [key, entry] of Array.from(this.#pairs)) {
      if (wanted.has(key)) continue;
      const isSurplus = surplus.some((member) => isSamePeer(peerIdOf(member), entry.peer));
      const isHere = members.some((member) => isSamePeer(peerIdOf(member), entry.peer));
      this.#close(entry, isSurplus ? "over-limit" : isHere ? "we-left" : "peer-left");
    }
    for (const [key, one] of wanted) {
      const known = this.#pairs.get(key);
      if (known) this.#pairs.set(key, { ...known, member: one.member });
      else this.#open(one);
    }
  }

  #open(paired: Paired): void {
    const { peer, isCaller } = paired;
    const own = this.#own;
    if (!own) return;
    const { peers, relayOnly } = this.#options;
    const { roomId, slot } = this.#session;
    const entry: Entry = { ...paired, arrival$: new Subject(), leave$: new Subject(), media: new ParticipantMedia() };
    this.#pairs.set(peerKey(peer), entry);
    this.#trace({ kind: "pair-opened", peer, isCaller });
    const pair$ = runPair({
      own,
      peer,
      isCaller,
      context: { roomId, slot },
      sendToDevice: (devices, type, content) => this.#matrix.sendToDevice(devices, type, content),
      peers,
      relayOnly,
      timing: meshTiming,
      servers$: this.#servers$,
      media$: this.#media$,
      arrival$: entry.arrival$,
      leave$: entry.leave$,
      trace: (one) => this.#trace(one),
    });
    this.#running.add(
      pair$.subscribe(({ pair, connection }) => {
        const before = entry.media.connection;
        entry.media.update(pair, connection);
        // A lapsed member stays only for as long as its connection works.
        const isLost = before === "connected" && entry.media.connection !== "connected";
        if (isLost && entry.member.expiresTs <= asyncScheduler.now()) this.#update();
      }),
    );
  }

  #close(entry: Entry, reason: PairEnd): void {
    const { peer } = entry;
    this.#pairs.delete(peerKey(peer));
    entry.leave$.next();
    entry.media.end();
    this.#trace({ kind: "pair-closed", peer, reason });
  }

  /** A message of some device. */
  #onMessage(received: ToDeviceMessage): void {
    const { requireCrossSigned } = this.#options;
    const read = readEnvelope(received, this.#session, this.#matrix, requireCrossSigned);
    if (!read) return;
    if ("rejected" in read) {
      const { rejected: reason, path } = read;
      const from = { userId: received.sender, deviceId: received.proof?.deviceId ?? "" };
      return this.#trace({ kind: "message-rejected", from, reason, ...(path !== undefined && { path }) });
    }
    const message = read.accepted;
    if (this.#deliver(message)) return;
    if (!isInRoom(this.#matrix, this.#session.roomId, message.from.userId))
      return this.#trace({ kind: "message-rejected", from: message.from, reason: "not-in-room" });
    this.#trace({ kind: "message-early", from: message.from });
    const surplus = this.#early.add(message, asyncScheduler.now());
    for (const { from } of surplus) this.#trace({ kind: "message-rejected", from, reason: "too-many" });
    this.#earlyChanged$.next();
  }

  /** Gives a message to its pair, if there is one. */
  #deliver({ from, toSessionId, seq, message, bytes }: MeshMessage): boolean {
    const entry = this.#own?.sessionId === toSessionId ? this.#pairs.get(peerKey(from)) : undefined;
    entry?.arrival$.next({ seq, message, bytes });
    return entry !== undefined;
  }

  #deliverEarly(): void {
    if (this.#early.size === 0) return;
    const isDue = ({ from, toSessionId }: MeshMessage) =>
      this.#own?.sessionId === toSessionId && this.#pairs.has(peerKey(from));
    for (const message of this.#early.take(isDue)) this.#deliver(message);
    this.#earlyChanged$.next();
  }

  #dropEarly(expired: readonly MeshMessage[]): void {
    for (const { from } of expired) this.#trace({ kind: "message-rejected", from, reason: "too-late" });
    this.#earlyChanged$.next();
  }

  /** Makes the list of participants. What did not change stays the same object. */
  #show(members: readonly Membership[], { surplus }: Roster): void {
    const own = this.#ownMember && findOwn(members, this.#ownMember);
    this.#isSurplus = own !== undefined && surplus.includes(own);
    const known = new Map(this.participants.map((item) => [item.member.instance, item]));
    const items = members.map((member): MediaParticipant => {
      const item = known.get(member.instance);
      const isLocal = member === own;
      const media = isLocal ? this.#local : this.#behaviorsOf(member, surplus, item);
      const isSame = item?.member === member && item.isLocal === isLocal && item.connection$ === media.connection$;
      return isSame ? item : { member, isLocal, ...media };
    });
    const isUnchanged =
      items.length === this.participants.length && items.every((item, index) => item === this.participants[index]);
    this.#localChanged$.next();
    if (isUnchanged) return;
    this.participants = items;
    this.changed$.next();
  }

  #behaviorsOf(member: Membership, surplus: readonly Membership[], item: MediaParticipant | undefined): MediaBehaviors {
    const entry = this.#pairs.get(peerKey(peerIdOf(member)));
    if (entry) return entry.media.behaviors;
    const code = this.#obstacleTo(member, surplus);
    const isKnown = item && !item.isLocal && item.problem$.value?.code === code;
    return isKnown && item.connection$.value === "waiting" ? item : unreached(code);
  }

  /** Why there is no pair with a member; undefined if it is only a matter of time. */
  #obstacleTo(member: Membership, surplus: readonly Membership[]): MediaProblem["code"] | undefined {
    if (!isInMesh(member) || (this.#ownMember && this.#isReady && !this.#own)) return "no-common-transport";
    return surplus.includes(member) || this.#isSurplus ? "too-many-members" : undefined;
  }

  #readLocal() {
    const isMeshed = this.#own !== undefined;
    const code = this.#isSurplus ? "too-many-members" : isMeshed ? undefined : "no-common-transport";
    const problem: MediaProblem | undefined = code && { code, sinceTs: 0 };
    const [peer] = Array.from(this.#pairs.values(), ({ media }) => media.peer).filter((one) => one !== undefined);
    return { media: this.#media, problem, peer };
  }

  #trace(entry: MeshTraceEntry): void {
    if (this.#trace$.observed) this.#trace$.next({ ...entry, ts: asyncScheduler.now() });
  }
}

/** The media of a member with whom there is no pair. */
function unreached(code: MediaProblem["code"] | undefined): MediaBehaviors {
  const media = new ParticipantMedia();
  media.show(code && { code, sinceTs: asyncScheduler.now() });
  return media.behaviors;
}

/** Who we are in the call, and undefined as soon as we leave. */
const ownMemberOf = (join: Observable<JoinState>): Observable<OwnMember | undefined> =>
  concat(join.pipe(map((state) => (state.status === "leaving" ? undefined : state.member))), of(undefined)).pipe(
    catchError(() => of(undefined)),
    distinctUntilChanged(),
  );

/** What we send; nothing if it fails, or until it begins if that takes too long. */
function sendable(media$: Observable<OutgoingMedia>): Observable<OutgoingMedia> {
  return defer(() => {
    let hasBegun = false;
    const nothing: OutgoingMedia = {};
    return merge(
      media$.pipe(
        catchError(() => of(nothing)),
        tap(() => (hasBegun = true)),
      ),
      timer(mediaPatienceMs).pipe(
        filter(() => !hasBegun),
        map(() => nothing),
      ),
    );
  });
}
