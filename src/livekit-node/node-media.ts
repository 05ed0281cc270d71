// NodeMedia: the media of one call in Node: connections, participants, our own tracks and problems. protocol.md 6.
import type { RemoteTrackPublication } from "@livekit/rtc-node";
import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  combineLatest,
  concat,
  distinctUntilChanged,
  EMPTY,
  filter,
  map,
  merge,
  NEVER,
  Observable,
  of,
  share,
  startWith,
  Subject,
  switchMap,
  tap,
} from "rxjs";
import type { JoinState } from "../join/state.ts";
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { LivekitBackend } from "../livekit/backend.ts";
import type { LivekitTransport } from "../livekit/livekit-transport.ts";
import type { ServiceOptions } from "../livekit/service.ts";
import { sfuToken } from "../livekit/token.ts";
import { type MediaSource, mediaSources } from "../media/source.ts";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { DecryptionReport, EncryptionKey, Membership, OwnMember } from "../types.ts";
import { type CallProblem, problemsOf } from "./call-problem.ts";
import { KeptParticipant, type NodeParticipant } from "./node-participant.ts";
import { viewOf } from "./participant-view.ts";
import { type NodeOutgoingMedia, publishing } from "./publishing.ts";
import { updateSubscriptions } from "./receiving.ts";
import { roomDecryption } from "./room-keys.ts";
import { rtcNode, type RtcNode } from "./rtc-node.ts";
import { type ConnectionStatus, type LiveRoom, sfuConnection } from "./sfu-connection.ts";
import { sfuConnections, type SfuConnectionState } from "./sfu-connections.ts";
import { type PlannedSfu, planSfus, serviceOf } from "./sfu-plan.ts";

/** What the media of a call needs of its session. */
export interface MediaSession {
  readonly roomId: string;
  readonly slot: string;
  readonly membership$: Behavior<readonly Membership[]>;
  readonly encryptionKey$: Observable<EncryptionKey>;
  readonly encryptionStatus$: Behavior<ReadonlyMap<string, MemberEncryption>>;
  readonly decryption: { next(report: DecryptionReport): void };
}

/** How to connect, what to send and what to receive. */
export interface NodeMediaOptions extends ServiceOptions {
  /** The requests to the homeserver: the port of `fromMatrixClient`. */
  readonly backend: Pick<LivekitBackend, "openIdToken" | "livekitToken" | "changes$">;
  /** The stream of `session.join()`. There is media while it shows us in the call. */
  readonly state$: Observable<JoinState>;
  /** Our own transport, the same stream as in the option `transports` of the join. Another value moves us to that server. */
  readonly transport$: Observable<LivekitTransport>;
  /** What we send now. Default: nothing. */
  readonly outgoing$?: Observable<NodeOutgoingMedia> | undefined;
  /** What to receive of each member. Default: everything. */
  readonly sources?: readonly MediaSource[] | undefined;
  /** False for a call whose members do not encrypt media. Default true: tracks in the clear are never received. */
  readonly isEncrypted?: boolean | undefined;
  /** Used instead of `@livekit/rtc-node`. For specs. */
  readonly rtc?: RtcNode | undefined;
}

/** The media of a call, while one of its streams is subscribed to. All of them share the same connections. */
export interface NodeMedia {
  /** The servers that we are connected to, or try to be. */
  readonly connections$: Behavior<readonly SfuConnectionState[]>;
  /** One item for each member, in the order of `membership$`. Participants of a server that are no members are left out. */
  readonly participants$: Behavior<readonly NodeParticipant[]>;
  /** What is wrong now, most severe first. */
  readonly problems$: Behavior<readonly CallProblem[]>;
}

/**
 * The media of a call in Node, over `@livekit/rtc-node`: connects to every LiveKit server that members publish on, installs
 * the media keys, publishes `outgoing$`, and receives the members that can be decrypted.
 *
 * Nothing happens until one of the streams is subscribed to. After the last unsubscribe all connections are closed. The
 * streams never fail and never complete. A connection that is lost is made again after 0.5 to 7.5 s, at once when the
 * client is in touch with its homeserver again, and always with a new token. After `duplicate-identity` it is not made
 * again. Each user can make us connect to one server, and we connect to ten at most.
 *
 * A track is received once its key is installed, so no decoder waits for its next key frame.
 *
 * @param session The session of `rtcSession`.
 * @example
 * ```ts
 * import type { LivekitTransport } from "matrixrtc-rx/livekit";
 * import { nodeMedia } from "matrixrtc-rx/livekit-node";
 * import { rtcSession } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 * import { of, Subject } from "rxjs";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@bot:example.org"] });
 * const matrix = home.client("@bot:example.org", "BOT");
 * const session = rtcSession(matrix, { roomId, slot: "m.call#ROOM" });
 * // In an app: livekitTransport(matrix), of matrixrtc-rx/livekit, with shareReplay(1).
 * const transport: LivekitTransport = { type: "livekit", livekit_service_url: "https://rtc.example.org" };
 * const hangUp$ = new Subject<void>();
 * const state$ = session.join({ transports: [transport], leaveOn: hangUp$ });
 * const { participants$ } = nodeMedia(session, { backend: matrix, state$, transport$: of(transport) });
 * console.assert(participants$.value.length === 0); // subscribe to it: that joins, too
 * ```
 */
export function nodeMedia(session: MediaSession, options: NodeMediaOptions): NodeMedia {
  let last: Media = nothing;
  const run$ = media(session, options).pipe(
    tap({ next: (now) => (last = now), finalize: () => (last = nothing) }),
    share(),
  );
  return {
    connections$: behavior(() => last.connections, run$, isSameList),
    participants$: behavior(() => last.participants, run$, isSameList),
    problems$: behavior(() => last.problems, run$, isSameList),
  };
}

interface Media {
  readonly connections: readonly SfuConnectionState[];
  readonly participants: readonly NodeParticipant[];
  readonly problems: readonly CallProblem[];
}

const nothing: Media = { connections: [], participants: [], problems: [] };

const isSameList = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);

/** Media stops as soon as we begin to leave. */
const activeMember = (state: JoinState | undefined): OwnMember | undefined =>
  state === undefined || state.status === "leaving" ? undefined : state.member;

function media(session: MediaSession, options: NodeMediaOptions): Observable<Media> {
  const { state$, transport$, isEncrypted = true, rtc = rtcNode } = options;
  return new Observable((subscriber) => {
    const participants = new Map<string, KeptParticipant>();
    const roomChange$ = new Subject<void>();
    const state = new BehaviorSubject<JoinState | undefined>(undefined);
    let connections: readonly SfuConnectionState[] = [];
    let problems: readonly CallProblem[] = [];

    const emit = () => {
      const now = asyncScheduler.now();
      const members = session.membership$.value;
      const statuses = session.encryptionStatus$.value;
      const ownIdentity = activeMember(state.value)?.participantIdentity;
      const call = { ownIdentity, members, connections, statuses, isEncrypted };
      const shown = ownIdentity === undefined ? [] : members;
      const items = shown.map((member) => {
        const isLocal = member.participantIdentity === ownIdentity;
        const known = participants.get(member.instance);
        const item =
          known?.member === member && known.isLocal === isLocal ? known : new KeptParticipant(member, isLocal, known);
        item.update(viewOf(member, call, item.connection$.value), now);
        return item;
      });
      participants.clear();
      for (const item of items) participants.set(item.member.instance, item);
      problems = problemsOf({ state: state.value, connections, statuses, participants: items }, problems, now);
      subscriber.next({ connections, participants: items, problems });
    };

    const own$ = state.pipe(map(activeMember), distinctUntilChanged(isSameMember));
    const connection$ = own$.pipe(
      switchMap((own) =>
        own
          ? sfuConnections(
              combineLatest([transport$, session.membership$]).pipe(
                map(([transport, members]) => planSfus(own, transport.livekit_service_url, members)),
              ),
              // A sticky member has one identity for both purposes: a second connection would throw the first one out.
              ({ url, purpose }) => (own.kind === "sticky" ? url : `${purpose} ${url}`),
              (sfu, isPublishing$) => connect(sfu, own, isPublishing$),
            )
          : of([]),
      ),
    );
    const connect = (
      sfu: PlannedSfu,
      own: OwnMember,
      isPublishing$: Observable<boolean>,
    ): Observable<ConnectionStatus> =>
      connectTo(session, { ...options, isEncrypted, rtc }, sfu, own, isPublishing$, (live) =>
        live.changes$.pipe(tap(() => roomChange$.next())),
      );

    // The app sees the errors of these streams in its join.
    subscriber.add(
      concat(state$.pipe(catchError(() => EMPTY)), of(undefined), NEVER).subscribe((now) => state.next(now)),
    );
    subscriber.add(
      connection$.pipe(catchError(() => NEVER)).subscribe((now) => {
        connections = now;
        emit();
      }),
    );
    subscriber.add(merge(session.membership$, session.encryptionStatus$, roomChange$, state).subscribe(emit));
  });
}

const isSameMember = (a: OwnMember | undefined, b: OwnMember | undefined): boolean =>
  a?.participantIdentity === b?.participantIdentity && a?.kind === b?.kind;

type Resolved = NodeMediaOptions & { readonly isEncrypted: boolean; readonly rtc: RtcNode };

function connectTo(
  session: MediaSession,
  options: Resolved,
  { url, purpose, namedBy }: PlannedSfu,
  member: OwnMember,
  isPublishing$: Observable<boolean>,
  watch: (live: LiveRoom) => Observable<unknown>,
): Observable<ConnectionStatus> {
  const { backend, outgoing$ = NEVER, sources = mediaSources, isEncrypted, rtc } = options;
  const { roomId, slot, membership$, encryptionKey$, decryption } = session;
  const transport = { type: "livekit", livekit_service_url: url };
  const token$ = sfuToken(backend, { transport, namedBy, roomId, slot, member, purpose }, options);
  const inTouch$ = (backend.changes$ ?? NEVER).pipe(filter((batch) => batch.length === 0));
  const use = (live: LiveRoom) => {
    const asked = new WeakMap<RemoteTrackPublication, boolean>();
    const receive = () => {
      const members = membership$.value;
      const there = members.filter((one) => serviceOf(one, members) === url && !isOwn(one));
      const identities = new Set(there.map(({ participantIdentity }) => participantIdentity));
      updateSubscriptions(live.room, live.keys, { identities, sources, isEncrypted }, asked);
    };
    const isOwn = ({ participantIdentity }: Membership) => participantIdentity === member.participantIdentity;
    const sent$ = isPublishing$.pipe(switchMap((is) => (is ? outgoing$ : of<NodeOutgoingMedia>({}))));
    return merge(
      merge(membership$, live.changes$).pipe(startWith(undefined), tap(receive)),
      isEncrypted ? roomDecryption(rtc, live.room).pipe(tap((report) => decryption.next(report))) : EMPTY,
      publishing({ rtc, isEncrypted }, live, sent$),
      watch(live),
    );
  };
  return sfuConnection(token$, { rtc, encryptionKey$, isEncrypted, inTouch$, use });
}
