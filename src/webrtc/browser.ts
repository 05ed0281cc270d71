// Browser: the RTCPeerConnection of the browser as a PeerConnection. Promises end here.
import {
  defer,
  EMPTY,
  firstValueFrom,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  startWith,
  Subject,
  switchMap,
  takeUntil,
  timer,
} from "rxjs";
import { RtcError } from "../errors.ts";
import { type MediaSource, purposeOf, type StreamPurpose } from "../media/source.ts";
import { isFiniteNumber, isString } from "../room/json.ts";
import type {
  Attachment,
  Description,
  PeerConnection,
  PeerConnectionOptions,
  PeerEvent,
  PeerStats,
  SignalingState,
} from "./peer-connection.ts";
import { planTransceivers } from "./transceivers.ts";

/** The first description waits this long for a candidate, so that both travel in one message. */
const firstCandidateMs = 50;
/** The candidates of all network interfaces come one right after the other: it waits this long for the next one. */
const betweenCandidatesMs = 8;

/**
 * The peer connections of the browser.
 *
 * @throws RtcError `unsupported` where there is no `RTCPeerConnection`.
 */
export function browserPeer(options: PeerConnectionOptions): PeerConnection {
  if (globalThis.RTCPeerConnection === undefined)
    throw new RtcError("unsupported", "calls need RTCPeerConnection, which browsers have");
  return new BrowserPeer(options);
}

class BrowserPeer implements PeerConnection {
  readonly #connection: RTCPeerConnection;
  readonly #isPatient: boolean | undefined;
  readonly #streams: Readonly<Record<StreamPurpose, MediaStream>>;
  readonly #sources = new Map<RTCRtpTransceiver, MediaSource>();
  /** Those that we have added. All others were made by a description of the other side. */
  readonly #added = new Set<RTCRtpTransceiver>();
  /**
   * A later offer, which is set together with its answer. So it never has to be rolled back: a rollback in Chromium 156 can end
   * the video that we receive, for good.
   */
  #offer: Description | undefined;
  readonly #forgotten$ = new Subject<void>();
  readonly #closed$ = new Subject<void>();
  readonly event$: Observable<PeerEvent>;

  constructor({ servers, relayOnly, isPatient }: PeerConnectionOptions) {
    this.#isPatient = isPatient;
    const connection = connectionWith({
      iceServers: servers.map(toRtcIceServer),
      iceTransportPolicy: relayOnly ? "relay" : "all",
      bundlePolicy: "max-bundle",
    });
    this.#connection = connection;
    this.#streams = { "m.usermedia": new MediaStream(), "m.screenshare": new MediaStream() };
    this.event$ = merge(
      merge(fromEvent(connection, "negotiationneeded"), this.#forgotten$).pipe(
        map((): PeerEvent => ({ kind: "negotiation-needed" })),
      ),
      fromEvent<RTCPeerConnectionIceEvent>(connection, "icecandidate").pipe(
        map(({ candidate }): PeerEvent => ({ kind: "candidate", candidate: candidate?.toJSON() as never })),
      ),
      fromEvent(connection, "connectionstatechange").pipe(
        map((): PeerEvent => ({ kind: "connection", state: connection.connectionState })),
      ),
    ).pipe(takeUntil(this.#closed$));
  }

  get signalingState(): SignalingState {
    return this.#offer ? "have-local-offer" : (this.#connection.signalingState as SignalingState);
  }

  streamIdOf(purpose: StreamPurpose): string {
    return this.#streams[purpose].id;
  }

  attach(attachment: Attachment): void {
    const transceivers = this.#transceivers();
    const views = transceivers.map((transceiver) => ({
      kind: transceiver.receiver.track.kind as "audio" | "video",
      source: this.#sources.get(transceiver),
      isTheirs: !this.#added.has(transceiver),
    }));
    for (const { at, kind, source, track, direction } of planTransceivers(views, attachment)) {
      const streams = source ? [this.#streams[purposeOf(source)]] : [];
      const transceiver = at === undefined ? this.#add(track ?? kind, { direction, streams }) : transceivers[at];
      if (!transceiver) continue;
      if (source && this.#sources.get(transceiver) !== source) {
        this.#sources.set(transceiver, source);
        transceiver.sender.setStreams(...streams);
      }
      if (transceiver.direction !== direction) transceiver.direction = direction;
      // Fails if the connection closes meanwhile, or for a track that has ended: then nothing is sent.
      if (transceiver.sender.track !== (track ?? null)) transceiver.sender.replaceTrack(track ?? null).catch(() => {});
    }
  }

  describe(): Observable<Description> {
    return defer(async () => {
      const { signalingState, remoteDescription, localDescription: earlier } = this.#connection;
      if (signalingState === "stable" && remoteDescription)
        return (this.#offer = checked(await this.#connection.createOffer()));
      await this.#connection.setLocalDescription();
      if (this.#isPatient && !earlier) await this.#firstCandidates();
      return checked(this.#connection.localDescription);
    });
  }

  #firstCandidates(): Promise<unknown> {
    const found$ = fromEvent(this.#connection, "icecandidate").pipe(startWith(undefined));
    return firstValueFrom(found$.pipe(switchMap((found) => timer(found ? betweenCandidatesMs : firstCandidateMs))));
  }

  rollBack(): Observable<never> {
    return defer(() => {
      if (!this.#offer) return this.#connection.setLocalDescription({ type: "rollback" });
      this.#offer = undefined;
      this.#forgotten$.next();
      return EMPTY;
    }).pipe(ignoreElements());
  }

  apply(description: Description): Observable<never> {
    return defer(async () => {
      const offer = this.#offer;
      if (offer && description.type === "answer") await this.#connection.setLocalDescription(offer);
      this.#offer = undefined;
      await this.#connection.setRemoteDescription(description);
    }).pipe(ignoreElements());
  }

  addCandidate(candidate: RTCIceCandidateInit): Observable<never> {
    return defer(() => this.#connection.addIceCandidate(candidate)).pipe(ignoreElements());
  }

  restartIce(): void {
    this.#connection.restartIce();
  }

  trackOf(mid: string): MediaStreamTrack | undefined {
    return this.#connection.getTransceivers().find((transceiver) => transceiver.mid === mid)?.receiver.track;
  }

  audioLevels(): ReadonlyMap<string, number> {
    return new Map(
      this.#transceivers().flatMap(({ mid, receiver }): [string, number][] => {
        const [source] = receiver.track.kind === "audio" ? receiver.getSynchronizationSources() : [];
        return mid !== null && source ? [[mid, source.audioLevel ?? 0]] : [];
      }),
    );
  }

  stats(): Observable<PeerStats> {
    return defer(async () => statsFrom(await this.#connection.getStats()));
  }

  useServers(servers: PeerConnectionOptions["servers"]): void {
    if (this.#connection.signalingState === "closed") return;
    const iceServers = servers.map(toRtcIceServer);
    try {
      this.#connection.setConfiguration({ ...this.#connection.getConfiguration(), iceServers });
    } catch {
      // The browser does not take their addresses: it keeps those that it has.
    }
  }

  sendDtmf(tones: string): boolean {
    const sender = [...this.#sources].find(([, source]) => source === "microphone")?.[0].sender;
    if (!sender?.dtmf?.canInsertDTMF) return false;
    sender.dtmf.insertDTMF(tones);
    return true;
  }

  close(): void {
    this.#connection.close();
    this.#closed$.next();
    this.#sources.clear();
    this.#added.clear();
  }

  #transceivers(): readonly RTCRtpTransceiver[] {
    return this.#connection.getTransceivers().filter(({ currentDirection }) => currentDirection !== "stopped");
  }

  #add(track: MediaStreamTrack | string, init: RTCRtpTransceiverInit): RTCRtpTransceiver {
    const transceiver = this.#connection.addTransceiver(track, init);
    this.#added.add(transceiver);
    return transceiver;
  }
}

function checked(description: Partial<RTCSessionDescriptionInit> | null): Description {
  const { type, sdp } = description ?? {};
  if ((type !== "offer" && type !== "answer") || !isString(sdp)) throw new Error("there is no local description");
  return { type, sdp };
}

/** A server whose address the browser does not take must not prevent a call. */
function connectionWith(configuration: RTCConfiguration): RTCPeerConnection {
  try {
    return new RTCPeerConnection(configuration);
  } catch {
    return new RTCPeerConnection({ ...configuration, iceServers: [] });
  }
}

function toRtcIceServer({ urls, username, credential }: PeerConnectionOptions["servers"][number]): RTCIceServer {
  return {
    urls: [...urls],
    ...(username !== undefined && { username }),
    ...(credential !== undefined && { credential }),
  };
}

function statsFrom(report: RTCStatsReport): PeerStats {
  let packetsReceived = 0;
  let packetsLost = 0;
  let roundTripMs: number | undefined;
  let ownAudioLevel: number | undefined;
  report.forEach((stats: Readonly<Record<string, unknown>>) => {
    const number = (key: string) => (isFiniteNumber(stats[key]) ? stats[key] : undefined);
    if (stats["type"] === "inbound-rtp") {
      packetsReceived += number("packetsReceived") ?? 0;
      packetsLost += number("packetsLost") ?? 0;
    } else if (stats["type"] === "candidate-pair" && stats["nominated"] === true && stats["state"] === "succeeded") {
      const seconds = number("currentRoundTripTime");
      if (seconds !== undefined) roundTripMs = seconds * 1_000;
    } else if (stats["type"] === "media-source" && stats["kind"] === "audio") ownAudioLevel = number("audioLevel");
  });
  return { packetsReceived, packetsLost, roundTripMs, ownAudioLevel };
}
