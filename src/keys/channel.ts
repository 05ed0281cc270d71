// KeyChannel: one way for a key of ours to travel to devices. protocol.md 5.2, 5.5.
import type { Observable } from "rxjs";
import type { Device, Matrix, MatrixError, ToDeviceOutcome } from "../matrix.ts";
import type { Rejection } from "../membership/rejection.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { SessionContext } from "../session-context.ts";
import type { Note } from "./effects.ts";
import type { Delivery } from "./delivery.ts";
import type { KeyTrace } from "./trace.ts";

/** What the keys of a session need of it. */
export interface KeysContext extends Pick<SessionContext<KeyTrace>, "roomId" | "slot" | "membership$" | "trace"> {
  /** Membership events that make no member. */
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly matrix: Pick<
    Matrix,
    "changes$" | "stateEvent" | "toDevice$" | "roomKey$" | "sendToDevice" | "isCrossSigned" | "send"
  >;
}

/** A note about a delivery, or its outcome for one device. */
export type DeliveryReport = Note | ({ readonly kind: "outcome" } & ToDeviceOutcome);

/**
 * Sends a delivery when subscribed to. Reports one outcome for each device that has not left meanwhile. Never fails.
 *
 * A subscriber that leaves at the note about a send prevents that send.
 */
export type KeyChannel = (delivery: Delivery) => Observable<DeliveryReport>;

/** After this long without an answer, a device counts as not reached. */
export const deliveryTimeoutMs = 30_000;

/** The same outcome for each of some devices. */
export function outcomesFor(
  devices: readonly Device[],
  outcome: ToDeviceOutcome["outcome"],
  cause?: MatrixError,
): readonly DeliveryReport[] {
  return devices.map(({ userId, deviceId }) => ({
    kind: "outcome",
    userId,
    deviceId,
    outcome,
    ...(cause && { cause }),
  }));
}
