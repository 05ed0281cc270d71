// Sections: what we read of a session description. RFC 8866, RFC 8829, RFC 8839.
import type { MediaKind } from "../media/source.ts";

/** One `m=` section. */
export interface Section {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly sends: boolean;
  readonly receives: boolean;
  /** The stream in which it travels; undefined for a track without one. */
  readonly streamId: string | undefined;
}

/** A longer session description is not read: no browser makes one. */
export const longestSdp: number = 256 * 1024;

const directions: Readonly<Record<string, readonly [sends: boolean, receives: boolean]>> = {
  "a=sendrecv": [true, true],
  "a=sendonly": [true, false],
  "a=recvonly": [false, true],
  "a=inactive": [false, false],
};

/** The audio and video sections in use, in their order. Sections that were rejected (port 0) are left out. */
export function sectionsOf(sdp: string): readonly Section[] {
  const [session = "", ...parts] = sdp.split(/^m=/m);
  const fallback = directionIn(linesOf(session)) ?? [true, true];
  return parts.flatMap((part) => {
    const [first = "", ...lines] = linesOf(part);
    const [kind, port] = first.split(" ");
    if ((kind !== "audio" && kind !== "video") || port === "0") return [];
    const [sends, receives] = directionIn(lines) ?? fallback;
    const mid = valueOf(lines, "a=mid:") ?? "";
    const [streamId] = valueOf(lines, "a=msid:")?.split(" ") ?? [];
    return [{ mid, kind, sends, receives, streamId: streamId === "-" ? undefined : streamId }];
  });
}

/** The ICE user name fragments: usually one, which changes with every ICE restart. */
export const ufragsOf = (sdp: string): readonly string[] => [
  ...new Set(Array.from(sdp.matchAll(/^a=ice-ufrag:(\S+)/gm), ([, ufrag = ""]) => ufrag)),
];

const linesOf = (text: string): readonly string[] => text.split(/\r?\n/);

const directionIn = (lines: readonly string[]) =>
  lines.map((line) => (Object.hasOwn(directions, line) ? directions[line] : undefined)).find(Boolean);

const valueOf = (lines: readonly string[], prefix: string): string | undefined =>
  lines
    .find((line) => line.startsWith(prefix))
    ?.slice(prefix.length)
    .trim();
