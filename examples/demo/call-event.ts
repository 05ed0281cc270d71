// CallEvent: something that happened to one member of the call, as the demo shows it.
import type { Trace } from "matrixrtc-rx";

/** Why a key was made. */
export type Reason = Extract<Trace, { readonly kind: "key-created" }>["reason"];

export type CallEvent = { readonly ts: number; readonly member: string } & (
  | { readonly kind: "joined" }
  | { readonly kind: "hung-up" }
  /** Its page was stopped: it could not leave. */
  | { readonly kind: "killed" }
  /** The others do not see it any more. */
  | { readonly kind: "gone" }
  | { readonly kind: "key-made"; readonly keyIndex: number; readonly reason: Reason }
  /** `to` has received a key of `member`. `secret` identifies the key and is never shown. */
  | { readonly kind: "key-held"; readonly keyIndex: number; readonly to: string; readonly secret: string }
  /** It encrypts with this key from now on. */
  | { readonly kind: "key-used"; readonly keyIndex: number; readonly secret: string }
);
