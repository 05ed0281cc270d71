// MediaView: one word for what a tile should show of a member. Pure, and the same for every transport.
import { merge } from "rxjs";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type {
  MediaConnection,
  MediaEncryption,
  MediaParticipant,
  MediaProblem,
  ParticipantTrack,
} from "./participant.ts";

/** What a tile should show. */
export type MediaView =
  /** The picture. It is empty while no tile shows it (`paused` of the track): show it, and it comes. */
  | "video"
  /** Its face, because the camera is off. Sound comes. */
  | "avatar"
  /** Nothing has come yet, and nothing is wrong. */
  | "connecting"
  /** The connection broke, and is being repaired. */
  | "reconnecting"
  /** Its media is there, and its key is not. `encryption$` says why. */
  | "waiting-for-key"
  /** Its key was refused. `encryption$` says why. */
  | "key-refused"
  /** It sends in the clear in an encrypted call: nothing of it is played. */
  | "not-encrypted"
  /** There is no way to its media now. `problem$` says why. */
  | "unreachable";

/** What decides. */
export interface ViewInput {
  readonly isLocal: boolean;
  readonly connection: MediaConnection;
  readonly tracks: readonly Pick<ParticipantTrack<unknown>, "source" | "muted" | "track" | "paused">[];
  readonly encryption: MediaEncryption;
  readonly problem: MediaProblem | undefined;
}

/** Obstacles that mean that nothing comes until something changes. Others are a matter of time. */
const lasting: ReadonlySet<MediaProblem["code"]> = new Set([
  "no-common-transport",
  "too-many-members",
  "too-many-sfus",
  "unknown-device",
  "not-cross-signed",
  "connection-failed",
  "signalling-failed",
  "sfu-not-connected",
]);

/** The word for a participant. A worse reason comes before a better one. */
export function viewOf({ isLocal, connection, tracks, encryption, problem }: ViewInput): MediaView {
  const camera = tracks.find(({ source }) => source === "camera");
  const hasPicture = camera && !camera.muted && (camera.track !== undefined || camera.paused);
  const picture: MediaView = hasPicture ? "video" : "avatar";
  if (isLocal) return picture;
  if (problem && lasting.has(problem.code)) return "unreachable";
  if (connection === "reconnecting") return "reconnecting";
  if (connection !== "connected") return "connecting";
  if (encryption.status === "cleartext") return "not-encrypted";
  if (encryption.status === "unverified") return "key-refused";
  if (encryption.status === "waiting") return "waiting-for-key";
  return picture;
}

/**
 * One word for what a tile should show of a participant, over time.
 *
 * @example
 * ```ts
 * import type { MediaParticipant } from "matrixrtc-rx/media";
 * import { mediaView } from "matrixrtc-rx/media";
 *
 * const show = (participant: MediaParticipant, tile: { dataset: Record<string, string> }) =>
 *   mediaView(participant).subscribe((view) => (tile.dataset["view"] = view));
 * console.assert(typeof show === "function");
 * ```
 */
export function mediaView(participant: MediaParticipant<unknown>): Behavior<MediaView> {
  const { isLocal, connection$, tracks$, encryption$, problem$ } = participant;
  return behavior(
    () =>
      viewOf({
        isLocal,
        connection: connection$.value,
        tracks: tracks$.value,
        encryption: encryption$.value,
        problem: problem$.value,
      }),
    merge(connection$, tracks$, encryption$, problem$),
  );
}
