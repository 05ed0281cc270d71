// The public names of matrixrtc-rx/encryption.
export { encryptedSession } from "./encrypted-session.ts";
export type { EncryptedSession } from "./encrypted-session.ts";
export type { EncryptedJoinOptions } from "./join-with-keys.ts";
export type { KeyFormat, KeyOptions, KeyTransport } from "../keys/options.ts";
export type { RotationPolicy, RotationReason } from "../keys/rotation.ts";
export type { EncryptionStatus, MemberEncryption, WaitingReason } from "../keys/encryption-status.ts";
export type { MemberIds } from "../keys/device.ts";
export type { KeyStatistics } from "../keys/statistics.ts";
export type { KeyRejection, RejectedKey } from "../keys/trace.ts";
export type { DecryptionReport, EncryptionKey } from "../types.ts";
