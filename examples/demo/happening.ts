// Happening: something that this demo shows: it happened to one member of the call, at one moment.
import type { Trace } from "matrixrtc-rx";

/** Why a key was made. */
export type Reason = Extract<Trace, { readonly kind: "key-created" }>["reason"];

export type Happening = { readonly ts: number; readonly who: string } & (
  | { readonly kind: "joined" }
  | { readonly kind: "hung-up" }
  /** Its page was stopped, without a word to anybody. */
  | { readonly kind: "killed" }
  /** The others see it no more. */
  | { readonly kind: "gone" }
  | { readonly kind: "key-made"; readonly keyIndex: number; readonly reason: Reason }
  /** Somebody has been given a key; `to` is another member, or `who` itself. `secret` stands for the key, and never shows. */
  | { readonly kind: "key-held"; readonly keyIndex: number; readonly to: string; readonly secret: string }
  /** From now on it encrypts with this key. */
  | { readonly kind: "key-used"; readonly keyIndex: number; readonly secret: string }
);
