// SfuStatus: one connection to one SFU as an app sees it.
import type { Membership } from "../types.ts";
import type { SfuFailure } from "./sfu-failure.ts";

/** A connection to an SFU, and how it is. A connection that did not change is the same object as before. */
export interface SfuConnection {
  /** The SFU: the address of its authorisation service, or its own. Two connections can lead to one SFU for a moment. */
  readonly sfu: string;
  /** `publish`: our media goes there as well. */
  readonly purpose: "publish" | "subscribe";
  /**
   * `waiting`: for a token. `connecting`: for the SFU. `reconnecting`: it was lost, and LiveKit repairs it. `failed`: for
   * the next try, at `nextTryTs` or as soon as the network is back.
   */
  readonly status: "waiting" | "connecting" | "connected" | "reconnecting" | "failed";
  readonly sinceTs: number;
  /** Why the last try failed; until one succeeds. */
  readonly failure?: SfuFailure;
  readonly nextTryTs?: number;
  /** The other members that publish there, oldest first. */
  readonly members: readonly Membership[];
}
