// LivekitRun: the media of a call while somebody listens: its connections, kept in line with the plan, and its participants.
import {
  asyncScheduler,
  catchError,
  distinctUntilChanged,
  EMPTY,
  endWith,
  map,
  type Observable,
  of,
  ReplaySubject,
  startWith,
  Subject,
  Subscription,
} from "rxjs";
import { findOwn } from "../join/own-member.ts";
import type { JoinState } from "../join/join-state.ts";
import { transportOf } from "../membership/transport.ts";
import type { Matrix } from "../matrix.ts";
import { type CallProblem, callProblems, memberInput, ripeProblems } from "../media/call-problem.ts";
import type { DeviceFailure } from "../media/device-failure.ts";
import { sendable } from "../media/media-inputs.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import { isEncrypted } from "../room/encryption.ts";
import { until } from "../rx/at.ts";
import { IntervalClock } from "../rx/interval-clock.ts";
import { kept } from "../rx/stable.ts";
import type { EncryptedSession } from "../encryption/encrypted-session.ts";
import type { Membership, OwnMember, Transport } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import { livekitTransport } from "./discovery.ts";
import { LackReports } from "./lack-reports.ts";
import { LivekitItems } from "./livekit-items.ts";
import type { LivekitParticipant } from "./livekit-participant.ts";
import type { ResolvedLivekitOptions } from "./options.ts";
import { announcedTransport, nextSites, type PublishSite } from "./publish-sites.ts";
import type { SfuConnection } from "./sfu-status.ts";
import { SfuLinks } from "./sfu-links.ts";
import { presumedMembers } from "./presumed-members.ts";
import { planSfus, type SfuPlan } from "./sfu-plan.ts";
import { Tiles } from "./tiles.ts";
import type { LivekitTrace, LivekitTraceEntry } from "./trace.ts";
import { transportKey } from "./transport-key.ts";

const maxRounds = 20;
const laterMs = 100;

/** What the media layer needs of a session. */
export type LivekitSession = Pick<
  EncryptedSession,
  "roomId" | "slot" | "membership$" | "encryptionKey$" | "keys$" | "encryptionStatus$" | "statistics$" | "decryption"
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
  readonly #clock = new IntervalClock();
  readonly #links: SfuLinks<Track>;
  readonly #items: LivekitItems<Track>;
  readonly #tiles: Tiles;
  readonly #lacks: LackReports;
  readonly #media$ = new ReplaySubject<OutgoingMedia<Track>>(1);
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
  #presumed: readonly Membership[] = [];
  /** The members that have items: those of the call, and those that are presumed. */
  #members: readonly Membership[] = [];
  #alignTs = Infinity;
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
    this.#links = new SfuLinks({
      matrix,
      session,
      rooms: options.rooms,
      service: options.service,
      media$: this.#media$,
      clock: this.#clock,
      changed: () => this.#refresh(),
      trace: (entry) => this.#trace(entry),
    });
    this.#items = new LivekitItems(this.#links, tiles);
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
    const state$ = join.pipe(
      catchError(() => EMPTY),
      endWith(undefined),
    );
    set(state$, (state) => {
      this.#state = state;
      this.#own = state?.status === "leaving" ? undefined : state?.member;
    });
    set(membership$, () => {});
    set(encryptionStatus$, () => {});
    this.#isRefreshing = false;
    this.#refresh();
  }

  stop(): void {
    this.#timer.unsubscribe();
    this.#running.unsubscribe();
    this.#links.stop();
    this.#items.end();
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
    if (kept(this.#shown(), before) !== before) this.changed$.next();
  }

  #connect(): void {
    const members = this.#session.membership$.value;
    const { followOldest, maxSfus } = this.#options;
    const [oldest] = members;
    const followed = followOldest && oldest ? transportOf(oldest, oldest) : undefined;
    const isPublishedAt = (sfu: string) => this.#links.isPublishedAt(sfu);
    const shown = this.#own && findOwn(members, this.#own);
    const announced = shown && oldest && transportOf(shown, oldest);
    this.#sites = nextSites(this.#sites, {
      target: this.#own && (followed ?? this.#target),
      isPublishedAt,
      isAnnounced: (sfu) => announced !== undefined && transportKey(announced) === sfu,
      now: this.#clock.now(),
    });
    this.announced = announcedTransport(this.#sites, isPublishedAt) ?? this.#target;
    this.#presumed = this.#presumedMembers();
    this.#members = [...members, ...this.#presumed];
    this.#plan = planSfus({
      own: this.#own,
      publishOn: this.#sites.map(({ transport }) => transport),
      members: this.#members,
      maxSfus,
    });
    this.#alignTs = this.#links.align(this.#plan.wanted, this.#isEncrypted);
  }

  #presumedMembers(): readonly Membership[] {
    const { slot, encryptionStatus$ } = this.#session;
    const sites = this.#links.all.flatMap(({ isUp, room, wanted: { transport } }) =>
      isUp && room ? [{ transport, participants: room.participants }] : [],
    );
    const input = { slot, statuses: encryptionStatus$.value, sites, now: this.#clock.now() };
    return presumedMembers(input, this.#presumed);
  }

  /** Subscribes to what can be decrypted and is shown. */
  #receive(): void {
    const statuses = this.#session.encryptionStatus$.value;
    const now = this.#clock.now();
    const lacks = new Set<string>();
    for (const link of this.#links.all) {
      const { receiver, isConnected, received } = link;
      if (!receiver || !isConnected) continue;
      const members = new Map(received.map((member) => [member.participantIdentity, member]));
      const { refreshed, lacking } = receiver.update({
        isEncrypted: this.#isEncrypted,
        members,
        statuses,
        everything: this.#options.videos === "all",
        lowBandwidth: this.#lowBandwidth,
        tilesOf: (member, source) => this.#tiles.of(member, source),
        now,
      });
      for (const participantIdentity of refreshed) this.#trace({ kind: "picture-refreshed", participantIdentity });
      if (this.#isEncrypted) for (const identity of lacking) lacks.add(identity);
    }
    this.#lacks.update(lacks, now);
  }

  /** Brings items, connections and problems in line. Returns what is to be emitted. */
  #describe(): readonly (() => void)[] {
    const now = this.#clock.now();
    const { keys$, encryptionStatus$ } = this.#session;
    const { participants, emits } = this.#items.update({
      members: this.#own ? this.#members : [],
      local: this.#own && findOwn(this.#members, this.#own),
      media: this.#media,
      isEncrypted: this.#isEncrypted,
      statuses: encryptionStatus$.value,
      unplanned: this.#plan.unplanned,
      now,
    });
    this.participants = kept(participants, this.participants);
    this.connections = kept(
      this.#links.all.map(({ connection }) => connection),
      this.connections,
    );
    this.#found = callProblems(
      {
        state: this.#state,
        connections: this.connections,
        devices: this.#devices,
        publishFailures: this.#links.publishFailures,
        members: this.participants.filter(({ isLocal }) => !isLocal).map(memberInput),
        lacksOwnKey: this.#isEncrypted && this.#state?.status === "joined" && !keys$.value.some(({ own }) => own),
      },
      this.#found,
      now,
    );
    this.problems = kept(ripeProblems(this.#found, now).ripe, this.problems);
    return emits;
  }

  #shown(): readonly unknown[] {
    return [this.participants, this.connections, this.problems, this.announced];
  }

  /** One timer for all that changes by the clock alone. */
  #wait(): void {
    const now = this.#clock.now();
    const ts = Math.min(
      ...this.#sites.map(({ leaveTs = Infinity }) => leaveTs),
      this.#lacks.dueTs,
      this.#alignTs,
      // A receiver decides only while it is connected.
      ...this.#links.all.map(({ receiver, isConnected }) => (isConnected ? receiver?.dueTs : undefined) ?? Infinity),
      ripeProblems(this.#found, now).nextTs,
      // Rounds that go on are a fault of an SDK, which must not stop the page.
      this.#isDirty ? now + laterMs : Infinity,
    );
    if (ts === this.#timerTs) return;
    this.#timer.unsubscribe();
    this.#timerTs = ts;
    this.#timer = until(ts, this.#clock)
      .pipe(map(() => (this.#timerTs = Infinity)))
      .subscribe(() => this.#refresh());
  }

  #trace(entry: LivekitTraceEntry): void {
    if (this.#trace$.observed) this.#trace$.next({ ...entry, ts: asyncScheduler.now() });
  }
}
