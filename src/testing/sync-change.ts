// SyncChange: a part of a sync response of the virtual homeserver.
import type { EphemeralEvent, ToDeviceMessage } from "../matrix.ts";
import type { ServerEvent } from "./virtual-room.ts";

export type SyncChange =
  | { readonly kind: "message"; readonly message: ToDeviceMessage }
  | {
      readonly kind: "room";
      readonly roomId: string;
      readonly events: readonly ServerEvent[];
      readonly timeline: readonly ServerEvent[];
    }
  | { readonly kind: "ephemeral"; readonly event: EphemeralEvent }
  | { readonly kind: "event"; readonly event: ServerEvent }
  | { readonly kind: "redaction"; readonly redacted: ServerEvent };
