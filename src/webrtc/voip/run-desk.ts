// RunDesk: the desk of a client at work: events in, events out, and a link for each call.
import {
  asyncScheduler,
  BehaviorSubject,
  filter,
  ignoreElements,
  map,
  merge,
  Observable,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
} from "rxjs";
import type { Matrix, TimelineArrival } from "../../matrix.ts";
import { objectOr } from "../../room/json.ts";
import { isInRoom } from "../../room/room-member.ts";
import { runMachine } from "../../rx/machine.ts";
import { type CallBody, callEventTypes, readCallMessage, signalOf } from "../call-message.ts";
import { link } from "../link.ts";
import { newId } from "../new-id.ts";
import type { IceServer, PeerConnection } from "../peer-connection.ts";
import { callTiming } from "../timing.ts";
import { iceServers } from "../turn.ts";
import { CallOutbox } from "./call-outbox.ts";
import { type Desk, type DeskEffect, farewell, openDesk } from "./desk.ts";
import { EarlySignals } from "./early-signals.ts";
import type { VoipEffect } from "./ongoing.ts";
import type { ResolvedVoipOptions } from "./options.ts";
import { type DeskArrival, deskDueTs, type DeskInput, stepDesk } from "./step-desk.ts";
import type { HeldCall } from "./voip-call.ts";
import type { VoipTraceEntry } from "./voip-trace.ts";

export interface DeskOptions extends ResolvedVoipOptions {
  readonly matrix: Matrix & Required<Pick<Matrix, "timelineEvents">>;
  readonly command$: Observable<DeskInput>;
  /** What an app holds of a call. */
  readonly heldCall: (id: string) => HeldCall | undefined;
  readonly trace: (entry: VoipTraceEntry) => void;
}

/** All calls, and the peer connection of each. */
export interface RunningDesk {
  readonly desk: Desk;
  readonly peerOf: (id: string) => PeerConnection | undefined;
}

/** Shows the calls after all effects of a step. So an app that reacts by unsubscribing loses no hangup. */
interface Show {
  readonly kind: "show";
}

/** A call on the wire, with its link. */
interface Line {
  readonly callId: string;
  readonly signals: EarlySignals;
  readonly close$: Subject<void>;
  peer: PeerConnection | undefined;
}

/** Runs the desk while subscribed to. Calls that are under way are hung up with the subscription. */
export function runDesk(options: DeskOptions): Observable<RunningDesk> {
  const { matrix, lifetimeMs, ringsInPublicRooms, command$, trace } = options;
  return new Observable((subscriber) => {
    const lines = new Map<string, Line>();
    const outboxes = new Map<string, CallOutbox>();
    const servers$ = new BehaviorSubject<readonly IceServer[] | undefined>(undefined);
    const failed$ = new Subject<DeskInput>();
    let last = openDesk({ userId: matrix.userId, lifetimeMs, ringsInPublicRooms });

    const outboxOf = ({
      id,
      roomId,
      callId,
      partyId,
    }: Pick<Extract<VoipEffect, { kind: "send" }>, "id" | "roomId" | "callId" | "partyId">) => {
      const key = `${id} ${callId}`;
      const known = outboxes.get(key);
      if (known) return known;
      const onNotSent = (body: CallBody["kind"], isRefused: boolean) =>
        failed$.next({ kind: "not-sent", id, callId, body, isRefused });
      const made = new CallOutbox(matrix, { roomId, callId, partyId }, onNotSent);
      outboxes.set(key, made);
      return made;
    };
    const dropOutbox = (id: string, callId: string) => {
      outboxes.get(`${id} ${callId}`)?.end();
      outboxes.delete(`${id} ${callId}`);
    };

    const open = (id: string, callId: string, isCalled: boolean): Observable<DeskInput> | undefined => {
      const held = options.heldCall(id);
      if (!held) return undefined;
      const line: Line = { callId, signals: new EarlySignals(), close$: new Subject(), peer: undefined };
      lines.set(id, line);
      const link$ = servers$.pipe(
        filter((servers) => servers !== undefined),
        take(1),
        switchMap(() => linkOf(options, held, line, servers$, isCalled)),
      );
      return link$.pipe(
        map((output): DeskInput => ({ kind: "link", id, callId, output })),
        takeUntil(line.close$),
      );
    };

    const perform = (effect: DeskEffect | Show): Observable<DeskInput> | undefined => {
      if (effect.kind === "show") subscriber.next({ desk: last, peerOf: (id) => lines.get(id)?.peer });
      else if (effect.kind === "trace") trace(effect.entry);
      else if (effect.kind === "open") return open(effect.id, effect.callId, effect.isCalled);
      else if (effect.kind === "close") {
        const line = lines.get(effect.id);
        if (line?.callId !== effect.callId) return undefined;
        line.close$.next();
        lines.delete(effect.id);
      } else if (effect.kind === "hear") {
        const signal = effect.message.kind === "candidates" ? effect.message : signalOf(effect.message);
        if (signal) lines.get(effect.id)?.signals.hear(signal);
      } else {
        outboxOf(effect).say(effect);
        if (effect.isLast) outboxes.delete(`${effect.id} ${effect.callId}`);
      }
      return undefined;
    };

    const desk$ = runMachine<Desk, DeskInput, DeskEffect | Show>({
      initial: last,
      step: (desk, input, now) => {
        const { state, effects } = stepDesk(desk, input, now);
        return { state, effects: [...effects, { kind: "show" }] };
      },
      inputs$: merge(
        failed$,
        command$,
        arrivalsOf(matrix),
        matrix.changes$.pipe(
          filter((batch) => batch.some(touchesMembers)),
          map((): DeskInput => ({ kind: "members", isJoined: (roomId, userId) => isInRoom(matrix, roomId, userId) })),
        ),
      ),
      perform,
      dueTs: deskDueTs,
      due: { kind: "due" },
      isOver: () => false,
      clock: { now: () => asyncScheduler.now(), reached: () => {} },
    });
    subscriber.add(() => {
      for (const call of last.calls.values()) {
        const body = call.phase === "ended" || call.phase === "ringing" ? undefined : farewell(call, "user_hangup");
        if (body) outboxOf(call).say({ body, isLast: true });
        else dropOutbox(call.id, call.callId);
      }
    });
    subscriber.add(iceServers(matrix).subscribe(servers$));
    subscriber.add(
      desk$.subscribe((desk) => {
        for (const { id, callId, phase } of last.calls.values()) if (phase === "ended") dropOutbox(id, callId);
        last = desk;
      }),
    );
  });
}

/** The link of a call on the wire. It sends what the call of the app sends, also if that had another call before. */
function linkOf(
  { peers, relayOnly }: DeskOptions,
  held: HeldCall,
  line: Line,
  servers$: BehaviorSubject<readonly IceServer[] | undefined>,
  isCalled: boolean,
) {
  const link$ = link({
    connect: () => (line.peer = peers({ servers: servers$.value ?? [], relayOnly })),
    isCalled,
    // To offer a picture in a call for the ear makes it a video call to others.
    receives: ({ camera }) => (isCalled ? [] : camera ? ["audio", "video"] : ["audio"]),
    timing: callTiming,
    media$: held.media$,
    isHolding$: held.isHolding$,
    signal$: line.signals.signal$,
  });
  const following$ = servers$.pipe(
    tap((servers) => servers && line.peer?.useServers(servers)),
    ignoreElements(),
  );
  return merge(link$, following$);
}

/** The events of calls in all rooms, read, with what their rooms say. */
const arrivalsOf = (matrix: DeskOptions["matrix"]): Observable<DeskInput> =>
  matrix
    .timelineEvents(callEventTypes)
    .pipe(
      map((batch): DeskInput => ({ kind: "arrivals", arrivals: batch.flatMap((one) => arrivalOf(matrix, one) ?? []) })),
    );

function arrivalOf(matrix: Matrix, { roomId, event, ageMs }: TimelineArrival): DeskArrival | undefined {
  const { eventId, sender: userId, type, content } = event;
  const read = readCallMessage(type, content);
  if (!read) return undefined;
  if (read.ok === undefined) return { roomId, eventId, malformed: read.malformed };
  const arrival = { roomId, eventId, userId, ageMs: Math.max(0, ageMs ?? 0) };
  if (read.ok.kind !== "invite") return { ...arrival, message: read.ok };
  return {
    ...arrival,
    message: read.ok,
    isInRoom: isInRoom(matrix, roomId, matrix.userId),
    isPublicRoom: objectOr(matrix.stateEvent(roomId, "m.room.join_rules", "")?.content)["join_rule"] === "public",
    id: newId(),
    partyId: newId(),
  };
}

const touchesMembers = (change: { readonly kind: string; readonly type?: string }): boolean =>
  change.kind === "room" || (change.kind === "state" && change.type === "m.room.member");
