// VoipCall: one 1:1 call, as an app holds it. CS spec "Voice over IP".
import { BehaviorSubject, catchError, EMPTY, type Observable, ReplaySubject, Subject, Subscription, tap } from "rxjs";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import type { MediaQuality, ParticipantTrack } from "../../media/participant.ts";
import type { MediaKind } from "../../media/source.ts";
import { behavior, type Behavior } from "../../rx/behavior.ts";
import { PeerMedia } from "../peer-media.ts";
import type { PeerConnection } from "../peer-connection.ts";
import { sectionsOf } from "../sdp.ts";
import type { Ongoing } from "./ongoing.ts";
import { type CallMedia, mediaStreamOf } from "./options.ts";
import type { VoipState } from "./voip-state.ts";
import { sameJson } from "../../rx/stable.ts";

/**
 * One 1:1 call. It is the same object from its first sign to its end, also if two calls cross and one takes the place of
 * the other. What we send is the stream of values that was given to `call` or `answer`: muting, another camera and a
 * screen share are other values of it.
 */
export interface VoipCall {
  readonly roomId: string;
  readonly direction: "incoming" | "outgoing";
  /** The kinds of media that the caller of an incoming call offers. Empty for an outgoing call. */
  readonly offers: readonly MediaKind[];
  /** The state of the call. Completes after `ended`. */
  readonly state$: Behavior<VoipState>;
  /** The tracks of the other side, while connected. */
  readonly tracks$: Behavior<readonly ParticipantTrack[]>;
  readonly speaking$: Behavior<boolean>;
  readonly quality$: Behavior<MediaQuality>;

  /**
   * Answers a call that rings. Does nothing at any other time.
   *
   * @throws RtcError `bad-argument` for media that is neither a value nor a stream.
   */
  answer(options: CallMedia): void;
  /** Rejects a call that rings, on all devices of this user. With `isBusy`, the caller learns that we are in another call. */
  reject(options?: { readonly isBusy?: boolean }): void;
  /** Ends the call, whatever its state. */
  hangUp(): void;
  /** Holds, or ends that. The other side sees it as `isHeld`. Takes effect once `canRenegotiate`. */
  hold(isHolding: boolean): void;
  /** Sends tones of a telephone keypad: 0-9, A-D, `*`, `#` and `,` for a pause. Returns whether they could be sent. */
  sendDtmf(tones: string): boolean;
}

/** What a call asks of its desk. */
export type VoipCommand = "answer" | "reject" | "reject-busy" | "hang-up" | "media-failed";

/** A call with its inner side: what the runner needs of it. */
export class HeldCall implements VoipCall {
  readonly id: string;
  readonly roomId: string;
  readonly direction: "incoming" | "outgoing";
  readonly offers: readonly MediaKind[];
  readonly state$: Behavior<VoipState>;
  readonly tracks$: Behavior<readonly ParticipantTrack[]>;
  readonly speaking$: Behavior<boolean>;
  readonly quality$: Behavior<MediaQuality>;
  /** What we send: kept from one call on the wire to the next. */
  readonly media$: ReplaySubject<OutgoingMedia> = new ReplaySubject(1);
  readonly isHolding$: BehaviorSubject<boolean> = new BehaviorSubject(false);
  readonly #media = new PeerMedia();
  readonly #changed$ = new Subject<void>();
  readonly #sending = new Subscription();
  readonly #command: (command: VoipCommand) => void;
  #call: Ongoing;
  #state: VoipState;
  #peer: PeerConnection | undefined;

  constructor(call: Ongoing, command: (command: VoipCommand) => void) {
    this.id = call.id;
    this.roomId = call.roomId;
    this.direction = call.direction;
    this.offers = call.pending ? kindsIn(call.pending.invite.description.sdp) : [];
    this.#command = command;
    this.#call = call;
    this.#state = voipStateOf(call);
    this.state$ = behavior(() => this.#state, this.#changed$);
    const { tracks$, speaking$, quality$ } = this.#media;
    this.tracks$ = tracks$;
    this.speaking$ = speaking$;
    this.quality$ = quality$;
  }

  get isEnded(): boolean {
    return this.#call.phase === "ended";
  }

  answer(options: CallMedia): void {
    const media$ = mediaStreamOf(options);
    if (this.#call.phase !== "ringing") return;
    this.#command("answer");
    this.send(media$);
  }

  reject({ isBusy = false }: { readonly isBusy?: boolean } = {}): void {
    this.#command(isBusy ? "reject-busy" : "reject");
  }

  hangUp(): void {
    this.#command("hang-up");
  }

  hold(isHolding: boolean): void {
    this.isHolding$.next(isHolding);
  }

  sendDtmf(tones: string): boolean {
    return /^[0-9A-D#*,]+$/i.test(tones) && this.#peer?.sendDtmf(tones) === true;
  }

  /** From now on, this is what we send. */
  send(media$: Observable<OutgoingMedia>): void {
    let hasBegun = false;
    const fail = () => {
      if (!hasBegun) this.#command("media-failed");
    };
    this.#sending.add(
      media$
        .pipe(
          tap({ next: () => (hasBegun = true), complete: fail }),
          catchError(() => {
            fail();
            return EMPTY;
          }),
        )
        .subscribe((media) => this.media$.next(media)),
    );
  }

  /** The call has changed, or its peer connection. */
  update(call: Ongoing, peer: PeerConnection | undefined): void {
    this.#peer = peer;
    this.#media.update(call.link?.tracks, peer);
    if (call === this.#call) return;
    this.#call = call;
    const state = voipStateOf(call);
    if (sameJson(state, this.#state)) return;
    this.#state = state;
    this.#changed$.next();
    if (call.phase === "ended") this.#end();
  }

  #end(): void {
    this.#sending.unsubscribe();
    this.#media.end();
    this.#changed$.complete();
  }
}

const kindsIn = (sdp: string): readonly MediaKind[] => [...new Set(sectionsOf(sdp).map(({ kind }) => kind))];

function voipStateOf({ phase, untilTs, opponent, identity, link, connectedTs, version, end }: Ongoing): VoipState {
  const base = { opponent, identity };
  switch (phase) {
    case "preparing":
    case "answering":
      return { ...base, status: phase };
    case "calling":
    case "ringing":
      return { ...base, status: phase, untilTs };
    case "ended":
      return { ...base, status: "ended", ...(end ?? { reason: "error", by: "us" }) };
    case "agreed": {
      if (connectedTs === undefined || !link) return { ...base, status: "connecting" };
      const { isHolding, isHeld } = link;
      const status = link.connection === "connected" ? "connected" : "reconnecting";
      return { ...base, status, sinceTs: connectedTs, isHolding, isHeld, canRenegotiate: version === 1 };
    }
  }
}
