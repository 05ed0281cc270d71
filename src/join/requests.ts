// Requests: what we ask of the homeserver, and how a retry is recognised as one. protocol.md 4.6.
import type { MatrixError } from "../matrix.ts";
import type { MembershipData } from "./content.ts";
import type { LeaveReason } from "./options.ts";

/**
 * Why the membership was written. `late-room-member`: somebody entered the room who could not read it. `keys-unanswered`:
 * others have to see us join again before they send their media keys again.
 */
export type WriteReason = "join" | "rejoin" | "refresh" | "update" | "late-room-member" | "keys-unanswered";

/** A request to the homeserver. `joinCount` says which of our joins it is about: each re-join counts up. */
export type Request =
  | { readonly kind: "capability" }
  | { readonly kind: "open-slot" }
  | {
      readonly kind: "schedule";
      readonly joinCount: number;
      readonly txn: number;
      readonly delayMs: number;
      /** Whether it will be delegated (6.4). We keep the others alive ourselves. */
      readonly delegated: boolean;
    }
  | { readonly kind: "restart" | "send"; readonly delayId: string; readonly keepalive?: true }
  | {
      readonly kind: "cancel";
      readonly delayId: string;
      /** We have left with a reason. In an encrypted room, users who cannot read that need the delayed leave, in the clear. */
      readonly afterReason?: true;
    }
  | { readonly kind: "delegate"; readonly joinCount: number; readonly delayId: string; readonly delayMs: number }
  | {
      readonly kind: "write";
      readonly joinCount: number;
      readonly txn: number;
      readonly reason: WriteReason;
      readonly content: MembershipData;
      /** When we joined by the server's clock; absent in the write that joins. */
      readonly createdTs: number | undefined;
      /** What `createdTs` was before it was moved. */
      readonly firstCreatedTs: number | undefined;
      /** How long the membership lasts from now. */
      readonly lifetimeMs: number;
      /** How long it has lasted already. */
      readonly ageMs: number;
    }
  | {
      readonly kind: "leave";
      /** The instance that leaves, by its `joinCount`, or the member id of a stray. */
      readonly of: number | string;
      readonly txn: number;
      readonly reason: LeaveReason | undefined;
    };

export type RequestKind = Request["kind"];

/** A request that carries an event. */
export type ContentRequest = Extract<Request, { readonly txn: number }>;

/**
 * Requests of one lane go one at a time: the delayed leave, the slot, our membership, the delegation of a delayed leave, and
 * cancels of delayed leaves that we no longer want.
 */
export type Lane = "delayed-leave" | "slot" | "membership" | "delegation" | "cleanup";

/** A request that was sent and is not answered. */
export interface InFlight {
  readonly id: number;
  readonly lane: Lane;
  readonly request: Request;
  readonly sentTs: number;
  /** When we stop waiting for it. It stays under way, and a late answer counts. */
  readonly timeoutTs: number;
}

export type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: MatrixError };

/** Requests with the same key carry the same event: they share a transaction id, so that the server takes it once. */
export function idempotencyKey(request: IdempotencyParts): string {
  if (request.kind === "leave") return `leave ${request.of}`;
  return `${request.kind} ${request.joinCount}${request.kind === "schedule" && request.delegated ? " delegated" : ""}`;
}

type IdempotencyParts =
  | { readonly kind: "leave"; readonly of: number | string }
  | { readonly kind: "write"; readonly joinCount: number }
  | { readonly kind: "schedule"; readonly joinCount: number; readonly delegated: boolean };
