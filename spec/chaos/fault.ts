// Fault: something that goes wrong with real parts, and what must hold meanwhile and afterwards.
import type { Stack } from "../../examples/stack/stack.ts";
import type { NodeMember } from "../node-member/node-member.ts";
import type { Network } from "./network.ts";

/** Addresses of the servers in the run's own network. */
export const addresses = {
  homeserver: "10.77.0.1",
  sfu: "10.77.0.2",
  otherHomeserver: "10.77.0.3",
  otherSfu: "10.77.0.4",
} as const;

/** What a fault works with. Alice and Bob look on; the fault is Carl's, or that of a server. Dora is on the other homeserver. */
export interface Scene {
  readonly stack: Stack;
  readonly network: Network;
  readonly mode: string;
  readonly alice: NodeMember;
  readonly bob: NodeMember;
  readonly carl: NodeMember;
  readonly dora: NodeMember;
  /** The namespace of Carl. */
  readonly carlsNetwork: string;
  /** Replaces Carl by a new member: his process was killed. */
  replaceCarl(): Promise<void>;
  /** Measures the gaps now, not at the end: the homeserver then removes members, so their media ends. */
  measureGap(): void;
}

/** A pair of members: what one hears of the other. */
export type Pair = readonly [hearer: NodeMember, speaker: NodeMember];

export interface Fault {
  readonly name: string;
  /** Carl lets the authorisation service restart his delayed leave. */
  readonly isDelegated?: boolean;
  /**
   * `stays`: nobody may see a member leave. `returns`: Carl is seen to leave, and is back. `either`: the delay decides,
   * and all that counts is that everybody is back.
   */
  readonly membership: "stays" | "returns" | "either";
  /** The pairs whose media path is not touched. */
  readonly untouched: (scene: Scene) => readonly Pair[];
  /** Does it and undoes it. Resolves with figures of its own. */
  readonly run: (scene: Scene) => Promise<string>;
  /** How long it may take afterwards until all see and hear all. Default 30 s. */
  readonly convergeMs?: number;
}

export const pairsOf = (...members: readonly NodeMember[]): readonly Pair[] =>
  members.flatMap((hearer) => members.filter((one) => one !== hearer).map((speaker): Pair => [hearer, speaker]));
