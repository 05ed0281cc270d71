// Agreement: which description is set next, by perfect negotiation, one operation at a time. Pure. W3C WebRTC 10.7.
import type { Description, SignalingState } from "./peer-connection.ts";
import type { StreamMetadata } from "./stream-metadata.ts";

/** A description of the other side, with what came beside it. */
export interface RemoteDescription {
  readonly description: Description;
  readonly metadata: StreamMetadata | undefined;
  /** Whether the other side understands later offers. The first description decides. */
  readonly negotiates: boolean;
}

export type Operation =
  | { readonly kind: "describe" }
  | { readonly kind: "apply"; readonly remote: RemoteDescription }
  | { readonly kind: "roll-back" };

export interface Agreement {
  /** The polite side takes its own offer back when two offers cross. It is the one that was called. */
  readonly isPolite: boolean;
  /** Under way. The next one waits for its end. */
  readonly operation: Operation | undefined;
  readonly signaling: SignalingState;
  /** There is something to offer. */
  readonly isNeeded: boolean;
  /** Descriptions that came and are not set yet. */
  readonly inbox: readonly RemoteDescription[];
  /** Both sides have described themselves once. */
  readonly isEstablished: boolean;
  readonly negotiates: boolean;
  /** When our offer was sent that is still unanswered. */
  readonly offeredTs: number | undefined;
}

/** More descriptions than this at once are a flood: the newest of them are dropped. */
const mostInbox = 16;

export const beginAgreement = (isPolite: boolean): Agreement => ({
  isPolite,
  operation: undefined,
  signaling: "stable",
  isNeeded: !isPolite,
  inbox: [],
  isEstablished: false,
  negotiates: false,
  offeredTs: undefined,
});

export const receiveDescription = (agreement: Agreement, remote: RemoteDescription): Agreement => ({
  ...agreement,
  inbox: agreement.inbox.length < mostInbox ? [...agreement.inbox, remote] : agreement.inbox,
});

/** Whether both sides may offer something new. */
export const canRenegotiate = ({ isEstablished, negotiates }: Agreement): boolean => isEstablished && negotiates;

/** Begins the next operation, if there is one to begin. Descriptions that are out of place are dropped. */
export function nextOperation(agreement: Agreement): Agreement {
  if (agreement.operation) return agreement;
  const [remote, ...inbox] = agreement.inbox;
  if (remote) {
    if (isInPlace(agreement, remote)) return { ...agreement, inbox, operation: { kind: "apply", remote } };
    return nextOperation({ ...agreement, inbox });
  }
  const { signaling, isNeeded, isPolite, isEstablished } = agreement;
  if (signaling === "have-remote-offer") return { ...agreement, operation: { kind: "describe" } };
  const mayOffer = isEstablished ? agreement.negotiates : !isPolite;
  if (signaling !== "stable" || !isNeeded || !mayOffer) return agreement;
  return { ...agreement, isNeeded: false, operation: { kind: "describe" } };
}

/** An answer needs an offer of ours. An offer that crosses ours is dropped by the side that is not polite. */
function isInPlace(agreement: Agreement, { description }: RemoteDescription): boolean {
  const { signaling, isPolite, isEstablished, negotiates } = agreement;
  if (description.type === "answer") return signaling === "have-local-offer";
  if (isEstablished && !negotiates) return false;
  return signaling === "stable" ? isEstablished || isPolite : signaling === "have-local-offer" && isPolite;
}

/** Our description is set. */
export function described(agreement: Agreement, { type }: Description, now: number): Agreement {
  const done = { ...agreement, operation: undefined };
  if (type === "offer") return { ...done, signaling: "have-local-offer", offeredTs: now };
  return { ...done, signaling: "stable", isEstablished: true };
}

/** The description of the other side is set. If it took our offer back, the platform will ask to negotiate again. */
export function applied(agreement: Agreement, { description, negotiates }: RemoteDescription): Agreement {
  const done = {
    ...agreement,
    operation: undefined,
    offeredTs: undefined,
    negotiates: agreement.isEstablished ? agreement.negotiates : negotiates,
  };
  if (description.type === "offer") return { ...done, signaling: "have-remote-offer" };
  return { ...done, signaling: "stable", isEstablished: true };
}

/** Our offer has been taken back. */
export const rolledBack = (agreement: Agreement): Agreement => ({
  ...agreement,
  operation: undefined,
  signaling: "stable",
  offeredTs: undefined,
});

/**
 * An operation failed. A later description that cannot be set is dropped, so that media goes on as it was; before the
 * first agreement there is nothing to fall back to, and the result is undefined.
 */
export function operationFailed(agreement: Agreement, signaling: SignalingState): Agreement | undefined {
  const { operation, isEstablished } = agreement;
  if (operation?.kind !== "apply" || !isEstablished) return undefined;
  const { type } = operation.remote.description;
  const done = { ...agreement, operation: undefined, signaling };
  if (type === "answer") return { ...done, operation: { kind: "roll-back" } };
  if (signaling === "have-remote-offer") return undefined;
  // What we had offered may have been taken back already.
  return { ...done, isNeeded: agreement.signaling === "have-local-offer" && signaling === "stable" };
}
