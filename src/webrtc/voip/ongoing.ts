// Ongoing: one 1:1 call as it is kept, from its first sign to its end. Pure.
import type { AssertedIdentity, CallBody, CallMessage } from "../call-message.ts";
import type { LinkState } from "../link.ts";
import type { Candidate } from "../peer-connection.ts";
import type { VoipEnd, VoipParty } from "./voip-state.ts";

/** A message of a call as it came in a room. */
export interface CallArrival {
  readonly roomId: string;
  readonly eventId: string;
  readonly userId: string;
  readonly message: CallMessage;
  /** How old it was when it came. */
  readonly ageMs: number;
}

export type Invite = Extract<CallMessage, { kind: "invite" }>;

/** An invite that waits for its answer. */
export interface PendingInvite {
  readonly invite: Invite;
  readonly caller: VoipParty;
  /** When it expires. */
  readonly untilTs: number;
  /** The caller's candidates so far. */
  readonly candidates: readonly Candidate[];
}

export interface Ongoing {
  /** Names the call on this device: the same also if another call on the wire takes its place. */
  readonly id: string;
  readonly roomId: string;
  readonly direction: "incoming" | "outgoing";
  /** The call on the wire. */
  readonly callId: string;
  /** Whether we are the called side on the wire. */
  readonly isCalled: boolean;
  /** Our own party. */
  readonly partyId: string;
  /** The user who may answer a call of ours; undefined for everybody in the room. */
  readonly invitee: string | undefined;
  readonly phase: "preparing" | "calling" | "ringing" | "answering" | "agreed" | "ended";
  /** When `calling` or `ringing` ends. */
  readonly untilTs: number;
  readonly hasDescribed: boolean;
  /** The invite of a call of theirs. */
  readonly pending: PendingInvite | undefined;
  /** The candidates of each party that may answer a call of ours, until one party is chosen. */
  readonly offered: ReadonlyMap<string, readonly Candidate[]>;
  readonly opponent: VoipParty | undefined;
  readonly version: 0 | 1;
  /** A call of theirs that crossed ours and has to give way. If nobody answers ours in time, we accept it after all. */
  readonly rival: PendingInvite | undefined;
  readonly rivalTs: number;
  /** The other side hung up our call because of one of its own, whose invite must come until then. `Infinity`: it did not. */
  readonly awaitedTs: number;
  readonly link: LinkState | undefined;
  readonly connectedTs: number | undefined;
  readonly identity: AssertedIdentity | undefined;
  readonly end: { readonly reason: VoipEnd; readonly by: "us" | "them" } | undefined;
}

/** A call of ours that nobody knows of yet. */
export const outgoingCall = (call: Pick<Ongoing, "id" | "roomId" | "callId" | "partyId" | "invitee">): Ongoing => ({
  ...blank,
  ...call,
  direction: "outgoing",
  isCalled: false,
  phase: "preparing",
});

/** A call of theirs that rings. */
export const incomingCall = (call: Pick<Ongoing, "id" | "roomId" | "partyId">, pending: PendingInvite): Ongoing => ({
  ...blank,
  ...call,
  callId: pending.invite.callId,
  direction: "incoming",
  isCalled: true,
  phase: "ringing",
  untilTs: pending.untilTs,
  pending,
  opponent: pending.caller,
  version: pending.invite.version,
});

const blank = {
  invitee: undefined,
  untilTs: Infinity,
  hasDescribed: false,
  pending: undefined,
  offered: new Map(),
  opponent: undefined,
  version: 1,
  rival: undefined,
  rivalTs: Infinity,
  awaitedTs: Infinity,
  link: undefined,
  connectedTs: undefined,
  identity: undefined,
  end: undefined,
} as const;

/** A party as the key of a map. A user id contains no space. */
export const partyKey = ({ userId, partyId }: VoipParty): string => `${userId} ${partyId ?? ""}`;

export const isSameParty = (a: VoipParty, b: VoipParty): boolean => a.userId === b.userId && a.partyId === b.partyId;

export const partyOf = ({ userId, message }: CallArrival): VoipParty => ({ userId, partyId: message.partyId });

/** What the runner does for a call. */
export type VoipEffect =
  | { readonly kind: "open"; readonly id: string; readonly callId: string; readonly isCalled: boolean }
  | { readonly kind: "close"; readonly id: string; readonly callId: string }
  | {
      readonly kind: "hear";
      readonly id: string;
      readonly callId: string;
      readonly message: CallMessage | { readonly kind: "candidates"; readonly candidates: readonly Candidate[] };
    }
  | {
      readonly kind: "send";
      readonly id: string;
      readonly roomId: string;
      readonly callId: string;
      readonly partyId: string;
      readonly body: CallBody;
      /** Nothing follows it: whatever of the call waits to be sent is not sent any more. */
      readonly isLast: boolean;
    };
