// The public names of matrixrtc-rx/media: what the media of a call has in common, whatever transport carries it.
export type { AvailableDevice, AvailableDevices } from "./available-devices.ts";
export { combineParticipants } from "./combine.ts";
export type { CallProblem, CallProblemCode } from "./call-problem.ts";
export type { DeviceFailure, DeviceFailureCode } from "./device-failure.ts";
export { mediaLock, type MediaLock } from "./lock.ts";
export type { OutgoingMedia, OutgoingTrack } from "./outgoing.ts";
export { type DeviceWish, type DeviceWishes, type OwnDevices, ownDevices } from "./own-devices.ts";
export type {
  MediaConnection,
  MediaEncryption,
  MediaParticipant,
  MediaProblem,
  MediaProblemCode,
  MediaQuality,
  ParticipantTrack,
} from "./participant.ts";
export { playSound, type Sound, type SoundOptions } from "./play-sound.ts";
export { playableTrack } from "./playable.ts";
export type { SoundState, SoundStatus } from "./sound-player.ts";
export type { MediaSource } from "./source.ts";
export { elementSize, type ElementSize } from "./tile-size.ts";
export { trackLevel } from "./track-level.ts";
export { mediaView, type MediaView } from "./view.ts";
