// Running a pair: the links of its calls, and its messages to the peer's device.
import {
  catchError,
  defer,
  EMPTY,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  switchMap,
  takeUntil,
  timer,
} from "rxjs";
import type { Matrix, ToDeviceOutcome } from "../../matrix.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import type { Behavior } from "../../rx/behavior.ts";
import { runMachine } from "../../rx/machine.ts";
import type { CallBody } from "../call-message.ts";
import type { HangupReason } from "../hangup-reason.ts";
import { link, type LinkOutput } from "../link.ts";
import type { Signal } from "../negotiation-model.ts";
import { type SendFailure, sendInOrder, sendWithRetries } from "../outbox.ts";
import type { IceServer, PeerConnection, PeerConnections } from "../peer-connection.ts";
import { meshTiming } from "../timing.ts";
import { type MeshContext, meshMessage } from "./envelope.ts";
import {
  type Arrival,
  beginPair,
  type Pair,
  type PairEffect,
  type PairInput,
  type PairSettings,
} from "./pair-model.ts";
import { pairDueTs, stepPair } from "./pair.ts";
import type { MeshTraceEntry } from "./trace.ts";

export interface PairOptions extends PairSettings {
  readonly context: MeshContext;
  readonly matrix: Pick<Matrix, "sendToDevice">;
  readonly peers: PeerConnections;
  readonly relayOnly: boolean;
  readonly servers$: Behavior<readonly IceServer[]>;
  readonly media$: Observable<OutgoingMedia>;
  readonly arrival$: Observable<Arrival>;
  /** Either of us leaves the call: the pair hangs up and completes. */
  readonly leave$: Observable<unknown>;
  readonly trace: (entry: MeshTraceEntry) => void;
}

/** The state of a pair, and the peer connection of its present call. */
export interface RunningPair {
  readonly pair: Pair;
  readonly connection: PeerConnection | undefined;
}

/** A call under way. */
interface OpenCall {
  readonly callId: string;
  readonly hear$: Subject<Signal>;
  readonly say$: Subject<Outgoing>;
  readonly close$: Subject<void>;
  connection: PeerConnection | undefined;
}

interface Outgoing {
  readonly callId: string;
  readonly seq: number;
  readonly body: CallBody;
}

interface NotSent extends SendFailure {
  readonly outcome: Exclude<ToDeviceOutcome["outcome"], "sent">;
}

const tooMany: NotSent = { outcome: "failed", isFinal: true };

/** The others see a leave by the membership first. A hangup would only delay the request that ends the membership. */
const farewellPauseMs = 1_000;
/** Long enough for a hangup to be tried again, short enough to leave nothing behind. */
const farewellMs = 20_000;

const isFarewell = (body: CallBody): boolean => body.kind === "hangup" && body.reason === "user_hangup";

/** Runs a pair until one of the two leaves. Its peer connection is closed with the subscription. */
export function runPair(options: PairOptions): Observable<RunningPair> {
  const { own, peer, isCaller, name, arrival$, leave$, trace } = options;
  return defer(() => {
    let open: OpenCall | undefined;

    const openCall = (callId: string, isCalled: boolean): Observable<PairInput> => {
      const call: OpenCall = {
        callId,
        hear$: new Subject(),
        say$: new Subject(),
        close$: new Subject(),
        connection: undefined,
      };
      open = call;
      trace({ kind: "call-opened", peer, callId, isCalled });
      return merge(
        sentOf(options, call),
        linkOf(options, call, isCalled).pipe(map((output): PairInput => ({ kind: "link", callId, output }))),
      ).pipe(takeUntil(call.close$));
    };

    const closeCall = (callId: string, reason: HangupReason) => {
      trace({ kind: "call-closed", peer, callId, reason });
      open?.close$.next();
      open = undefined;
    };

    const say = (outgoing: Outgoing) => {
      if (open?.callId === outgoing.callId) open.say$.next(outgoing);
      // Its call is closed: the last word must not end with that.
      else
        timer(isFarewell(outgoing.body) ? farewellPauseMs : 0)
          .pipe(
            switchMap(() => sendWithRetries(() => send(options, outgoing))),
            takeUntil(timer(farewellMs)),
          )
          .subscribe({ error: () => {} });
    };

    return runMachine<Pair, PairInput, PairEffect>({
      initial: beginPair({ own, peer, isCaller, name }),
      step: stepPair,
      inputs$: merge(
        arrival$.pipe(map((arrival): PairInput => ({ kind: "message", arrival }))),
        leave$.pipe(map((): PairInput => ({ kind: "leave" }))),
        of<PairInput>({ kind: "start" }),
      ),
      perform,
      dueTs: pairDueTs,
      due: { kind: "due" },
      isOver: ({ isOver }) => isOver,
    }).pipe(map((pair) => ({ pair, connection: open?.connection })));

    function perform(effect: PairEffect): Observable<PairInput> | undefined {
      switch (effect.kind) {
        case "open":
          return openCall(effect.callId, effect.isCalled);
        case "close":
          closeCall(effect.callId, effect.reason);
          return undefined;
        case "hear":
          open?.hear$.next(effect.signal);
          return undefined;
        case "send":
          say(effect);
          return undefined;
      }
    }
  });
}

/** The link of a call, over a peer connection of its own that follows the relay servers. */
function linkOf(options: PairOptions, call: OpenCall, isCalled: boolean): Observable<LinkOutput> {
  const { peers, servers$, relayOnly, media$ } = options;
  const link$ = link({
    connect: () => (call.connection = peers({ servers: servers$.value, relayOnly, isPatient: true })),
    isCalled,
    receives: () => ["audio", "video"],
    timing: meshTiming,
    media$,
    isHolding$: EMPTY,
    signal$: call.hear$,
  });
  const following$ = servers$.pipe(
    map((servers) => call.connection?.useServers(servers)),
    ignoreElements(),
  );
  return merge(link$, following$);
}

/** Sends what a call says, in order. Emits only if that fails for good. */
function sentOf(options: PairOptions, { callId, say$ }: OpenCall): Observable<PairInput> {
  const { peer, trace } = options;
  return say$.pipe(
    sendInOrder((outgoing: Outgoing) => send(options, outgoing), tooMany),
    catchError(({ outcome }: NotSent) => {
      trace({ kind: "message-not-sent", peer, outcome });
      return of<PairInput>({ kind: "not-sent", callId, outcome });
    }),
  );
}

/** Sends one message to the peer's device. Completes when the server has it, and fails with a `NotSent`. */
function send({ context, own, peer, matrix }: PairOptions, { callId, seq, body }: Outgoing): Observable<never> {
  const { type, content } = meshMessage(body, context, own, peer, { callId, seq });
  const { userId, deviceId } = peer;
  return matrix.sendToDevice([{ userId, deviceId }], type, content).pipe(
    mergeMap(({ outcome, cause }) => {
      if (outcome === "sent") return EMPTY;
      const failure: NotSent = { outcome, isFinal: outcome === "unknown-device", retryAfterMs: cause?.retryAfterMs };
      throw failure;
    }),
  );
}
