// VoipCalls: the 1:1 calls of all rooms of a client. CS spec "Voice over IP", versions 0 and 1; protocol.md 10.
import { asyncScheduler, type Observable, share, Subject, type Subscription, tap } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { Matrix } from "../../matrix.ts";
import { behavior, type Behavior } from "../../rx/behavior.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import { type Ongoing, outgoingCall } from "./ongoing.ts";
import { mediaStreamOf, type PlaceOptions, resolveVoipOptions, type VoipOptions } from "./options.ts";
import { newId } from "../new-id.ts";
import { runDesk, type RunningDesk } from "./run-desk.ts";
import type { DeskInput } from "./step-desk.ts";
import { HeldCall, type VoipCall, type VoipCommand } from "./voip-call.ts";
import type { VoipTrace, VoipTraceEntry } from "./voip-trace.ts";
import { sameItems } from "../../rx/stable.ts";

/** The 1:1 calls of a client: those that ring, those that are placed, and those that are under way. */
export interface VoipCalls {
  /**
   * All calls that have not ended. Subscribe to receive calls. A call that was placed or answered goes on without that,
   * until it ends.
   */
  readonly calls$: Behavior<readonly VoipCall[]>;
  /** The calls that ring here now: of all rooms, not expired, not answered by another device. */
  readonly incoming$: Behavior<readonly VoipCall[]>;
  /**
   * Calls a room. If somebody calls us in that room at the same time, or rings already, that call is taken: to the user
   * it is one call.
   *
   * @throws RtcError `unknown-room`; `bad-argument` for options that are wrong; `already-joined` if there is a call in
   *   this room.
   */
  call(roomId: string, options: PlaceOptions): VoipCall;
  /** Every decision from now on. Subscribing starts no work. */
  readonly trace$: Observable<VoipTrace>;
}

/**
 * The 1:1 calls of the Matrix specification (`m.call.*`, versions 0 and 1) of a client, for all its rooms.
 *
 * Inert until the first subscription or call. A call rings only after the sync response that brought it is complete, for
 * as long as the server says that it is young enough, and never if it has been answered or hung up.
 *
 * @throws RtcError `bad-argument` for options that are wrong; `unsupported` for a port without `timelineEvents`, and
 *   where there is no `RTCPeerConnection`.
 * @example
 * ```ts
 * import { virtualHomeserver, virtualPeers } from "matrixrtc-rx/testing";
 * import { voipCalls } from "matrixrtc-rx/webrtc";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 *
 * const calls = voipCalls(matrix, { peers: virtualPeers().device("PHONE") }); // in a browser: without `peers`
 * const call = calls.call(roomId, { media: {} }); // in an app: its microphone and camera
 * console.assert(call.state$.value.status === "preparing");
 * call.hangUp();
 * console.assert(call.state$.value.status === "ended");
 * ```
 */
export function voipCalls(matrix: Matrix, options: VoipOptions = {}): VoipCalls {
  const resolved = resolveVoipOptions(options);
  const timelineEvents = matrix.timelineEvents?.bind(matrix);
  if (!timelineEvents) throw new RtcError("unsupported", "1:1 calls need a port with timelineEvents");

  const held = new Map<string, HeldCall>();
  const command$ = new Subject<DeskInput>();
  const trace$ = new Subject<VoipTrace>();
  const trace = (entry: VoipTraceEntry) => {
    if (trace$.observed) trace$.next({ ...entry, ts: asyncScheduler.now() });
  };
  let calls: readonly HeldCall[] = none;

  const show = ({ desk, peerOf }: RunningDesk) => {
    for (const call of desk.calls.values()) holdCall(call).update(call, peerOf(call.id));
    for (const [id, call] of held) if (call.isEnded) held.delete(id);
    const now = [...held.values()];
    if (!sameItems(now, calls)) calls = now;
  };
  const run$: Observable<unknown> = runDesk({
    ...resolved,
    matrix: { ...matrix, timelineEvents },
    command$,
    heldCall: (id) => held.get(id),
    trace,
  }).pipe(tap(show), share());

  const holdCall = (call: Ongoing): HeldCall => {
    const known = held.get(call.id);
    if (known) return known;
    const made = new HeldCall(call, (command) => obey(call.id, command));
    held.set(call.id, made);
    return made;
  };
  /** A call that we take part in goes on without a subscriber. */
  const keepAlive = (call: HeldCall) => {
    const running: Subscription = run$.subscribe();
    running.add(call.state$.subscribe({ complete: () => running.unsubscribe() }));
  };
  const obey = (id: string, command: VoipCommand) => {
    const call = held.get(id);
    if (!call) return;
    if (command === "answer") keepAlive(call);
    if (command === "reject" || command === "reject-busy")
      command$.next({ kind: "reject", id, isBusy: command === "reject-busy" });
    else command$.next({ kind: command, id });
  };

  return {
    calls$: behavior(() => calls, run$),
    incoming$: behavior(
      ringingOf(() => calls),
      run$,
    ),
    trace$: trace$.asObservable(),
    call(roomId, place) {
      const media$ = mediaStreamOf(place);
      const { invitee } = place;
      if (!matrix.hasRoom(roomId)) throw new RtcError("unknown-room", `the client is not in a room ${roomId}`);
      const present = calls.find((call) => call.roomId === roomId);
      const state = present?.state$.value;
      if (present && state?.status === "ringing" && (invitee === undefined || invitee === state.opponent?.userId)) {
        present.answer({ media: media$ });
        return present;
      }
      if (present && state?.status !== "ringing")
        throw new RtcError("already-joined", "there is a call in this room already: hang it up first");
      return placeCall(roomId, invitee, media$);
    },
  };

  function placeCall(roomId: string, invitee: string | undefined, media$: Observable<OutgoingMedia>): VoipCall {
    // Clients that do not know the rules of glare name their calls by digits: then theirs is the smaller one, and goes on.
    const placed = outgoingCall({ id: newId(), roomId, callId: `c${newId()}`, partyId: newId(), invitee });
    const call = holdCall(placed);
    keepAlive(call);
    command$.next({ kind: "place", call: placed });
    call.send(media$);
    return call;
  }
}

const none: readonly never[] = [];

function ringingOf(read: () => readonly HeldCall[]): () => readonly VoipCall[] {
  let last: readonly VoipCall[] = none;
  return () => {
    const now = read().filter(({ state$ }) => state$.value.status === "ringing");
    return sameItems(now, last) ? last : (last = now);
  };
}
