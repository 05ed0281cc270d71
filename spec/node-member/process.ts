// A member in a process of its own: joins with media, and reports on its standard output. It reads commands from its
// standard input, and ends when that closes.
import { createInterface } from "node:readline";
import { BehaviorSubject, shareReplay, Subject, Subscription, switchMap, take } from "rxjs";
import { type JoinMode, type JoinState, RtcError, rtcSession } from "matrixrtc-rx";
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
import type { MemberCommand, MemberReport, MemberSettings } from "./report.ts";
import { sendPicture, sendTone } from "./sending.ts";

const reportMs = 250;
const slot = "m.call#ROOM";
// The servers of a test have private addresses and no certificates.
const allowInsecure = true;

const settings = JSON.parse(process.env["MEMBER"] ?? "") as MemberSettings;
const { roomId, mode, hz, tones, hasVideo, isDelegated, duty = 1, hearsOnce = false } = settings;

const { client, requests } = await startClient(settings);
const matrix = fromMatrixClient(client);
const session = rtcSession(matrix, { roomId, slot, awaitRoom: true });
const ending = new AbortController();
const hearing = new Hearing(tones, hearsOnce);
const hangUp$ = new Subject<void>();
const service$ = new BehaviorSubject<string | undefined>(undefined);

let call = new Subscription();
let state: JoinState | undefined;
let joinTs = 0;
let departures = 0;
let connections: readonly SfuConnection[] = [];
let problems: MemberReport["problems"] = [];

const media: OutgoingMedia<NodeTrack> = {
  microphone: { track: sendTone(hz, duty, ending.signal) },
  ...(hasVideo && { camera: { track: sendPicture(ending.signal) } }),
};

/** The decisions of a member, for the parent to show after a failure. They contain no secret. */
function logged(kind: string, entry: object): void {
  const words = Object.entries(entry).map(([name, value]) => `${name}=${JSON.stringify(value)?.slice(0, 120)}`);
  console.error(`${new Date().toISOString().slice(11, 23)} ${kind} ${words.join(" ").slice(0, 250)}`);
}

/** Whatever happens, the parent must learn of it. */
function fail(error: unknown): void {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(1);
}

function join(): void {
  joinTs = Date.now();
  const transport$ = service$.pipe(
    switchMap((serviceUrl) => livekitTransport(matrix, { serviceUrl, allowInsecure })),
    shareReplay({ bufferSize: 1, refCount: true }),
  );
  const { state$, participants$, connections$, problems$, trace$ } = livekitCall<NodeTrack>(matrix, session, {
    rooms: nodeRooms(),
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
  call.add(trace$.subscribe((entry) => logged(entry.kind, entry)));
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
}

const commands: { readonly [K in MemberCommand["command"]]: (command: MemberCommand & { command: K }) => void } = {
  join,
  leave: () => hangUp$.next(),
  hop: ({ service }) => service$.next(service),
  "reset-gaps": () => hearing.resetGaps(),
  end() {
    ending.abort();
    call.unsubscribe();
    process.exit();
  },
};

session.membership$.subscribe();
session.trace$.subscribe((entry) => {
  if (entry.kind === "member-left") departures += 1;
  logged(entry.kind, entry);
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line) as MemberCommand;
    (commands[command.command] as (one: MemberCommand) => void)(command);
  })
  .on("close", () => process.exit());

const send = () => process.stdout.write(`${JSON.stringify(report())}\n`);
setInterval(send, reportMs);
send();

function report(): MemberReport {
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
    cpuMs: Math.round((user + system) / 1_000),
    memoryMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    departures,
  };
}
