// Key index: which of a sender's keys comes after which. protocol.md 5.1.

/** Whether a key ends the lack of another: it is that one, or a later one, of which there are 256 in a round. */
export function makesUpFor(keyIndex: number, lackingIndex: number): boolean {
  return (keyIndex - lackingIndex + 256) % 256 < 128;
}
