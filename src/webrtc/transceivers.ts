// Transceivers: which one carries which of our sources, and in which direction. Pure. W3C WebRTC 5.4; RFC 8829 section 4.1.
import { kindOf, type MediaKind, type MediaSource, mediaSources, purposeOf } from "../media/source.ts";
import type { Attachment } from "./peer-connection.ts";

export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** What the plan needs to know of a transceiver. */
export interface TransceiverView {
  readonly kind: MediaKind;
  /** The source of ours that it carries, if any. */
  readonly source: MediaSource | undefined;
  /** The other side has made it: it may send on it. */
  readonly isTheirs: boolean;
}

/** What a transceiver is to do. */
export interface TransceiverPlan {
  /** The place of the transceiver in the list; undefined: a new one. */
  readonly at: number | undefined;
  readonly kind: MediaKind;
  readonly source: MediaSource | undefined;
  readonly track: MediaStreamTrack | undefined;
  readonly direction: Direction;
}

/**
 * One transceiver for each source, used again for as long as the connection lives: every further video section makes a
 * session description longer than an encrypted message may be. A muted source keeps its direction and loses its track, so
 * that muting says nothing to the peer connection.
 */
export function planTransceivers(
  transceivers: readonly TransceiverView[],
  { media, isHolding, receives }: Attachment,
): readonly TransceiverPlan[] {
  const isTaken = new Set<number>();
  const placeOf = (fits: (view: TransceiverView) => boolean): number | undefined => {
    const at = transceivers.findIndex((view, index) => !isTaken.has(index) && fits(view));
    if (at < 0) return undefined;
    isTaken.add(at);
    return at;
  };
  // Every transceiver may receive: the other side uses those of ours again, as we use theirs.
  const directionOf = (sends: boolean): Direction => (isHolding ? "inactive" : sends ? "sendrecv" : "recvonly");

  const claimed = new Map(mediaSources.map((source) => [source, placeOf((view) => view.source === source)]));
  const ours = mediaSources.flatMap((source): TransceiverPlan[] => {
    const kind = kindOf(source);
    const outgoing = media[source];
    const isWanted = outgoing !== undefined || (isUserMedia(source) && receives.includes(kind));
    const free = (view: TransceiverView) => view.isTheirs && view.source === undefined && view.kind === kind;
    const at = claimed.get(source) ?? (isWanted ? placeOf(free) : undefined);
    if (at === undefined && !isWanted) return [];
    const isSilent = outgoing === undefined || outgoing.muted === true || isHolding;
    return [
      {
        at,
        kind,
        source,
        track: isSilent ? undefined : outgoing.track,
        direction: directionOf(outgoing !== undefined),
      },
    ];
  });
  const others = transceivers.flatMap(({ kind }, at): TransceiverPlan[] =>
    isTaken.has(at) ? [] : [{ at, kind, source: undefined, track: undefined, direction: directionOf(false) }],
  );
  return [...ours, ...others];
}

const isUserMedia = (source: MediaSource): boolean => purposeOf(source) === "m.usermedia";
