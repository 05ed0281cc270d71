// Progress: how far the decoders are, by WebRTC's own counters.
import { type Participant, RemoteParticipant } from "livekit-client";

export interface Progress {
  /** Video frames decoded. */
  readonly frames: number;
  /** Audio samples decoded, without those that were made up to fill gaps. */
  readonly samples: number;
}

const none: Progress = { frames: 0, samples: 0 };

/** Of a remote participant's tracks together; nothing is decoded of ourselves, nor of a track that has just ended. */
export async function progressOf(participant: Participant | undefined): Promise<Progress> {
  if (!(participant instanceof RemoteParticipant)) return none;
  const reports = await Promise.all(
    [...participant.trackPublications.values()].map(({ track }) => track?.getRTCStatsReport().catch(() => undefined)),
  );
  const counters = reports
    .flatMap((report) => (report ? Array.from(report.values()) : []))
    .filter(({ type }) => type === "inbound-rtp");
  return counters.reduce<Progress>(
    ({ frames, samples }, { framesDecoded = 0, totalSamplesReceived = 0, concealedSamples = 0 }) => ({
      frames: frames + framesDecoded,
      samples: samples + totalSamplesReceived - concealedSamples,
    }),
    none,
  );
}
