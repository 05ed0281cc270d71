// Request: what the lifecycle asks of the homeserver, and how one is told from its retry. protocol.md 4.6.
import type { MatrixError } from "../matrix.ts";
import type { LeaveReason } from "./options.ts";
import type { WriteReason } from "./trace.ts";

/** A request to the homeserver. `instance` says which of our memberships it is about: each re-join begins a new one. */
export type Request =
  | { readonly kind: "capability" }
  | { readonly kind: "open-slot" }
  | {
      readonly kind: "schedule";
      readonly instance: number;
      readonly txn: number;
      readonly delayMs: number;
      /** Whether it is to be handed over (6.4) rather than kept alive by us. */
      readonly delegated: boolean;
    }
  | { readonly kind: "restart" | "send" | "cancel"; readonly delayId: string; readonly keepalive?: true }
  | { readonly kind: "delegate"; readonly instance: number; readonly delayId: string; readonly delayMs: number }
  | {
      readonly kind: "write";
      readonly instance: number;
      readonly txn: number;
      readonly reason: WriteReason;
      /** When we joined by the server's clock; absent in the write that joins. */
      readonly createdTs: number | undefined;
      /** How long the membership lasts from now. */
      readonly lifetimeMs: number;
      /** How long it has lasted already. */
      readonly ageMs: number;
    }
  | {
      readonly kind: "leave";
      readonly instance: number;
      readonly txn: number;
      readonly reason: LeaveReason | undefined;
    };

export type RequestKind = Request["kind"];

/** A request that carries an event. */
export type ContentRequest = Extract<Request, { readonly txn: number }>;

/** Requests of one lane go one at a time: the delayed leave, our membership, and the handing over of the delayed leave. */
export type Lane = "guard" | "event" | "handover";

export interface Flight {
  readonly id: number;
  readonly lane: Lane;
  readonly request: Request;
  readonly sinceTs: number;
  /** When we stop waiting for it. It stays under way, and a late answer counts. */
  readonly overdueTs: number;
}

export type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: MatrixError };

/** What a request carries, in a word: two requests with the same content are one to the server. */
export function contentOf(
  request: Pick<ContentRequest, "kind" | "instance"> & { readonly delegated?: boolean },
): string {
  return [request.kind, request.instance, ...(request.delegated ? ["delegated"] : [])].join(" ");
}
