// VirtualPeer: a peer connection in virtual time, faithful where a call can notice. W3C WebRTC 1.0.
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  type Observable,
  of,
  Subject,
  Subscription,
  switchMap,
  timer,
} from "rxjs";
import type { StreamPurpose } from "../../media/source.ts";
import type {
  Attachment,
  Candidate,
  ConnectionState,
  Description,
  IceServer,
  PeerConnection,
  PeerConnectionOptions,
  PeerEvent,
  PeerStats,
  SignalingState,
} from "../../webrtc/peer-connection.ts";
import { VirtualSession } from "./virtual-session.ts";
import { receives } from "./virtual-sdp.ts";

/** How long things take. */
export interface PeerTiming {
  readonly operationMs: number;
  readonly gatherMs: number;
  readonly connectMs: number;
  /** From the last packet to `disconnected`. */
  readonly disconnectMs: number;
  /** From the last packet to `failed`. */
  readonly failMs: number;
}

/** What a peer needs of its network. */
export interface PeerNetwork {
  readonly timing: PeerTiming;
  /** Something has changed that decides who reaches whom. */
  changed(): void;
  closed(peer: VirtualPeer): void;
}

const candidatesPerRound = 2;

export class VirtualPeer implements PeerConnection {
  readonly device: string;
  readonly name: string;
  readonly options: PeerConnectionOptions;
  readonly event$: Subject<PeerEvent> = new Subject();
  readonly #network: PeerNetwork;
  readonly #session: VirtualSession;
  readonly #tracks = new Map<string, MediaStreamTrack>();
  /** Remote candidates by ICE user name. */
  readonly #reachable = new Set<string>();
  readonly #running = new Subscription();
  #connection: ConnectionState = "new";
  #isReached = false;
  #failedNames = "";
  #transition = Subscription.EMPTY;
  #gathering = Subscription.EMPTY;
  #gatheredUfrag: string | undefined;
  #operations = 0;
  #isNeededQueued = false;
  #isNeededSaid = false;
  servers: readonly IceServer[];
  tones = "";
  isClosed = false;

  constructor(name: string, device: string, options: PeerConnectionOptions, network: PeerNetwork) {
    this.name = name;
    this.device = device;
    this.options = options;
    this.servers = options.servers;
    this.#network = network;
    this.#session = new VirtualSession(name, {
      "m.usermedia": this.streamIdOf("m.usermedia"),
      "m.screenshare": this.streamIdOf("m.screenshare"),
    });
  }

  get signalingState(): SignalingState {
    return this.#session.signaling;
  }

  get session(): VirtualSession {
    return this.#session;
  }

  get connectionState(): ConnectionState {
    return this.#connection;
  }

  streamIdOf(purpose: StreamPurpose): string {
    return `${this.name}-${purpose}`;
  }

  attach(attachment: Attachment): void {
    if (this.isClosed) return;
    this.#session.attach(attachment);
    this.#checkNeed();
  }

  describe(): Observable<Description> {
    return this.#operation(() => {
      const description = this.#session.describe();
      this.#described();
      return of(description);
    });
  }

  rollBack(): Observable<never> {
    return this.#operation(() => {
      this.#session.rollBack();
      this.#described();
      return EMPTY;
    });
  }

  apply(description: Description): Observable<never> {
    return this.#operation(() => {
      this.#session.apply(description);
      this.#described();
      return EMPTY;
    });
  }

  addCandidate({ candidate, usernameFragment }: Candidate): Observable<never> {
    return this.#operation(() => {
      const ufrag = this.#session.remote?.ufrag;
      if (ufrag === undefined) throw new Error("there is no remote description");
      if (candidate === "") return EMPTY;
      if (usernameFragment !== ufrag) throw new Error(`a candidate of ${String(usernameFragment)}, not of ${ufrag}`);
      this.#reachable.add(ufrag);
      this.#network.changed();
      return EMPTY;
    });
  }

  restartIce(): void {
    this.#session.restart();
    this.#checkNeed();
  }

  trackOf(mid: string): MediaStreamTrack | undefined {
    const kind = this.#session.transceivers.find((transceiver) => transceiver.mid === mid)?.kind;
    if (!kind) return undefined;
    const track = this.#tracks.get(mid) ?? ({ id: `${this.name}-${mid}`, kind } as MediaStreamTrack);
    this.#tracks.set(mid, track);
    return track;
  }

  audioLevels(): ReadonlyMap<string, number> {
    const audio = this.#session.remote?.sections.filter(({ kind, mid }) => kind === "audio" && this.hears(mid)) ?? [];
    return new Map(audio.map(({ mid }) => [mid, 0]));
  }

  stats(): Observable<PeerStats> {
    return of({ packetsReceived: 0, packetsLost: 0, roundTripMs: undefined, ownAudioLevel: undefined });
  }

  useServers(servers: readonly IceServer[]): void {
    this.servers = servers;
  }

  sendDtmf(tones: string): boolean {
    if (this.#connection !== "connected") return false;
    this.tones += tones;
    return true;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#session.close();
    this.#running.unsubscribe();
    this.#transition.unsubscribe();
    this.#gathering.unsubscribe();
    this.event$.complete();
    this.#network.closed(this);
  }

  get hasRemoteCandidate(): boolean {
    const { theirs } = this.#session.ufrags;
    return theirs !== undefined && this.#reachable.has(theirs);
  }

  /** Whether we want the media of a section, and are connected. */
  hears(mid: string): boolean {
    return this.#connection === "connected" && this.#session.isReceiving(mid);
  }

  /** The network says whether the other side is in reach now. A connection that has failed waits for new user names. */
  reach(isReached: boolean): void {
    const { own, theirs } = this.#session.ufrags;
    const names = `${own} ${theirs}`;
    if (this.#connection === "failed" && names === this.#failedNames) return;
    if (isReached === this.#isReached) return;
    this.#isReached = isReached;
    this.#transition.unsubscribe();
    const { connectMs, disconnectMs, failMs } = this.#network.timing;
    if (isReached && this.#connection === "disconnected") this.#become("connected");
    else if (isReached && this.#connection !== "connected") {
      this.#become("connecting");
      this.#transition = timer(connectMs).subscribe(() => this.#become("connected"));
    } else if (!isReached && this.#connection !== "new") {
      this.#transition = timer(disconnectMs).subscribe(() => {
        this.#become("disconnected");
        this.#transition = timer(failMs - disconnectMs).subscribe(() => {
          this.#failedNames = names;
          this.#become("failed");
        });
      });
    }
  }

  #become(state: ConnectionState): void {
    if (this.#connection === state) return;
    this.#connection = state;
    this.event$.next({ kind: "connection", state });
  }

  #operation<T>(act: () => Observable<T>): Observable<T> {
    return defer(() => {
      this.#operations += 1;
      return timer(this.#network.timing.operationMs);
    }).pipe(
      switchMap(() => {
        this.#operations -= 1;
        if (this.#operations === 0) this.#checkNeed();
        if (this.isClosed) throw new Error("the connection is closed");
        return act();
      }),
    );
  }

  #described(): void {
    const { local } = this.#session;
    if (local && local.ufrag !== this.#gatheredUfrag) this.#gather(local.ufrag, local.sections[0]?.mid ?? "0");
    if (this.#session.signaling === "stable") {
      this.#isNeededSaid = false;
      this.#checkNeed();
    }
    this.#network.changed();
  }

  #gather(ufrag: string, sdpMid: string): void {
    this.#gathering.unsubscribe();
    this.#gatheredUfrag = ufrag;
    const { gatherMs } = this.#network.timing;
    const candidates = Array.from({ length: candidatesPerRound }, (_, at): Candidate => {
      const candidate = `candidate:${at} 1 udp 2122 ${this.device}.virtual ${9000 + at} typ host ufrag ${ufrag}`;
      return { candidate, sdpMid, sdpMLineIndex: 0, usernameFragment: ufrag };
    });
    const isUseful = !this.options.relayOnly || this.servers.length > 0;
    const events = [...(isUseful ? candidates : []), undefined].map(
      (candidate): PeerEvent => ({ kind: "candidate", candidate }),
    );
    this.#gathering = concat(...events.map((event) => timer(gatherMs).pipe(switchMap(() => of(event))))).subscribe(
      (event) => this.event$.next(event),
    );
  }

  /** As the platform: asks once, later, and only while nothing is being negotiated. */
  #checkNeed(): void {
    if (this.#isNeededQueued || this.#isNeededSaid) return;
    this.#isNeededQueued = true;
    this.#running.add(
      asyncScheduler.schedule(() => {
        this.#isNeededQueued = false;
        if (this.isClosed || this.#operations > 0) return;
        if (this.#session.signaling !== "stable" || !this.#session.isNegotiationNeeded) return;
        this.#isNeededSaid = true;
        this.event$.next({ kind: "negotiation-needed" });
      }),
    );
  }
}

/** Whether media of a section gets from one peer to another now. */
export const flows = (from: VirtualPeer, to: VirtualPeer, mid: string): boolean =>
  to.hears(mid) &&
  from.session.isSending(mid) &&
  from.connectionState === "connected" &&
  to.session.remote?.sections.some((section) => section.mid === mid && !receivesOnly(section.direction)) === true;

const receivesOnly = (direction: Parameters<typeof receives>[0]) =>
  direction === "recvonly" || direction === "inactive";
