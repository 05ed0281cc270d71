// Delivery: one message with a key of ours for some devices. protocol.md 5.2.
import type { Device } from "../matrix.ts";
import type { OwnKey } from "./own-key.ts";

export interface Delivery {
  /** It may be ratcheted before the message is made. The message carries its step of that moment. */
  readonly key: OwnKey;
  readonly devices: readonly Device[];
  /** 1 for the first try. */
  readonly attempt: number;
  /** The message also requests the keys of these devices. */
  readonly wantsKey?: boolean;
}
