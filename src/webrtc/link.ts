// Link: one peer connection and what two sides say to each other about it, for as long as it is subscribed to.
import {
  catchError,
  concat,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  map,
  merge,
  Observable,
  of,
  Subject,
} from "rxjs";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { MediaKind } from "../media/source.ts";
import { runMachine } from "../rx/machine.ts";
import {
  beginNegotiation,
  type Negotiation,
  type NegotiationEffect,
  type NegotiationFailure,
  type NegotiationInput,
  type NegotiationTiming,
  type Signal,
} from "./negotiation-model.ts";
import { negotiate, negotiationDueTs } from "./negotiation.ts";
import type { PeerConnection } from "./peer-connection.ts";
import type { Recovery } from "./ice-recovery.ts";
import { type RemoteTrack, remoteTracks } from "./stream-metadata.ts";
import { kept, sameJson } from "../rx/stable.ts";

export interface LinkOptions {
  /** Makes the peer connection, once subscribed to. */
  readonly connect: () => PeerConnection;
  readonly isCalled: boolean;
  /** What we want to receive even while we send nothing of that kind. */
  readonly receives: (media: OutgoingMedia) => readonly MediaKind[];
  readonly timing: NegotiationTiming;
  /** What we send. Nothing happens before the first value. */
  readonly media$: Observable<OutgoingMedia>;
  readonly isHolding$: Observable<boolean>;
  /** What the other side says. */
  readonly signal$: Observable<Signal>;
}

/** The state of a link. It is the same object as before if nothing changed. */
export interface LinkState {
  readonly connection: Recovery["status"];
  readonly tracks: readonly RemoteTrack[];
  readonly isHolding: boolean;
  readonly isHeld: boolean;
  readonly failure: NegotiationFailure | undefined;
}

/** What a link emits: signals for the other side, and its state. It completes after a failure. */
export type LinkOutput =
  | { readonly kind: "say"; readonly signal: Signal }
  | { readonly kind: "state"; readonly state: LinkState };

/** Runs a link. The peer connection is closed with the subscription. Never fails: a failure is a state. */
export function link({
  connect,
  isCalled,
  receives,
  timing,
  media$,
  isHolding$,
  signal$,
}: LinkOptions): Observable<LinkOutput> {
  return new Observable<LinkOutput>((subscriber) => {
    const peer = connect();
    const said$ = new Subject<LinkOutput>();
    const state$ = runMachine<Negotiation, NegotiationInput, NegotiationEffect>({
      initial: beginNegotiation({
        isCalled,
        receives,
        timing,
        streamIdOf: (purpose) => peer.streamIdOf(purpose),
      }),
      step: negotiate,
      inputs$: merge(
        peer.event$.pipe(map((event): NegotiationInput => ({ kind: "peer", event }))),
        signal$.pipe(map((signal): NegotiationInput => ({ kind: "signal", signal }))),
        whatWeSend(media$, isHolding$),
      ),
      perform: (effect) => (effect.kind === "say" ? say(said$, effect.signal) : performOn(peer, effect)),
      dueTs: negotiationDueTs,
      due: { kind: "due" },
      isOver: ({ failure }) => failure !== undefined,
    });
    subscriber.add(() => peer.close());
    subscriber.add(said$.subscribe((output) => subscriber.next(output)));
    subscriber.add(state$.pipe(toLinkState()).subscribe(subscriber));
  }).pipe(catchError(() => of<LinkOutput>({ kind: "state", state: unable })));
}

/** A browser may refuse to make one more peer connection. */
const unable: LinkState = {
  connection: "new",
  tracks: [],
  isHolding: false,
  isHeld: false,
  failure: "unknown_error",
};

function whatWeSend(media$: Observable<OutgoingMedia>, isHolding$: Observable<boolean>): Observable<NegotiationInput> {
  return new Observable((subscriber) => {
    let media: OutgoingMedia | undefined;
    let isHolding = false;
    const emit = () => media && subscriber.next({ kind: "media", media, isHolding });
    subscriber.add(
      isHolding$.pipe(distinctUntilChanged()).subscribe((value) => {
        isHolding = value;
        emit();
      }),
    );
    subscriber.add(
      media$.subscribe((value) => {
        media = value;
        emit();
      }),
    );
  });
}

function say(said$: Subject<LinkOutput>, signal: Signal): undefined {
  said$.next({ kind: "say", signal });
}

function performOn(
  peer: PeerConnection,
  effect: Exclude<NegotiationEffect, { kind: "say" }>,
): Observable<NegotiationInput> | undefined {
  switch (effect.kind) {
    case "attach":
      peer.attach(effect.attachment);
      return undefined;
    case "restart-ice":
      peer.restartIce();
      return undefined;
    case "add-candidate":
      // One that does not fit costs a way to connect, never the call.
      return peer.addCandidate(effect.candidate).pipe(catchError(() => EMPTY));
    case "describe":
      return orFailed(
        peer,
        peer.describe().pipe(map((description): NegotiationInput => ({ kind: "described", description }))),
      );
    case "apply":
      return orFailed(peer, concat(peer.apply(effect.description), of<NegotiationInput>({ kind: "applied" })));
    case "roll-back":
      return orFailed(
        peer,
        concat(peer.rollBack().pipe(ignoreElements()), of<NegotiationInput>({ kind: "rolled-back" })),
      );
  }
}

const orFailed = (peer: PeerConnection, result$: Observable<NegotiationInput>): Observable<NegotiationInput> =>
  result$.pipe(catchError(() => of<NegotiationInput>({ kind: "operation-failed", signaling: peer.signalingState })));

function toLinkState(): (state$: Observable<Negotiation>) => Observable<LinkOutput> {
  return (state$) => {
    let last: LinkState | undefined;
    return state$.pipe(
      map((state) => (last = linkStateOf(state, last))),
      distinctUntilChanged(),
      map((state): LinkOutput => ({ kind: "state", state })),
    );
  };
}

function linkStateOf(state: Negotiation, last: LinkState | undefined): LinkState {
  const { recovery, sections, metadata, attachment, isHeld, failure } = state;
  const tracks = remoteTracks(sections, metadata);
  const next: LinkState = {
    connection: recovery.status,
    tracks: last && sameJson(tracks, last.tracks) ? last.tracks : tracks,
    isHolding: attachment?.isHolding ?? false,
    isHeld,
    failure,
  };
  return kept(next, last);
}
