// MediaSource: which of our four kinds of media a track carries. The names are LiveKit's; the purposes are Matrix's (MSC3077).

/** What a track carries. */
export type MediaSource = "microphone" | "camera" | "screen_share" | "screen_share_audio";

/** What a stream of tracks is for, in `sdp_stream_metadata`. */
export type StreamPurpose = "m.usermedia" | "m.screenshare";

export type MediaKind = "audio" | "video";

export const mediaSources: readonly MediaSource[] = ["microphone", "camera", "screen_share", "screen_share_audio"];

export const kindOf = (source: MediaSource): MediaKind =>
  source === "microphone" || source === "screen_share_audio" ? "audio" : "video";

export const purposeOf = (source: MediaSource): StreamPurpose =>
  source === "microphone" || source === "camera" ? "m.usermedia" : "m.screenshare";

export function sourceOf(purpose: StreamPurpose, kind: MediaKind): MediaSource {
  if (purpose === "m.usermedia") return kind === "audio" ? "microphone" : "camera";
  return kind === "audio" ? "screen_share_audio" : "screen_share";
}
