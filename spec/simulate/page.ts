// Page: one run of an app on a device, from its start until it is closed or dies.
import type { KeyMessage } from "../../src/keys/wire.ts";
import type { Device } from "../../src/matrix.ts";
import type { Life } from "./clock.ts";
import type { MediaPage } from "./media.ts";
import type { DeviceTraits } from "./scenario.ts";

/** A member as a page shows it. */
export interface SeenMember {
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly participantIdentity: string;
  readonly instance?: string;
}

export interface Page {
  readonly life: Life;
  readonly media: MediaPage;
  readonly traits: DeviceTraits;
  /** What it says about its own membership. */
  readonly status: "out" | "joining" | "joined" | "rejoining" | "leaving";
  readonly probablyLeft: boolean;
  /** Whether its join has succeeded. */
  readonly hasJoined: boolean;
  /** When its present or last join began. */
  readonly joinStartedMs: number;
  /** When its present member appeared: milliseconds of the simulation. */
  readonly joinedSinceMs: number;
  /** When it last stopped to be joined, or 0. */
  readonly joinedUntilMs: number;
  /** How its last join has ended: `completed`, or the code of an error. */
  readonly end: string | undefined;
  readonly members: readonly SeenMember[];
  /** The status of a participant in words: `ok`, `waiting no-key`. Undefined if the page has none. */
  encryptionOf(participantIdentity: string): string | undefined;
  /** Whether it says that its key has not reached a participant. */
  saysUnreached(participantIdentity: string): boolean;
  /** The difference between the members that it shows and those that a session opened now shows. */
  differenceFromFresh(): string | undefined;
  join(): void;
  leave(): void;
  close(): void;
  setIntent(intent: string): void;
  /** What holds on to the client: subscriptions and listeners. */
  readonly leftovers: number;
  /** Ends everything that watches. */
  dispose(): void;
}

/** The events of a page, for the world. */
export interface PageEvents {
  readonly log: (text: string) => void;
  readonly membersChanged: () => void;
  readonly statusChanged: () => void;
  /** The time of the simulation. */
  readonly ms: () => number;
  readonly keyUsed: (index: number, key: string) => void;
  readonly keyInstalled: (identity: string, index: number, key: string) => void;
  /** A message with a key leaves for devices. */
  readonly keyOffered: (devices: readonly Device[], message: Pick<KeyMessage, "keyIndex" | "key">) => void;
  /** A membership leaves for the server: a join or a renewal, not a leave. */
  readonly membershipWritten: () => void;
  readonly failed: (how: string, about: unknown) => void;
}
