// VirtualSdp: session descriptions as virtual peer connections write and read them. RFC 8829, as far as calls can notice.
import type { MediaKind } from "../../media/source.ts";
import type { Direction } from "../../webrtc/transceivers.ts";

export interface VirtualSection {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly direction: Direction;
  readonly streamId: string | undefined;
}

export interface VirtualSdp {
  /** Which session, and which version of its description. */
  readonly origin: string;
  readonly ufrag: string;
  readonly sections: readonly VirtualSection[];
}

export function writeSdp({ origin, ufrag, sections }: VirtualSdp): string {
  const bundle = sections.map(({ mid }) => ` ${mid}`).join("");
  return [
    "v=0",
    `o=- ${origin} IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE${bundle}`,
    ...sections.flatMap(({ mid, kind, direction, streamId }) => [
      `m=${kind} 9 UDP/TLS/RTP/SAVPF 96`,
      `a=ice-ufrag:${ufrag}`,
      `a=mid:${mid}`,
      `a=${direction}`,
      ...(sends(direction) ? [`a=msid:${streamId ?? "-"} track-${mid}`] : []),
    ]),
    "",
  ].join("\r\n");
}

/** @throws Error for a text that `writeSdp` does not write. */
export function readSdp(sdp: string): VirtualSdp {
  const [head = "", ...parts] = sdp.split(/^m=/m);
  const origin = /^o=- (\S+ \S+)/m.exec(head)?.[1];
  if (origin === undefined) throw new Error("a session description has no origin");
  const field = (part: string, pattern: RegExp): string => {
    const value = pattern.exec(part)?.[1];
    if (value === undefined) throw new Error(`a section lacks ${pattern.source}`);
    return value;
  };
  return {
    origin,
    ufrag: /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "",
    sections: parts.map((part) => {
      const streamId = /^a=msid:(\S+)/m.exec(part)?.[1];
      return {
        mid: field(part, /^a=mid:(\S+)/m),
        kind: field(part, /^(audio|video)/) as MediaKind,
        direction: field(part, /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m) as Direction,
        streamId: streamId === "-" ? undefined : streamId,
      };
    }),
  };
}

export const sends = (direction: Direction): boolean => direction === "sendrecv" || direction === "sendonly";

export const receives = (direction: Direction): boolean => direction === "sendrecv" || direction === "recvonly";

/** What an answerer that wants a direction can answer to an offered one. */
export function answerTo(offered: Direction, wanted: Direction): Direction {
  return directionFrom(sends(wanted) && receives(offered), receives(wanted) && sends(offered));
}

function directionFrom(isSending: boolean, isReceiving: boolean): Direction {
  if (isSending) return isReceiving ? "sendrecv" : "sendonly";
  return isReceiving ? "recvonly" : "inactive";
}
