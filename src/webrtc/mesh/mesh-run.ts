// MeshRun: a mesh for as long as somebody listens: its pairs, kept in line with the members, and its participants.
import {
  asyncScheduler,
  BehaviorSubject,
  delay,
  ReplaySubject,
  Subject,
  Subscription,
  switchMap,
  takeUntil,
  tap,
} from "rxjs";
import { findOwn } from "../../join/own-member.ts";
import type { Matrix } from "../../matrix.ts";
import { sendable } from "../../media/media-inputs.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import type { MediaParticipant, MediaProblemCode } from "../../media/participant.ts";
import { isInRoom } from "../../room/room-member.ts";
import type { Membership } from "../../types.ts";
import type { WatchedSession } from "../../watch.ts";
import { newId } from "../new-id.ts";
import type { IceServer, PeerConnection } from "../peer-connection.ts";
import { iceServers } from "../turn.ts";
import type { MeshMessage } from "./envelope.ts";
import { localMedia, type LocalSource } from "./local-participant.ts";
import { Mailbox } from "./mailbox.ts";
import { isInMesh } from "./mesh-transport.ts";
import { whenCrossSigned } from "./when-cross-signed.ts";
import type { ResolvedMeshOptions } from "./options.ts";
import type { Arrival } from "./pair-model.ts";
import { type MediaPlace, nextParticipants } from "./participant-list.ts";
import { type MediaBehaviors, ParticipantMedia } from "./participant-media.ts";
import { isSameDevice, isSamePeer, type PeerId, peerIdOf, peerKey } from "./peer-id.ts";
import { type Paired, type Roster, rosterOf } from "./roster.ts";
import { runPair } from "./run-pair.ts";
import { type OwnStay, ownStayOf } from "./own-stay.ts";
import type { MeshTrace, MeshTraceEntry, PairEnd } from "./trace.ts";

/** A pair that runs. */
interface Entry {
  paired: Paired;
  /** The stay of ours that its messages name. */
  readonly own: PeerId;
  readonly arrival$: Subject<Arrival>;
  readonly leave$: Subject<void>;
  readonly closed$: Subject<void>;
  readonly media: ParticipantMedia;
}

export type MeshSession = Pick<WatchedSession, "roomId" | "slot" | "membership$">;

export class MeshRun {
  readonly changed$: Subject<void> = new Subject();
  participants: readonly MediaParticipant[] = [];

  readonly #matrix: Matrix;
  readonly #session: MeshSession;
  readonly #options: ResolvedMeshOptions;
  readonly #trace$: Subject<MeshTrace>;
  readonly #mailbox: Mailbox;
  readonly #running = new Subscription();
  #joining = Subscription.EMPTY;
  readonly #pairs = new Map<string, Entry>();
  readonly #servers$ = new BehaviorSubject<readonly IceServer[]>([]);
  readonly #media$ = new ReplaySubject<OutgoingMedia>(1);
  readonly #local: MediaBehaviors;
  readonly #localChanged$ = new Subject<void>();
  #media: OutgoingMedia = {};
  #stay: OwnStay | undefined;
  /** Our own entry among the members. */
  #own: Membership | undefined;
  /** Our stay in the mesh: once its membership is sent if we have named it, or else once the room shows it. */
  #ownPeer: PeerId | undefined;
  #surplus: readonly Membership[] = [];
  /** The relay servers are known, or not worth waiting for. */
  #isReady = false;

  constructor(matrix: Matrix, session: MeshSession, options: ResolvedMeshOptions, trace$: Subject<MeshTrace>) {
    this.#matrix = matrix;
    this.#session = session;
    this.#options = options;
    this.#trace$ = trace$;
    this.#local = localMedia(() => this.#readLocal(), this.#localChanged$);
    this.#mailbox = new Mailbox({
      matrix,
      context: session,
      requireCrossSigned: options.requireCrossSigned,
      hasPair: (message) => this.#entryOf(message) !== undefined,
      deliver: (message) => this.#entryOf(message)?.arrival$.next(message),
      trace: (entry) => this.#trace(entry),
    });
  }

  start(): void {
    const { join, media$, name } = this.#options;
    const onServers = (servers: readonly IceServer[]) => {
      this.#servers$.next(servers);
      if (this.#isReady) return;
      this.#isReady = true;
      this.#update();
    };
    const onMedia = (media: OutgoingMedia) => {
      this.#media = media;
      this.#media$.next(media);
      this.#localChanged$.next();
    };
    const onStay = (stay: OwnStay | undefined) => {
      this.#stay = stay;
      this.#update();
    };
    // Messages first, so that none is missed that comes together with the members.
    this.#running.add(this.#mailbox.run$.subscribe());
    this.#running.add(sendable(media$).subscribe(onMedia));
    this.#running.add(iceServers(this.#matrix).subscribe(onServers));
    // Requests of the join go out first: it costs the page some milliseconds to make a peer connection, or to close one.
    this.#joining = ownStayOf(join)
      .pipe(
        tap((stay) => name?.follow(stay?.status)),
        delay(0),
      )
      .subscribe(onStay);
    this.#running.add(this.#session.membership$.subscribe(() => this.#update()));
  }

  stop(): void {
    this.#joining.unsubscribe();
    for (const entry of this.#pairs.values()) this.#close(entry, "we-left");
    this.#running.unsubscribe();
    this.#localChanged$.complete();
    this.participants = [];
  }

  /** Brings pairs and participants in line with the members. */
  #update(): void {
    const members = this.#session.membership$.value;
    const stay = this.#stay;
    this.#own = stay && findOwn(members, stay.member);
    this.#ownPeer = stay && this.#peerOf(stay);
    const roster = rosterOf({
      members,
      own: this.#isReady ? this.#ownPeer : undefined,
      limit: this.#options.limit,
      present: Array.from(this.#pairs.values(), ({ paired, media }) => ({
        ...paired,
        isConnected: media.connection === "connected",
      })),
      isInRoom: (userId) => isInRoom(this.#matrix, this.#session.roomId, userId),
      now: asyncScheduler.now(),
    });
    this.#surplus = roster.surplus;
    this.#align(roster, members);
    this.#localChanged$.next();
    const before = this.participants;
    this.participants = nextParticipants(before, members, (one) => this.#placeOf(one));
    if (this.participants !== before) this.changed$.next();
    this.#mailbox.retry();
  }

  /** Our stay, as far as it is certain. The room may show us in an earlier one. */
  #peerOf({ member, instance, isSent }: OwnStay): PeerId | undefined {
    const { name } = this.#options;
    if (name) return isSent ? name.peerOf(member) : undefined;
    const own = this.#own;
    return own && isInMesh(own) && own.instance === instance ? peerIdOf(own) : undefined;
  }

  #align({ paired, surplus }: Roster, members: readonly Membership[]): void {
    const wanted = new Map(paired.map((one) => [peerKey(one.peer), one]));
    const isAmong = (list: readonly Membership[], { peer }: Paired) =>
      list.some((member) => isSamePeer(peerIdOf(member), peer));
    for (const [key, entry] of Array.from(this.#pairs)) {
      // A sync may show us in another stay without showing that we were gone between the two.
      const isSameStay = this.#ownPeer && isSamePeer(entry.own, this.#ownPeer);
      if (wanted.has(key) && isSameStay) continue;
      const hasLeft = !isAmong(members, entry.paired);
      this.#close(entry, hasLeft ? "peer-left" : isAmong(surplus, entry.paired) ? "over-limit" : "we-left");
    }
    for (const [key, one] of wanted) {
      const known = this.#pairs.get(key);
      if (known) known.paired = one;
      else if (this.#ownPeer) this.#open(one, this.#ownPeer);
    }
  }

  #open(paired: Paired, own: PeerId): void {
    const { peer, isCaller } = paired;
    const entry: Entry = {
      paired,
      own,
      arrival$: new Subject(),
      leave$: new Subject(),
      closed$: new Subject(),
      media: new ParticipantMedia(),
    };
    this.#pairs.set(peerKey(peer), entry);
    this.#trace({ kind: "pair-opened", peer, isCaller });
    const pair$ = runPair({
      ...this.#options,
      ...entry,
      peer,
      isCaller,
      name: newId(),
      context: this.#session,
      matrix: this.#matrix,
      servers$: this.#servers$,
      media$: this.#media$,
      trace: (one) => this.#trace(one),
    });
    const begun$ = this.#options.requireCrossSigned
      ? whenCrossSigned(this.#matrix, peer, (problem) => entry.media.show(problem)).pipe(switchMap(() => pair$))
      : pair$;
    this.#running.add(
      begun$.pipe(takeUntil(entry.closed$)).subscribe(({ pair, connection }) => {
        const before = entry.media.connection;
        entry.media.update(pair, connection);
        // A member whose membership lapsed stays only for as long as its connection works.
        const isLost = before === "connected" && entry.media.connection !== "connected";
        if (isLost && entry.paired.member.expiresTs <= asyncScheduler.now()) this.#update();
      }),
    );
  }

  #close({ paired: { peer }, leave$, closed$, media }: Entry, reason: PairEnd): void {
    this.#pairs.delete(peerKey(peer));
    leave$.next();
    closed$.next();
    media.end();
    this.#trace({ kind: "pair-closed", peer, reason });
  }

  #entryOf({ from, toSessionId }: MeshMessage): Entry | undefined {
    return this.#ownPeer?.sessionId === toSessionId ? this.#pairs.get(peerKey(from)) : undefined;
  }

  #placeOf(member: Membership): MediaPlace {
    if (member === this.#own || this.#isLeaving(member)) return { media: this.#local, isLocal: true };
    const entry = this.#pairs.get(peerKey(peerIdOf(member)));
    return entry ? { media: entry.media.behaviors, isLocal: false } : { obstacle: this.#obstacleTo(member) };
  }

  /** While we leave, the room still shows us. */
  #isLeaving(member: Membership): boolean {
    return this.#stay === undefined && isSameDevice(member, this.#matrix);
  }

  #obstacleTo(member: Membership): MediaProblemCode | undefined {
    if (!isInMesh(member) || (this.#own && !isInMesh(this.#own))) return "no-common-transport";
    const isSurplus = this.#surplus.includes(member) || (this.#own !== undefined && this.#surplus.includes(this.#own));
    return isSurplus ? "too-many-members" : undefined;
  }

  #readLocal(): LocalSource {
    const code = this.#own && this.#obstacleTo(this.#own);
    return { media: this.#media, problem: code && { code, sinceTs: this.#own?.createdTs ?? 0 }, peer: this.#anyPeer() };
  }

  #anyPeer(): PeerConnection | undefined {
    return Array.from(this.#pairs.values(), ({ media }) => media.peer).find(Boolean);
  }

  #trace(entry: MeshTraceEntry): void {
    if (this.#trace$.observed) this.#trace$.next({ ...entry, ts: asyncScheduler.now() });
  }
}
