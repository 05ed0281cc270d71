// Negotiation: one step of what two sides say to each other about one peer connection. Pure. CS spec m.call.*; W3C WebRTC 10.7.
import type { OutgoingMedia } from "../media/outgoing.ts";
import { andThen, type Step, unchanged } from "../rx/machine.ts";
import {
  type Agreement,
  applied,
  canRenegotiate,
  described,
  nextOperation,
  operationFailed,
  receiveDescription,
  rolledBack,
} from "./agreement.ts";
import { addLocal, batchDueTs, openRound, takeBatch } from "./local-candidates.ts";
import type {
  Negotiation,
  NegotiationEffect,
  NegotiationInput,
  NegotiationSettings,
  Signal,
} from "./negotiation-model.ts";
import type { Attachment, Candidate, Description, PeerEvent } from "./peer-connection.ts";
import { expectConnection, failureOf, onConnectionState, type RecoveryTiming, restarted } from "./ice-recovery.ts";
import { addRemote, onDescription } from "./remote-candidates.ts";
import { sectionsOf, ufragsOf } from "./sdp.ts";
import { isSameMetadata, metadataOf } from "./stream-metadata.ts";
import { sameJson } from "../rx/stable.ts";

type Draft = Step<Negotiation, NegotiationEffect>;

export function negotiate(state: Negotiation, input: NegotiationInput, now: number): Draft {
  if (state.failure) return { state, effects: [] };
  const absorbed = onInput(state, input, now);
  if (absorbed.state.failure) return absorbed;
  return [superviseConnection, sayMetadata, operate, sayCandidates].reduce(
    (draft, next) => andThen(draft, (present) => next(present, now)),
    absorbed,
  );
}

/** When the state next changes by the clock alone. */
export function negotiationDueTs({ agreement, local, recovery, settings, failure }: Negotiation): number {
  if (failure) return Infinity;
  return Math.min(
    batchDueTs(local),
    recovery.giveUpTs,
    mayRestart(agreement) ? recovery.restartTs : Infinity,
    isOfferLater(agreement) ? agreement.offeredTs + settings.timing.answerMs : Infinity,
  );
}

function onInput(state: Negotiation, input: NegotiationInput, now: number): Draft {
  const { agreement, recovery, settings } = state;
  switch (input.kind) {
    case "media":
      return onMedia(state, input.media, input.isHolding);
    case "signal":
      return onSignal(state, input.signal);
    case "peer":
      return unchanged(onPeerEvent(state, input.event, now));
    case "described":
      return onDescribed(state, input.description, now);
    case "applied":
      return onApplied(state, now);
    case "rolled-back":
      return unchanged({ ...state, agreement: rolledBack(agreement) });
    case "operation-failed": {
      const survived = operationFailed(agreement, input.signaling);
      if (!survived) return unchanged({ ...state, failure: "unknown_error" });
      const effects: NegotiationEffect[] = survived.operation?.kind === "roll-back" ? [{ kind: "roll-back" }] : [];
      return { state: { ...state, agreement: survived }, effects };
    }
    case "due":
      if (recovery.giveUpTs <= now) return unchanged({ ...state, failure: failureOf(recovery) });
      if (!isOfferLater(agreement) || now < agreement.offeredTs + settings.timing.answerMs) return unchanged(state);
      return unchanged({ ...state, failure: "signalling_timeout" });
  }
}

function onMedia(state: Negotiation, media: OutgoingMedia, isHolding: boolean): Draft {
  const attachment: Attachment = { media, isHolding, receives: state.settings.receives(media) };
  const isFirst = !state.attachment;
  // The called side attaches its media to the sections of the offer: see `operate`.
  const attachesNow = isFirst ? !state.settings.isCalled : state.isAttached;
  return {
    state: { ...state, attachment, isAttached: state.isAttached || attachesNow },
    effects: attachesNow ? [{ kind: "attach", attachment }] : [],
  };
}

function onSignal(state: Negotiation, signal: Signal): Draft {
  switch (signal.kind) {
    case "description":
      return unchanged({ ...state, agreement: receiveDescription(state.agreement, signal) });
    case "metadata":
      return unchanged({ ...state, metadata: signal.metadata });
    case "candidates":
      return addCandidates(state, signal.candidates);
  }
}

function addCandidates(state: Negotiation, candidates: readonly Candidate[]): Draft {
  const { operation, inbox } = state.agreement;
  const isChanging = operation?.kind === "apply" || inbox.length > 0;
  const { candidates: remote, ready } = addRemote(state.remote, candidates, isChanging);
  return {
    state: { ...state, remote },
    effects: ready.map((candidate) => ({ kind: "add-candidate", candidate })),
  };
}

function onPeerEvent(state: Negotiation, event: PeerEvent, now: number): Negotiation {
  const { agreement, local, recovery, settings } = state;
  switch (event.kind) {
    case "negotiation-needed":
      return { ...state, agreement: { ...agreement, isNeeded: true } };
    case "candidate":
      return { ...state, local: addLocal(local, event.candidate) };
    case "connection":
      return { ...state, recovery: onConnectionState(recovery, event.state, recoveryTiming(settings), now) };
  }
}

function onDescribed(state: Negotiation, description: Description, now: number): Draft {
  const { settings, attachment, localUfrags } = state;
  const ufrags = ufragsOf(description.sdp);
  const isNewRound = ufrags.some((ufrag) => !localUfrags.includes(ufrag));
  const metadata = metadataOf(attachment?.media ?? {}, settings.streamIdOf);
  return {
    state: {
      ...state,
      agreement: described(state.agreement, description, now),
      localUfrags: ufrags,
      local: openRound(state.local, isNewRound, settings.timing, now),
      sentMetadata: metadata,
    },
    effects: [{ kind: "say", signal: { kind: "description", description, metadata, negotiates: true } }],
  };
}

function onApplied(state: Negotiation, now: number): Draft {
  const { operation } = state.agreement;
  if (operation?.kind !== "apply") return unchanged(state);
  const { description, metadata = state.metadata } = operation.remote;
  const sections = sectionsOf(description.sdp);
  const ufrags = ufragsOf(description.sdp);
  // The other side has restarted ICE: we need not.
  const isRestart = state.recovery.restartTs < Infinity && !sameJson(ufrags, state.remote.ufrags ?? []);
  // An answer to an offer that holds says nothing about its own wish.
  const showsWish = description.type === "offer" || !state.attachment?.isHolding;
  const next: Negotiation = {
    ...state,
    agreement: applied(state.agreement, operation.remote),
    remote: onDescription(state.remote, ufrags),
    recovery: isRestart ? restarted(state.recovery, state.settings.timing, now) : state.recovery,
    sections,
    metadata,
    isHeld: showsWish ? sections.length > 0 && sections.every(({ receives }) => !receives) : state.isHeld,
  };
  return addCandidates(next, []);
}

/** Watches over the connection: expects it once both sides have spoken, and restarts ICE when it is interrupted. */
function superviseConnection(state: Negotiation, now: number): Draft {
  const { agreement, settings } = state;
  const recovery = agreement.isEstablished ? expectConnection(state.recovery, settings.timing, now) : state.recovery;
  if (recovery.restartTs > now || !mayRestart(agreement)) return unchanged({ ...state, recovery });
  return {
    state: {
      ...state,
      recovery: restarted(recovery, settings.timing, now),
      agreement: { ...agreement, isNeeded: true },
    },
    effects: [{ kind: "restart-ice" }],
  };
}

/** Says what is muted, once there is a call and unless an offer is about to say it. */
function sayMetadata(state: Negotiation): Draft {
  const { attachment, sentMetadata, agreement, settings } = state;
  if (!attachment || !sentMetadata || !canRenegotiate(agreement)) return unchanged(state);
  const metadata = metadataOf(attachment.media, settings.streamIdOf);
  const hasNewStream = [...metadata.keys()].some((id) => !sentMetadata.has(id));
  if (hasNewStream || isSameMetadata(metadata, sentMetadata)) return unchanged(state);
  return {
    state: { ...state, sentMetadata: metadata },
    effects: [{ kind: "say", signal: { kind: "metadata", metadata } }],
  };
}

/** Begins the next operation on the peer connection. */
function operate(state: Negotiation): Draft {
  const { attachment } = state;
  if (state.agreement.operation) return unchanged(state);
  const agreement = nextOperation(state.agreement);
  const { operation } = agreement;
  if (!operation) return unchanged({ ...state, agreement });
  if (operation.kind === "apply")
    return { state: { ...state, agreement }, effects: [{ kind: "apply", description: operation.remote.description }] };
  // Nothing is said before we know what we send.
  if (!attachment) return unchanged(state);
  // Sections that an offer has just brought know nothing of a hold.
  const attach: readonly NegotiationEffect[] =
    state.isAttached && !attachment.isHolding ? [] : [{ kind: "attach", attachment }];
  return { state: { ...state, agreement, isAttached: true }, effects: [...attach, { kind: operation.kind }] };
}

function sayCandidates(state: Negotiation, now: number): Draft {
  const { answeredMs, unansweredMs } = state.settings.timing;
  const pauseMs = state.agreement.isEstablished ? answeredMs : unansweredMs;
  const { candidates: local, batch } = takeBatch(state.local, now, pauseMs);
  if (batch.length === 0) return unchanged(state);
  return { state: { ...state, local }, effects: [{ kind: "say", signal: { kind: "candidates", candidates: batch } }] };
}

/** The side that was called restarts later, so that the two do not meet. */
function recoveryTiming({ timing, isCalled }: NegotiationSettings): RecoveryTiming {
  const { restartAfterMs } = timing;
  return isCalled
    ? { ...timing, restartAfterMs: 2 * restartAfterMs, restartFailedMs: timing.restartFailedMs + restartAfterMs }
    : timing;
}

const mayRestart = (agreement: Agreement): boolean =>
  canRenegotiate(agreement) && agreement.signaling === "stable" && !agreement.operation;

/** Whether an offer of ours waits for its answer that is not the first of all. */
const isOfferLater = (agreement: Agreement): agreement is Agreement & { readonly offeredTs: number } =>
  agreement.isEstablished && agreement.offeredTs !== undefined && !agreement.operation;
