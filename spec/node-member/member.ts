// Member: one member of a call in this process: it joins with media, takes commands, and reports.
import { BehaviorSubject, shareReplay, Subject, Subscription, switchMap, take } from "rxjs";
import { type JoinMode, type JoinState, RtcError } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import {
  delegateToSfu,
  livekitCall,
  livekitTransport,
  nodeRooms,
  type NodeTrack,
  type OutgoingMedia,
  type SfuConnection,
} from "matrixrtc-rx/livekit-node";
import { startClient } from "./client.ts";
import { Hearing } from "./hearing.ts";
import { type Received, receivedOnce } from "./received-once.ts";
import type { MemberCommand, MemberReport, MemberSettings } from "./report.ts";
import { sendPicture, sendTone } from "./sending.ts";

const slot = "m.call#ROOM";
// The servers of a test have private addresses and no certificates.
const allowInsecure = true;

export interface Member {
  tell(command: MemberCommand): void;
  /** @param sharing How many members share this process, and its costs. */
  report(sharing: number): MemberReport;
}

export interface Surroundings {
  /** Receives each decision, if wanted. It contains no secret. */
  readonly log: ((line: string) => void) | undefined;
  /** Receives an error that the member does not survive. */
  readonly fail: (error: unknown) => void;
}

/** Resolves when its client has synced. It is not in the call yet. */
export async function startMember(settings: MemberSettings, { log, fail }: Surroundings): Promise<Member> {
  const { roomId, mode, hz, tones, hasVideo, isDelegated, duty = 1, receivesOnce = false } = settings;
  const { client, requests } = await startClient(settings);
  const matrix = fromMatrixClient(client);
  const session = encryptedSession(matrix, { roomId, slot, awaitRoom: true });
  const hearing = new Hearing(tones, receivesOnce);
  const hangUp$ = new Subject<void>();
  const service$ = new BehaviorSubject<string | undefined>(undefined);

  let call = new Subscription();
  let state: JoinState | undefined;
  let joinTs = 0;
  let departures = 0;
  let connections: readonly SfuConnection[] = [];
  let problems: MemberReport["problems"] = [];

  const encryptionOf = (identity: string) => session.encryptionStatus$.value.get(identity);
  const received: Received = {
    hasKey: (identity) => encryptionOf(identity)?.status === "ok",
    isEnough: (identity, kind) => hearing.hasReceived(encryptionOf(identity)?.userId, kind),
  };
  const rooms = receivesOnce ? receivedOnce(nodeRooms(), received) : nodeRooms();
  const media: OutgoingMedia<NodeTrack> = {
    microphone: { track: sendTone(hz, duty) },
    ...(hasVideo && { camera: { track: sendPicture() } }),
  };

  const logged = ({ kind, ...entry }: { readonly kind: string }): void => {
    if (!log) return;
    const words = Object.entries(entry).map(([name, value]) => `${name}=${JSON.stringify(value)?.slice(0, 120)}`);
    log(`${new Date().toISOString().slice(11, 23)} ${kind} ${words.join(" ").slice(0, 250)}`);
  };

  const join = (): void => {
    joinTs = Date.now();
    const transport$ = service$.pipe(
      switchMap((serviceUrl) => livekitTransport(matrix, { serviceUrl, allowInsecure })),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    const { state$, participants$, connections$, problems$, trace$ } = livekitCall<NodeTrack>(matrix, session, {
      rooms,
      transport: transport$,
      media,
      allowInsecure,
      join: {
        mode: mode as JoinMode,
        leaveOn: hangUp$,
        ...(isDelegated && {
          delegate: (leave) =>
            transport$.pipe(
              take(1),
              switchMap((transport) => delegateToSfu(matrix, { transport, roomId, slot }, { allowInsecure })(leave)),
            ),
        }),
      },
    });
    call = new Subscription();
    call.add(trace$.subscribe((entry) => logged(entry)));
    call.add(connections$.subscribe((now) => (connections = now)));
    call.add(problems$.subscribe((now) => (problems = now)));
    call.add(hearing.listen(participants$).subscribe({ error: fail }));
    const left = () => {
      state = undefined;
      call.unsubscribe();
    };
    call.add(
      state$.subscribe({
        next: (now) => (state = now),
        complete: left,
        // A homeserver that is busy confirms the leave too late. Others see the leave as soon as it has.
        error: (error: unknown) => (error instanceof RtcError && error.code === "leave-timeout" ? left() : fail(error)),
      }),
    );
  };

  const commands: { readonly [K in MemberCommand["command"]]: (command: MemberCommand & { command: K }) => void } = {
    join,
    leave: () => hangUp$.next(),
    hop: ({ service }) => service$.next(service),
    "reset-gaps": () => hearing.resetGaps(),
  };

  const report = (sharing: number): MemberReport => {
    const ts = Date.now();
    const { user, system } = process.cpuUsage();
    const statuses = [...session.encryptionStatus$.value.values()];
    return {
      ts,
      status: state?.status ?? "out",
      memberId: state?.member.memberId,
      delayedLeave: state?.status === "joined" ? state.delayedLeave.status : "none",
      probablyLeft: state?.status === "joined" && state.probablyLeft,
      joinTs,
      members: Object.fromEntries(session.membership$.value.map(({ userId, instance }) => [userId, instance])),
      heard: hearing.now(ts),
      encryption: Object.fromEntries(
        statuses.map((one) => [one.userId, one.status === "waiting" ? one.reason : one.status]),
      ),
      connections: Object.fromEntries(
        connections.map(({ sfu, status, failure }) => [sfu, status === "failed" ? (failure?.code ?? status) : status]),
      ),
      publishes: connections.find(({ purpose }) => purpose === "publish")?.sfu,
      problems,
      pictures: hearing.pictures,
      keysCreated: session.statistics$.value.keysCreated,
      keysSent: session.statistics$.value.delivered,
      ownKeyIndex: session.keys$.value.findLast(({ own }) => own)?.keyIndex ?? -1,
      requests,
      cpuMs: Math.round((user + system) / 1_000 / sharing),
      memoryMb: Math.round(process.memoryUsage.rss() / 2 ** 20 / sharing),
      departures,
    };
  };

  session.membership$.subscribe();
  session.trace$.subscribe((entry) => {
    if (entry.kind === "member-left") departures += 1;
    logged(entry);
  });
  return { tell: (command) => (commands[command.command] as (one: MemberCommand) => void)(command), report };
}
