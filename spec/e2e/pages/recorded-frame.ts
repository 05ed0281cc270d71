// RecordedFrame: an encrypted frame as it was on the wire.

export interface RecordedFrame {
  /** The LiveKit identity of the sender. */
  readonly identity: string;
  readonly ts: number;
  readonly kind: "audio" | "key" | "delta";
  readonly bytes: readonly number[];
}
