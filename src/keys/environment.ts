// Environment: what the exchange of keys needs beside its inputs: random keys, and who is in the room. protocol.md 5.
export interface Environment {
  /** Makes a random key. */
  readonly newKey: () => Uint8Array<ArrayBuffer>;
  /** Whether a user is in the room now. */
  readonly isInRoom: (userId: string) => boolean;
  /** Whether a user was kicked or banned from the room. */
  readonly isRemoved: (userId: string) => boolean;
  /** The time at which the exchange begins. */
  readonly now: number;
}
