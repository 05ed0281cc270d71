// LivekitRun: the media of a call while somebody listens: its connections, kept in line with the plan, and its participants.
import {
  asyncScheduler,
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  finalize,
  map,
  type Observable,
  of,
  ReplaySubject,
  share,
  startWith,
  Subject,
  Subscription,
} from "rxjs";
import { findOwn } from "../join/own-member.ts";
import type { JoinState } from "../join/join-state.ts";
import { transportOf } from "../membership/transport.ts";
import type { Matrix } from "../matrix.ts";
import { type CallProblem, callProblems, ripeProblems } from "../media/call-problem.ts";
import type { DeviceFailure } from "../media/device-failure.ts";
import { ownMemberOf, sendable } from "../media/media-inputs.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import { isEncrypted } from "../room/encryption.ts";
import { at } from "../rx/at.ts";
import type { RtcSession } from "../session.ts";
import type { Membership, OwnMember, Transport } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import { livekitTransport } from "./discovery.ts";
import { lacking, LackReports } from "./lack-reports.ts";
import { LivekitItem } from "./livekit-item.ts";
import type { LivekitParticipant } from "./livekit-participant.ts";
import { localMedia } from "./local-media.ts";
import { memberMedia, stableList } from "./member-media.ts";
import { MovingMembers, type SfuPlace } from "./moving-members.ts";
import { NewestToken } from "./newest-token.ts";
import type { ResolvedLivekitOptions } from "./options.ts";
import { announcedTransport, nextSites, type PublishSite } from "./publish-sites.ts";
import { backInTouch } from "./retrying.ts";
import type { SfuConnection } from "./sfu-connection.ts";
import { repairWait } from "./sfu-failure.ts";
import { SfuLink } from "./sfu-link.ts";
import { planSfus, type SfuPlan, type WantedSfu } from "./sfu-plan.ts";
import { Tiles } from "./tiles.ts";
import { tokenOnce } from "./token.ts";
import type { LivekitTrace, LivekitTraceEntry } from "./trace.ts";
import { transportKey } from "./transport-key.ts";

const maxRounds = 20;
const laterMs = 100;

/** What the media layer needs of a session. */
export type LivekitSession = Pick<
  RtcSession,
  "roomId" | "slot" | "membership$" | "encryptionKey$" | "keys$" | "encryptionStatus$" | "decryption"
>;

export class LivekitRun<Track> {
  readonly changed$: Subject<void> = new Subject();
  participants: readonly LivekitParticipant<Track>[] = [];
  connections: readonly SfuConnection[] = [];
  problems: readonly CallProblem[] = [];
  /** The transport that our membership should name. */
  announced: Transport | undefined;

  readonly #matrix: Matrix & LivekitBackend;
  readonly #session: LivekitSession;
  readonly #options: ResolvedLivekitOptions<Track>;
  readonly #trace$: Subject<LivekitTrace>;
  readonly #running = new Subscription();
  readonly #links = new Map<string, SfuLink<Track>>();
  readonly #items = new Map<string, LivekitItem<Track>>();
  readonly #tiles: Tiles;
  readonly #lacks: LackReports;
  readonly #moving = new MovingMembers();
  readonly #media$ = new ReplaySubject<OutgoingMedia<Track>>(1);
  readonly #backInTouch$: Observable<unknown>;
  #media: OutgoingMedia<Track> = {};
  #state: JoinState | undefined;
  #own: OwnMember | undefined;
  #target: Transport | undefined;
  #sites: readonly PublishSite[] = [];
  #isEncrypted = false;
  #lowBandwidth = false;
  #devices: readonly DeviceFailure[] = [];
  #found: readonly CallProblem[] = [];
  #plan: SfuPlan = { wanted: [], unplanned: new Map() };
  #timer = Subscription.EMPTY;
  #timerTs = Infinity;
  #isRefreshing = false;
  #isDirty = false;

  constructor(
    matrix: Matrix & LivekitBackend,
    session: LivekitSession,
    options: ResolvedLivekitOptions<Track>,
    tiles: Tiles,
    trace$: Subject<LivekitTrace>,
  ) {
    this.#matrix = matrix;
    this.#session = session;
    this.#options = options;
    this.#tiles = tiles;
    this.#trace$ = trace$;
    this.#backInTouch$ = backInTouch(matrix).pipe(share());
    this.#lacks = new LackReports((participantIdentity) => {
      this.#trace({ kind: "key-lacking", participantIdentity });
      session.decryption.next({ participantIdentity, result: "missing-key" });
    });
  }

  start(): void {
    const { join, media$, transport$, lowBandwidth$, deviceFailures$, encrypted } = this.#options;
    const { roomId, membership$, encryptionStatus$ } = this.#session;
    const set = <T>(source$: Observable<T>, take: (value: T) => void) =>
      this.#running.add(
        source$.pipe(catchError(() => EMPTY)).subscribe((value) => {
          take(value);
          this.#refresh();
        }),
      );
    // While it starts, nothing is decided on half of the inputs.
    this.#isRefreshing = true;
    // A room can be known for a while before its encryption is.
    const encrypted$ =
      encrypted === undefined
        ? this.#matrix.changes$.pipe(
            startWith(undefined),
            map(() => isEncrypted(this.#matrix, roomId)),
            distinctUntilChanged(),
          )
        : of(encrypted);
    set(encrypted$, (value) => (this.#isEncrypted ||= value));
    set(sendable(media$), (media) => {
      this.#media = media;
      this.#media$.next(media);
    });
    set(transport$ ?? livekitTransport(this.#matrix, this.#options.service), (target) => (this.#target = target));
    set(lowBandwidth$, (value) => (this.#lowBandwidth = value));
    set(deviceFailures$, (devices) => (this.#devices = devices));
    set(this.#tiles.changed$, () => {});
    set(join.pipe(finalize(() => (this.#state = undefined))), (state) => (this.#state = state));
    set(ownMemberOf(join), (own) => (this.#own = own));
    set(membership$, () => {});
    set(encryptionStatus$, () => {});
    this.#isRefreshing = false;
    this.#refresh();
  }

  stop(): void {
    this.#timer.unsubscribe();
    this.#running.unsubscribe();
    for (const link of this.#links.values()) link.stop();
    for (const item of this.#items.values()) item.end();
    this.#links.clear();
    this.#items.clear();
  }

  /** Decides everything again. Changes that come meanwhile are decided after it. */
  #refresh(): void {
    this.#isDirty = true;
    if (this.#isRefreshing || this.#running.closed) return;
    this.#isRefreshing = true;
    const emits: (() => void)[] = [];
    const before = this.#shown();
    // Each round takes what the one before has caused. They end, since the same decision again has no effect.
    for (let rounds = 0; this.#isDirty && rounds < maxRounds; rounds += 1) {
      this.#isDirty = false;
      this.#connect();
      this.#receive();
      emits.push(...this.#describe());
    }
    this.#wait();
    this.#isRefreshing = false;
    for (const emit of emits) emit();
    if (stableList(this.#shown(), before) !== before) this.changed$.next();
    // Rounds that go on are a fault of an SDK, which must not stop the page.
    if (this.#isDirty) this.#running.add(asyncScheduler.schedule(() => this.#refresh(), laterMs));
  }

  #connect(): void {
    const members = this.#session.membership$.value;
    const { followOldest, maxSfus } = this.#options;
    const [oldest] = members;
    const followed = followOldest && oldest ? transportOf(oldest, oldest) : undefined;
    const isPublishedAt = (sfu: string) =>
      this.#linksTo(sfu).some(
        ({ wanted, published, isConnected }) => wanted.purpose === "publish" && isConnected && published.isComplete,
      );
    const shown = this.#own && findOwn(members, this.#own);
    const announced = shown && oldest && transportOf(shown, oldest);
    this.#sites = nextSites(this.#sites, {
      target: this.#own && (followed ?? this.#target),
      isPublishedAt,
      isAnnounced: (sfu) => announced !== undefined && transportKey(announced) === sfu,
      now: asyncScheduler.now(),
    });
    this.announced = announcedTransport(this.#sites, isPublishedAt) ?? this.#target;
    this.#moving.update(members, (member) => placeOf(member, oldest), asyncScheduler.now());
    this.#plan = planSfus({
      own: this.#own,
      publishOn: this.#sites.map(({ transport }) => transport),
      members,
      maxSfus,
      leftBy: (member) => this.#moving.of(member)?.sfu,
      present: Array.from(this.#links.values(), ({ wanted, isUp }) => ({ ...wanted, isConnected: isUp })),
    });
    this.#align(this.#plan.wanted);
  }

  #align(wanted: readonly WantedSfu[]): void {
    const keys = new Set(wanted.map((one) => this.#linkKey(one)));
    for (const [key, link] of this.#links) {
      if (keys.has(key)) continue;
      const { sfu, purpose } = link.wanted;
      this.#links.delete(key);
      link.stop();
      this.#trace({ kind: "sfu-unwanted", sfu, purpose });
    }
    for (const one of wanted) {
      const known = this.#links.get(this.#linkKey(one));
      if (known) known.update(one);
      else this.#open(one);
    }
  }

  /** A room that becomes encrypted gets other connections. */
  #linkKey({ key }: WantedSfu): string {
    return `${this.#isEncrypted ? "encrypted" : "clear"} ${key}`;
  }

  #open(wanted: WantedSfu): void {
    const { sfu, purpose, transport, namedBy, own, members } = wanted;
    const { roomId, slot, encryptionKey$, keys$, decryption } = this.#session;
    const { rooms, service } = this.#options;
    this.#trace({ kind: "sfu-wanted", sfu, purpose });
    const request = { transport, namedBy, roomId, slot: members[0]?.slot ?? slot, member: own, purpose };
    const token$ = defer(() =>
      tokenOnce(this.#matrix, purpose === "publish" ? { ...request, slot } : request, service),
    );
    const encryption = this.#isEncrypted ? { encryptionKey$, keys$, decryption } : undefined;
    const link: SfuLink<Track> = new SfuLink<Track>(wanted, {
      token: new NewestToken(token$),
      makeRoom: () => rooms({ encryption, repairWaitMs: (count) => repairWait(count, Math.random()) }),
      backInTouch$: this.#backInTouch$,
      media$: this.#media$,
      now: () => asyncScheduler.now(),
      changed: () => this.#refresh(),
      onStatus: ({ status, failure, nextTryTs }) =>
        this.#trace({
          kind: "sfu-status",
          sfu,
          purpose: link.wanted.purpose,
          status,
          ...(failure && { failure: failure.code }),
          ...(nextTryTs !== undefined && { nextTryTs }),
        }),
    });
    this.#links.set(this.#linkKey(wanted), link);
    link.start();
  }

  #linksTo(sfu: string): readonly SfuLink<Track>[] {
    return [...this.#links.values()].filter(({ wanted }) => wanted.sfu === sfu);
  }

  /** The connection on which a member is. While it moves to another SFU: the old one, until the new one brings its media. */
  #linkOf(member: Membership): SfuLink<Track> | undefined {
    const links = [...this.#links.values()];
    const there = links.filter(({ wanted }) => wanted.members.includes(member));
    const bringing = there.find((link) => link.brings(member));
    const left = links.find((link) => link.isUp && link.wanted.leaving.includes(member) && link.brings(member));
    if (bringing || !left) return bringing ?? there.find(({ isUp }) => isUp) ?? there[0];
    return left;
  }

  /** Subscribes to what can be decrypted and is shown. */
  #receive(): void {
    const statuses = this.#session.encryptionStatus$.value;
    const now = asyncScheduler.now();
    const lacks = new Set<string>();
    for (const link of this.#links.values()) {
      const { room, receiver, isConnected, wanted } = link;
      if (!room || !receiver || !isConnected) continue;
      const received = [...wanted.members, ...wanted.leaving];
      const members = new Map(received.map((member) => [member.participantIdentity, member]));
      const refreshed = receiver.update({
        isEncrypted: this.#isEncrypted,
        members,
        statuses,
        everything: this.#options.videos === "all",
        lowBandwidth: this.#lowBandwidth,
        tilesOf: (member, source) => this.#tiles.of(member, source),
      });
      for (const participantIdentity of refreshed) this.#trace({ kind: "picture-refreshed", participantIdentity });
      if (this.#isEncrypted) for (const identity of lacking(room, statuses)) lacks.add(identity);
    }
    this.#lacks.update(lacks, now);
  }

  /** Brings items, connections and problems in line. Returns what is to be emitted. */
  #describe(): (() => void)[] {
    const now = asyncScheduler.now();
    const members = this.#session.membership$.value;
    const shown = this.#own && findOwn(members, this.#own);
    const emits: (() => void)[] = [];
    const instances = new Set(members.map(({ instance }) => instance));
    for (const [instance, item] of this.#items) {
      if (instances.has(instance)) continue;
      this.#items.delete(instance);
      emits.push(() => item.end());
    }
    const participants = this.#own
      ? members.map((member) => {
          const isLocal = member === shown;
          const item = this.#itemOf(member, isLocal);
          const media = isLocal ? this.#localMedia(item) : this.#memberMedia(member, item, now);
          if (item.update(member, isLocal, media)) emits.push(() => item.emit());
          return item.item;
        })
      : [];
    this.participants = stableList(participants, this.participants);
    this.connections = stableList(
      Array.from(this.#links.values(), ({ connection }) => connection),
      this.connections,
    );
    this.#found = callProblems(
      {
        state: this.#state,
        connections: this.connections,
        devices: this.#devices,
        publishFailures: Array.from(this.#links.values()).flatMap(({ wanted: { sfu }, published: { failures } }) =>
          failures.map((failure) => ({ ...failure, sfu })),
        ),
        members: this.participants
          .filter(({ isLocal }) => !isLocal)
          .map(({ member, encryption$, problem$ }) => ({
            member,
            encryption: encryption$.value,
            problem: problem$.value,
          })),
      },
      this.#found,
      now,
    );
    this.problems = stableList(ripeProblems(this.#found, now).ripe, this.problems);
    return emits;
  }

  #shown(): readonly unknown[] {
    return [this.participants, this.connections, this.problems, this.announced];
  }

  #itemOf(member: Membership, isLocal: boolean): LivekitItem<Track> {
    const known = this.#items.get(member.instance);
    if (known) return known;
    const made = new LivekitItem<Track>(member, isLocal, (source, tile) => this.#tiles.show(member, source, tile));
    this.#items.set(member.instance, made);
    return made;
  }

  #memberMedia(member: Membership, item: LivekitItem<Track>, now: number) {
    const link = this.#linkOf(member);
    const { participantIdentity: identity } = member;
    if (link?.wanted.members.includes(member) && link.brings(member)) this.#moving.settle(member);
    const participant = link?.isUp ? link.room?.participants.get(identity) : undefined;
    return memberMedia<Track>(
      {
        link: link?.connection,
        unplanned: this.#plan.unplanned.get(member),
        participant,
        wasConnected: item.wasConnected,
        isEncrypted: this.#isEncrypted,
        keys: this.#session.encryptionStatus$.value.get(identity),
        isPaused: (sid) => link?.receiver?.isPaused(sid) ?? false,
        now,
      },
      item.media,
    );
  }

  #localMedia(item: LivekitItem<Track>) {
    const link = [...this.#links.values()].find(({ wanted }) => wanted.purpose === "publish");
    return localMedia<Track>(
      {
        media: this.#media,
        link: link?.connection,
        local: link?.isUp ? link.room?.local : undefined,
        wasConnected: item.wasConnected,
        isEncrypted: this.#isEncrypted,
        keys: this.#session.encryptionStatus$.value.get(item.item.member.participantIdentity),
      },
      item.media,
    );
  }

  /** One timer for all that changes by the clock alone. */
  #wait(): void {
    const now = asyncScheduler.now();
    const ts = Math.min(
      ...this.#sites.map(({ leaveTs = Infinity }) => leaveTs),
      this.#lacks.dueTs,
      this.#moving.dueTs,
      ripeProblems(this.#found, now).nextTs,
    );
    if (ts === this.#timerTs) return;
    this.#timer.unsubscribe();
    this.#timerTs = ts;
    this.#timer = at(ts)
      .pipe(map(() => (this.#timerTs = Infinity)))
      .subscribe(() => {
        this.#lacks.tick(asyncScheduler.now());
        this.#refresh();
      });
  }

  #trace(entry: LivekitTraceEntry): void {
    if (this.#trace$.observed) this.#trace$.next({ ...entry, ts: asyncScheduler.now() });
  }
}

function placeOf(member: Membership, oldest: Membership | undefined): SfuPlace | undefined {
  const transport = oldest && transportOf(member, oldest);
  const sfu = transport && transportKey(transport);
  return transport && sfu !== undefined ? { sfu, transport } : undefined;
}
