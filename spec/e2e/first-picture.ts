// FirstPicture: how long the first picture of a member took that was in the call when a page joined it. Pages say what happened in
// their console, since they may be closed before they are asked.

export type PictureNote =
  /** We began to encrypt with another key. */
  | { readonly kind: "own-key"; readonly identity: string; readonly ts: number }
  /**
   * The first frame of a member is decoded. `readyTs`: since then we are connected, see its video on the SFU and have its
   * first key.
   */
  | { readonly kind: "first-picture"; readonly identity: string; readonly readyTs: number; readonly ts: number };

const mark = "picture note: ";

export const lineOf = (note: PictureNote): string => mark + JSON.stringify(note);

export const noteIn = (line: string): PictureNote | undefined =>
  line.startsWith(mark) ? (JSON.parse(line.slice(mark.length)) as PictureNote) : undefined;

/**
 * How long each first picture took from when we were ready for it and its sender used its key. A sender uses a new key a second
 * after it has sent it.
 */
export function waitsForPictures(notes: readonly PictureNote[]): readonly number[] {
  return notes.flatMap((picture) => {
    if (picture.kind !== "first-picture") return [];
    const inUseTs = notes
      .filter((one) => one.kind === "own-key" && one.identity === picture.identity && one.ts <= picture.ts)
      .map(({ ts }) => ts);
    return [picture.ts - Math.max(picture.readyTs, ...inUseTs)];
  });
}
