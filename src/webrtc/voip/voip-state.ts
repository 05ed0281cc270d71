// VoipState: the state of a 1:1 call, for a UI. CS spec "Voice over IP".
import type { AssertedIdentity } from "../call-message.ts";

/** A device in a call: a party, as the specification says. Version 0 has no party ids. */
export interface VoipParty {
  readonly userId: string;
  readonly partyId: string | undefined;
}

/** Why a call ended. */
export type VoipEnd =
  /** One of the two hung up a call that had begun. */
  | "hung-up"
  /** The called side said no. */
  | "rejected"
  /** The calling side gave up before anybody answered. */
  | "cancelled"
  /** Nobody answered in time. */
  | "no-answer"
  /** The called side is in another call. */
  | "busy"
  /** Another device of this user answered. */
  | "answered-elsewhere"
  /** Another device of this user said no. */
  | "rejected-elsewhere"
  /** The camera or microphone could not be opened. */
  | "no-media"
  /** No connection could be made, or it broke and did not come back. */
  | "connection-failed"
  /** A message of ours could not be sent. */
  | "signalling-failed"
  /** The other side, or we, left the room. */
  | "left-room"
  /** What the other side said could not be understood, or it says that something went wrong. */
  | "error";

interface VoipBase {
  /** The other side: who calls, or who has answered. Undefined until somebody answers a call of ours. */
  readonly opponent: VoipParty | undefined;
  /** The person at the other end, as a gateway names them. Show it, and never trust it. */
  readonly identity: AssertedIdentity | undefined;
}

/** The state of a call. */
export type VoipState = VoipBase &
  (
    | {
        readonly status: /** Ours: the camera, the microphone and the offer are being prepared. Nobody knows of the call yet. */
        | "preparing"
          /** Theirs: accepted, and the answer is being prepared. */
          | "answering"
          /** Both have said yes. */
          | "connecting";
      }
    /** Ours: it rings at the other side until then. `ringing`: theirs, it rings here until then. */
    | { readonly status: "calling" | "ringing"; readonly untilTs: number }
    | {
        /** `reconnecting`: the connection is interrupted, and is being repaired. */
        readonly status: "connected" | "reconnecting";
        /** When it was first connected. */
        readonly sinceTs: number;
        /** We hold: neither side hears or sees the other one. */
        readonly isHolding: boolean;
        /** The other side holds. */
        readonly isHeld: boolean;
        /** Whether the other side understands `hold`, screen shares and other changes. Clients of version 0 do not. */
        readonly canRenegotiate: boolean;
      }
    | {
        readonly status: "ended";
        readonly reason: VoipEnd;
        readonly by: "us" | "them";
      }
  );
